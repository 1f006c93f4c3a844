"""The table's rows of clumsygrad.special; values are compared with SciPy's."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from backends import BACKENDS
from table import COMPLEX, REAL, Domain, Shape, called, row

import clumsygrad as cg

SCIPY = importlib.util.find_spec("scipy") is not None
NO_SCIPY = tuple((name, "SciPy, with which this row is compared, is not installed") for name in BACKENDS)

# What libraries lack (test_special_oracles.py asks them). A row cannot run where one of its functions, or of its rules' functions, lacks.
TORCH_LACKS = (
    "airy betaincinv betainccinv dawsn ellipe ellipeinc ellipk ellipkinc ellipkm1 erfi exp1 expi expn fresnel gammaincinv gammainccinv "
    "hyp0f1 hyp1f1 hyp2f1 iv ive jv kv kve lambertw loggamma owens_t shichi sici spence spherical_in spherical_jn spherical_kn "
    "spherical_yn stdtrit wofz yv"
)
JAX_LACKS = (
    "airy betaincinv betainccinv ellipe ellipeinc ellipk ellipkinc ellipkm1 erfi gammaincinv gammainccinv hyp0f1 iv ive j0 j1 jv k0 k0e "
    "k1 k1e kv kve lambertw shichi spherical_in spherical_jn spherical_kn spherical_yn stdtrit y0 y1 yv"
)
LACKS = {"torch": set(TORCH_LACKS.split()), "jax": set(JAX_LACKS.split()), "jax-jit": set(JAX_LACKS.split())}
DASK_TUPLES = (("dask", "dask.array has no ufuncs of several results"),)


def scipys(name: str, *attributes: Any) -> Callable[..., Any]:
    """SciPy's function, in the dtype of its operands (some of SciPy's forget float32)."""

    def function(*operands: Any) -> Any:
        special = importlib.import_module("scipy.special")
        value = np.asarray(getattr(special, name)(*attributes, *operands))
        dtype = np.result_type(*operands)
        return value.astype(dtype if value.dtype.kind == "f" else np.result_type(dtype, np.complex64))

    return function


def cannot(*names: str) -> tuple[tuple[str, str], ...]:
    """Why a row that needs these functions can't run on some backends."""
    if not SCIPY:
        return NO_SCIPY
    lacking = {backend: sorted(lacks & set(names)) for backend, lacks in LACKS.items()}
    if BACKENDS["cupy"].missing() is None:  # what cupyx has grows with every release
        lacking["cupy"] = sorted(name for name in names if not cg._special.functions_of("cupy").has(name))
    return tuple((backend, f"no {', '.join(found)} here") for backend, found in lacking.items() if found)


def special(
    name: str,
    domain: Domain | tuple[Domain, ...] = "any",
    *,
    shapes: tuple[Shape, ...] = ((2, 3),),
    attributes: tuple[Any, ...] = (),
    needs: str = "",
    kinds: tuple[str, ...] = REAL,
    rules: str | None = None,
    suffix: str = "",
    lacking: tuple[tuple[str, str], ...] = (),
    **options: Any,
) -> None:
    """A row of special.NAME; attributes come before its operands. `needs`: what its rules call besides."""

    def function(xp: Any, *operands: Any) -> Any:
        return getattr(xp.special, name)(*attributes, *operands)

    if not isinstance(domain, str) and isinstance(domain[0], float):
        domain = (domain,) * len(shapes)
    row(
        f"special.{name}{suffix}" + "".join(f"-{x}" for x in attributes),
        function,
        *shapes,
        rules=rules or name,
        domain=domain,
        kinds=kinds,
        reference=scipys(name, *attributes),
        cannot=cannot(name, *needs.split()) + lacking,
        **options,
    )


def of_complex(name: str, domain: Domain = "any", **options: Any) -> None:
    """A row of complex operands, which SciPy alone takes."""
    others = tuple((b, "of complex numbers SciPy alone computes this") for b in ("torch", "jax", "jax-jit", "cupy"))
    special(name, domain, kinds=COMPLEX, suffix="-complex", lacking=others, **options)


PAIR = ((2, 3), (3,))
TRIPLE = ((2, 1), (3,), (2, 3))

# The error function, the logistic function, entropies, losses, powers, angles -----------------------------------------------------------

for _name in ("erf", "erfc", "ndtr", "expit", "log_expit", "exprel", "exp2", "exp10", "cbrt", "cosm1", "erfcx", "dawsn", "erfi"):
    special(_name)
for _name in ("sindg", "cosdg", "tandg"):
    special(_name, (10.0, 70.0))
