"""einops: its functions of the array API, which find clumsygrad by themselves, and its own, which find it by a registered backend."""

from __future__ import annotations

from typing import Any

import einops
import einops.array_api
from rows import Table

import clumsygrad.integrations.einops  # noqa: F401 (registers)

TABLE = Table()
row, refuses = TABLE.row, TABLE.refuses

for _module in (einops, einops.array_api):
    _name = _module.__name__
    row(f"{_name}.rearrange", (2, 3, 4), pattern="a b c -> c (a b)", linear=True)
    row(f"{_name}.rearrange-apart", (6, 4), pattern="(a b) c -> b a c", a=2, linear=True)
    row(f"{_name}.rearrange-list", (2, 3), (2, 3), call=lambda x, y, m=_module: m.rearrange([x, y], "n a b -> b a n"), linear=True)
    row(f"{_name}.repeat", (2, 3), pattern="a b -> b n a m", n=2, m=3, linear=True)
    for _reduction in ("sum", "mean", "max", "min", "prod"):
        _linear = _reduction in ("sum", "mean")
        row(f"{_name}.reduce-{_reduction}", (2, 3, 4), pattern="a b c -> c a", reduction=_reduction, linear=_linear)
    row(f"{_name}.reduce-pooling", (4, 6), pattern="(a h) (b w) -> a b", reduction="max", h=2, w=3)
    row(f"{_name}.reduce-kept", (2, 3, 4), pattern="a b c -> a 1 c", reduction="mean", linear=True)

    def packed(x: Any, y: Any, m: Any = _module) -> Any:
        return m.pack([x, y], "a *")[0] ** 2

    def unpacked(x: Any, m: Any = _module) -> Any:
        first, second = m.unpack(x, [(2, 2), (3,)], "a *")
        return first[:, :, 0] * second[:, 1:] ** 2

    row(f"{_name}.pack", (2, 3, 2), (2, 4), call=packed)
    row(f"{_name}.unpack", (2, 7), call=unpacked)

row("einops.einsum", (2, 3), (3, 4), (4,), call=lambda x, y, z: einops.einsum(x, y, z, "rows n, n columns, columns -> rows"))
row("einops.parse_shape", (2, 3), call=lambda x: x * einops.parse_shape(x, "rows columns")["columns"], linear=True)
row(
    "einops.reduce-any",
    (2, 3),
    call=lambda x: einops.rearrange(x, "a b -> b a") * einops.reduce(x > 0.5, "a b -> a", "any"),
)
refuses("einops.asnumpy", (2, 3), says="detach")
refuses("einops.array_api.asnumpy", (2, 3), says="detach")
