"""opt_einsum: contractions of many operands, by the functions that it looks for in clumsygrad."""

from __future__ import annotations

from typing import Any

import opt_einsum
from rows import Table

TABLE = Table()
row = TABLE.row

CHAIN = ((2, 3), (3, 4), (4, 2))


def contraction(subscripts: str, **options: Any) -> Any:
    return lambda *operands: opt_einsum.contract(subscripts, *operands, **options)


row("opt_einsum.contract", *CHAIN, call=contraction("ij,jk,kl->il"), kinds=("real", "complex"))
row("opt_einsum.contract-transposed", (2, 3), (4, 3), (4, 2), call=contraction("ij,kj,kl->li"))
row("opt_einsum.contract-scalar", (3, 3), (3,), (3,), call=contraction("ij,i,j->"))
row("opt_einsum.contract-batch", (2, 3, 4), (2, 4, 3), call=contraction("bij,bjk->bik"))
row("opt_einsum.contract-trace", (3, 3), (3, 3), call=contraction("ij,ji->"))
row("opt_einsum.contract-elementwise", (2, 3), (2, 3), call=contraction("ij,ij->ij"))
row("opt_einsum.contract-without blas", *CHAIN, call=contraction("ij,jk,kl->il", use_blas=False))
row("opt_einsum.contract-unoptimized", *CHAIN, call=contraction("ij,jk,kl->il", optimize=False))
row(
    "opt_einsum.contract_expression",
    *CHAIN,
    call=lambda *operands: opt_einsum.contract_expression("ij,jk,kl->il", *CHAIN)(*operands),
)
row(
    "opt_einsum.contract_expression-constants",
    *CHAIN,
    call=lambda x, y, z: opt_einsum.contract_expression("ij,jk,kl->il", (2, 3), y, (4, 2), constants=[1])(x, z),
)


def shared(x: Any, y: Any, z: Any) -> Any:
    """Two contractions that have an intermediate in common."""
    with opt_einsum.shared_intermediates():
        return opt_einsum.contract("ij,jk,kl->il", x, y, z) + opt_einsum.contract("ij,jk,kl->li", x, y, z).T


row("opt_einsum.shared_intermediates", *CHAIN, call=shared)
row(
    "opt_einsum.contract_path",
    *CHAIN,
    call=lambda *operands: opt_einsum.contract(
        "ij,jk,kl->il", *operands, optimize=opt_einsum.contract_path("ij,jk,kl->il", *operands)[0]
    ),
)