special("log_ndtr", needs="erfcx")
special("erfinv", (-0.8, 0.8))
special("erfcinv", (0.2, 1.8))
special("ndtri", (0.1, 0.9))
special("logit", (0.1, 0.9))
special("sinc", "any")
special("sinc", (-0.3, 0.3), suffix="-near-0")
special("exprel", (-3.0, 3.0), suffix="-wide")
special("erfcx", (15.0, 25.0), suffix="-far", rules="erfcx")
special("dawsn", (15.0, 25.0), suffix="-far", rules="dawsn")
special("log_ndtr", (-40.0, 8.0), suffix="-far", needs="erfcx", rules="log_ndtr")
special("entr", "positive")
special("owens_t", shapes=PAIR, lacking=tuple((b, "JAX's forgets float32") for b in ("jax", "jax-jit")))
for _name in ("rel_entr", "kl_div", "xlogy"):
    special(_name, "positive", shapes=PAIR)
special("xlog1py", "positive", shapes=PAIR)
special("huber", ((0.7, 0.9), "any"), shapes=((3,), (2, 3)))
special("huber", ((1.7, 1.9), "any"), shapes=((3,), (2, 3)), suffix="-inside")
special("pseudo_huber", ("positive", "any"), shapes=((3,), (2, 3)))
special("boxcox", "positive", shapes=PAIR)
special("boxcox1p", "positive", shapes=PAIR)
special("boxcox", ("positive", (-0.05, 0.05)), shapes=PAIR, suffix="-near-0")
special("inv_boxcox", "positive", shapes=PAIR)
special("inv_boxcox1p", "positive", shapes=PAIR)
special("inv_boxcox", ("positive", (-0.04, 0.04)), shapes=PAIR, suffix="-near-0")
for _name in ("erf", "erfc", "ndtr", "wofz", "erfcx", "dawsn", "sinc"):
    of_complex(_name)
of_complex("log_ndtr", needs="erfcx")
for _name in ("xlogy", "xlog1py"):
    of_complex(_name, "positive", shapes=PAIR)


# The gamma and beta functions ---------------------------------------------------------------------------------------------------------

special("gamma", (0.5, 3.0))
special("gamma", (-1.8, -1.2), suffix="-negative")
special("gammaln", (0.5, 3.0))
special("gammaln", (-1.8, -1.2), suffix="-negative", needs="loggamma")
special("loggamma", (0.5, 3.0))
special("rgamma", (0.5, 3.0))
special("rgamma", (-1.8, -1.2), suffix="-negative")
special("digamma", (0.5, 3.0))
special("polygamma", (0.5, 3.0), attributes=(1,))
special("polygamma", (0.5, 3.0), attributes=(0,), rules="polygamma")
special("polygamma", (0.5, 3.0), attributes=(3,))
special("zeta", (0.5, 3.0), attributes=(2.5,))
row(
    "special.multigammaln",
    lambda xp, a: xp.special.multigammaln(a, 3),
    (2, 3),
    rules="multigammaln",
    domain=(1.5, 3.0),
    reference=lambda a: importlib.import_module("scipy.special").multigammaln(a, 3).astype(a.dtype),
    cannot=cannot(),
)
special("beta", (0.5, 3.0), shapes=PAIR)
special("betaln", (0.5, 3.0), shapes=PAIR)
special("binom", ((3.0, 5.0), (0.5, 2.0)), shapes=PAIR)
special("poch", (0.5, 3.0), shapes=PAIR)
row(
    "special.gammasgn",
    called("special.gammasgn"),
    (2, 3),
    rules="zero",
    reference=scipys("gammasgn"),
    cannot=cannot(),
)
for _name in ("gammainc", "gammaincc"):
    special(_name, (0.5, 4.0), shapes=PAIR)
    special(_name, ((4.0, 8.0), (2.0, 12.0)), shapes=PAIR, suffix="-large")
for _name in ("gammaincinv", "gammainccinv"):
    special(_name, ((0.5, 4.0), (0.1, 0.9)), shapes=PAIR)
for _name in ("betainc", "betaincc"):
    special(_name, ((0.5, 3.0), (0.5, 3.0), (0.1, 0.9)), shapes=TRIPLE)
for _name in ("betaincinv", "betainccinv"):
    special(_name, ((0.5, 3.0), (0.5, 3.0), (0.1, 0.9)), shapes=TRIPLE)
for _name in ("chdtr", "chdtrc"):
    special(_name, (0.5, 4.0), shapes=PAIR, rules="gammainc" if _name == "chdtr" else "gammaincc")
for _name in ("fdtr", "fdtrc"):
    special(_name, (0.5, 3.0), shapes=TRIPLE, rules="betainc")
special("stdtr", ((0.5, 3.0), "any"), shapes=PAIR)
special("stdtrit", ((0.5, 3.0), (0.1, 0.9)), shapes=PAIR, needs="stdtrit")
THIRD = "a third derivative in a parameter would be needed, and two are known"
row(
    "special.gammainc_derivative",
    called("special.gammainc_derivative", order=1),
    *PAIR,
    rules="gammainc_derivative",
    domain=((0.5, 4.0), (0.5, 4.0)),
    reference=lambda a, x: cg.special.gammainc_derivative(a, x, order=1),
    order=1,
    reason=THIRD,
    cannot=cannot(),
)
for _i, _j in ((1, 0), (0, 1)):
    row(
        f"special.betainc_derivative-{_i}-{_j}",
        called("special.betainc_derivative", order_a=_i, order_b=_j),
        *TRIPLE,
        rules="betainc_derivative",
        domain=((0.5, 3.0), (0.5, 3.0), (0.1, 0.9)),
        reference=lambda a, b, x, i=_i, j=_j: cg.special.betainc_derivative(a, b, x, order_a=i, order_b=j),
        order=1,
        reason=THIRD,
        cannot=cannot(),
    )
NO_TRIGAMMA = "SciPy's polygamma takes real numbers only"
of_complex("gamma", order=1, reason=NO_TRIGAMMA)
of_complex("loggamma", order=1, reason=NO_TRIGAMMA)

# Bessel functions, integrals, hypergeometric functions -----------------------------------------------------------------------------------

for _name, _needs in (
    ("j0", "j1"), ("j1", "j0"), ("y0", "y1"), ("y1", "y0"), ("i0", "i1"), ("i0e", "i1e"), ("i1", "i0"), ("i1e", "i0e"), ("k0", "k1"),
    ("k0e", "k1e"), ("k1", "k0"), ("k1e", "k0e"),
):  # fmt: skip
    special(
        _name,
        (0.5, 3.0) if _name[0] in "yk" else "any",
        needs=_needs,
        lacking=(("torch", "torch's Y₀ is off by 2e-12"),) if _name == "y0" else (),
    )
for _name in ("jv", "yv", "iv", "ive", "kv", "kve"):
    special(_name, (0.5, 3.0), attributes=(1.5,))
    if _name != "ive":
        of_complex(_name, (0.5, 3.0), attributes=(0.5,))
for _name in ("spherical_jn", "spherical_yn", "spherical_in", "spherical_kn"):
    for _n in (0, 2):
        special(_name, (0.5, 3.0), attributes=(_n,))
special("exp1", (0.5, 3.0))
special("expi", (0.5, 3.0))
of_complex("exp1", (0.5, 3.0))
for _n in (0, 1, 2, 4):
    special("expn", (0.5, 3.0), attributes=(_n,))
special("spence", (0.5, 3.0))
of_complex("spence", (0.5, 3.0))
for _name, _count in (("sici", 2), ("shichi", 2), ("fresnel", 2), ("airy", 4)):
    for _index in range(_count):
        row(
            f"special.{_name}-{_index}",
            lambda xp, x, f=_name, i=_index: getattr(xp.special, f)(x)[i],
            (2, 3),
            rules=_name,
            domain=(0.5, 2.0),
            reference=lambda x, f=_name, i=_index: getattr(importlib.import_module("scipy.special"), f)(x)[i],
            cannot=cannot(_name) + DASK_TUPLES,
        )
special("lambertw", (0.5, 3.0))
of_complex("lambertw", (0.5, 3.0))
special("ellipk", (-2.0, 0.8), needs="hyp2f1")
special("ellipe", (-2.0, 0.8), needs="hyp2f1")
special("ellipkm1", (0.1, 3.0), needs="hyp2f1")
special("ellipkinc", ((0.3, 1.2), (0.1, 0.7)), shapes=PAIR, needs="ellipeinc")
special("ellipeinc", ((0.3, 1.2), (0.1, 0.7)), shapes=PAIR, needs="ellipkinc")
special("ellipkinc", ((0.3, 1.2), (-2.0, -0.1)), shapes=PAIR, needs="ellipeinc", suffix="-negative")
special("hyp0f1", attributes=(1.5,))
special("hyp1f1", attributes=(0.7, 1.9))
special("hyp2f1", (-0.7, 0.7), attributes=(0.7, 1.2, 1.9))
