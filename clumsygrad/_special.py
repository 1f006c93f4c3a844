"""Special functions: which library has which, under which name; and array API code for those that need only the standard.

`special_of(x)` has them as attributes, under SciPy's names: of raw arrays the functions of their library, of Tensors the recorded
operations of clumsygrad.special. So a backward function may call them in both worlds, and is itself differentiable.

SciPy computes for NumPy, for Dask (whose arrays follow NumPy's protocol of ufuncs) and for array-api-strict (whose arrays lie in the
host's memory); cupyx.scipy.special for CuPy, torch.special for torch, jax.scipy.special for JAX.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

from . import _transfer, lean
from . import xp as _xp
from .xp import SCALARS, Array, array_namespace, device, numpy, optional

Function = Callable[..., Any]

_MODULES = {
    "numpy": "scipy.special",
    "dask": "scipy.special",
    "array_api_strict": "scipy.special",
    "cupy": "cupyx.scipy.special",
    "torch": "torch.special",
    "jax": "jax.scipy.special",
}
_TORCH_NAMES = {
    "j0": "bessel_j0",
    "j1": "bessel_j1",
    "y0": "bessel_y0",
    "y1": "bessel_y1",
    "k0": "modified_bessel_k0",
    "k1": "modified_bessel_k1",
    "k0e": "scaled_modified_bessel_k0",
    "k1e": "scaled_modified_bessel_k1",
}
# SciPy's are written in Python: they forget float32, or want NumPy's own arrays. CuPy's polygamma wants an array for n, and its
# multigammaln reads values on the host. torch's trigamma is right to ten digits only.
_NOT_THEIRS = {
    "scipy.special": frozenset({"multigammaln", "polygamma"}),
    "cupyx.scipy.special": frozenset({"multigammaln", "polygamma"}),
    "torch.special": frozenset({"polygamma"}),
}

# Those that give double precision for single precision too, SciPy's of two operands where one is a Python scalar.
_WIDE = {
    "scipy.special": frozenset(
        {"expn", "hyp2f1", "lambertw", "spherical_in", "spherical_jn", "spherical_kn", "spherical_yn", "betaincinv", "gammaincinv"}
    )
    | {"wofz", "beta", "betaln", "ellipeinc", "ellipkinc", "gammainc", "gammaincc", "gammainccinv", "xlog1py", "xlogy"},
    "cupyx.scipy.special": frozenset({"lambertw", "spherical_yn"}),
}


def special_of(*operands: Any) -> Any:
    """The special functions of the library of the first array among the operands; of a Tensor, those of clumsygrad.special."""
    for x in operands:
        if _xp.is_wrapper(x):
            return array_namespace(x).special
    return functions_of(_xp.name_of(_xp.common_namespace(*operands)))


@functools.cache
def functions_of(library: str) -> Functions:
    """The special functions of a library, given by name."""
    return Functions(library)


class Functions:
    """The special functions of one array library, each looked up when it is first asked for."""

    def __init__(self, library: str) -> None:
        self._library = library

    def __getattr__(self, name: str) -> Function:
        function = self._found(name) or self._in_host_memory(name)
        if function is None:
            raise _lacking(name, self._library)
        setattr(self, name, function)
        return function

    def has(self, name: str) -> bool:
        """Whether this library, or the array API code below, can compute a function."""
        return self._found(name) is not None

    def _in_host_memory(self, name: str) -> Function | None:
        """SciPy's function, of arrays of torch that lie in the host's memory; None for other libraries."""
        if self._library != "torch":
            return None
        try:
            function = functions_of("numpy")._found(name)
        except ModuleNotFoundError:  # no SciPy
            return None
        return None if function is None else functools.partial(_if_on_host, name, function)

    def _found(self, name: str) -> Function | None:
        if self._library == "array_api_strict" and name in ELEMENTARY:
            return ELEMENTARY[name]
        if self._library not in _MODULES or name in _NOT_THEIRS.get(_MODULES[self._library], ()):
            return COMPOSED.get(name)
        try:
            module = optional(_MODULES[self._library])
        except ModuleNotFoundError:
            if name in COMPOSED:
                return COMPOSED[name]
            raise
        function = _in_module(module, name, self._library)
        return COMPOSED.get(name) if function is None else function


def _in_module(module: ModuleType, name: str, library: str) -> Function | None:
    """A library's own function, in a form that takes Python scalars among its operands."""
    function: Function | None = getattr(module, _TORCH_NAMES.get(name, name) if library == "torch" else name, None)
    if function is None:
        return None
    if name in _WIDE.get(_MODULES[library], ()):
        function = functools.partial(_narrowed, function)
    if library == "array_api_strict":
        return functools.partial(_on_host, function)
    if library == "dask" and not isinstance(function, numpy.ufunc) and name.startswith("spherical"):
        return functools.partial(_block_by_block, function)
    if library == "torch" and name != "multigammaln":
        return functools.partial(_of_arrays, function)
    return function


def _of_arrays(function: Function, *operands: Any) -> Any:
    """A function that takes nothing but arrays."""
    return function(*arrays(common(*operands), *operands))


def _narrowed(function: Function, *operands: Any) -> Any:
    """A function that gives float64 (or complex128) for float32 operands too: in the operands' precision."""
    z = function(*operands)
    given = numpy.result_type(*[x.dtype for x in operands if type(x) not in SCALARS])
    if given not in (numpy.dtype("float32"), numpy.dtype("complex64")):
        return z
    return z.astype(numpy.complex64 if z.dtype.kind == "c" else numpy.float32)


def _block_by_block(function: Function, n: int, x: Array) -> Array:
    """A function of SciPy that is no ufunc, of an array of Dask."""
    return x.map_blocks(functools.partial(function, n), dtype=x.dtype)


def _lacking(name: str, library: str) -> NotImplementedError:
    return NotImplementedError(
        f"special.{name}: there is no such function in {_MODULES.get(library, library)}: "
        "compute it in a library that has it, x.to('numpy') for example"
    )


def _if_on_host(name: str, function: Function, *operands: Any) -> Any:
    """SciPy's function, of arrays of torch that are not on an accelerator."""
    if common(*operands).device.type != "cpu":
        raise _lacking(name, "torch")
    return _on_host(function, *operands)


def _on_host(function: Function, *operands: Any) -> Any:
    """SciPy's function, of arrays in the host's memory: torch's, and those of array-api-strict, on whichever of its devices."""
    like = common(*operands)
    results = function(*[x if type(x) in SCALARS or isinstance(x, numpy.ndarray) else _transfer.to_numpy(x) for x in operands])
    xp, place = array_namespace(like), device(like)
    if isinstance(results, tuple):
        return tuple([xp.asarray(z, device=place) for z in results])
    return xp.asarray(results, device=place)


def common(*operands: Any) -> Array:
    """The first operand that is no Python scalar."""
    return next(x for x in operands if type(x) not in SCALARS)


def arrays(like: Array, *operands: Any) -> list[Array]:
    """Operands, of which Python scalars become 0-d arrays like `like`."""
    xp = array_namespace(like)
    return [xp.full((), x, dtype=like.dtype, device=device(like)) if type(x) in SCALARS else x for x in operands]


# In array API code ------------------------------------------------------------------------------------------------------------
#
# What SciPy computes by elementary functions alone, so that every library has it. Neither branch of a `where` may give nan where the
# other is taken, as libraries warn of that.


def _safe(xp: Any, condition: Array, x: Array, other: float = 1.0) -> Array:
    """`x` where the condition holds, and a harmless number elsewhere."""
    return xp.where(condition, x, xp.full_like(x, other))


def _broadcast(*operands: Any) -> tuple[Any, ...]:
    like = common(*operands)
    xp = array_namespace(like)
    return (xp, *xp.broadcast_arrays(*arrays(like, *operands)))


def expit(x: Array) -> Array:
    """1 / (1 + e⁻ˣ)."""
    xp = array_namespace(x)
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1 / (1 + e), e / (1 + e))


def logit(x: Array) -> Array:
    """log(x / (1 − x))."""
    xp = array_namespace(x)
    return xp.log(x) - xp.log1p(-x)


def log_expit(x: Array) -> Array:
    """log(1 / (1 + e⁻ˣ))."""
    xp = array_namespace(x)
    return xp.where(x < 0, x, xp.zeros_like(x)) - xp.log1p(xp.exp(-xp.abs(x)))


def xlogy(x: Any, y: Any) -> Array:
    """x log y, and 0 where x = 0."""
    xp, x, y = _broadcast(x, y)
    zero = (x == 0) & ~xp.isnan(y)
    return xp.where(zero, xp.zeros_like(x), x * xp.log(_safe(xp, ~zero, y)))


def xlog1py(x: Any, y: Any) -> Array:
    """x log(1 + y), and 0 where x = 0."""
    xp, x, y = _broadcast(x, y)
    zero = (x == 0) & ~xp.isnan(y)
    return xp.where(zero, xp.zeros_like(x), x * xp.log1p(_safe(xp, ~zero, y)))


def entr(x: Array) -> Array:
    """−x log x; −∞ where x < 0."""
    xp = array_namespace(x)
    return xp.where(x < 0, xp.full_like(x, -math.inf), -xlogy(x, _safe(xp, x >= 0, x)))


def rel_entr(x: Any, y: Any) -> Array:
    """x log(x / y); 0 where x = 0 and y ≥ 0; ∞ outside."""
    xp, x, y = _broadcast(x, y)
    inside = (x > 0) & (y > 0)
    ratio = _safe(xp, inside, x) / _safe(xp, inside, y)
    outside = xp.where((x == 0) & (y >= 0), xp.zeros_like(x), xp.full_like(x, math.inf))
    return xp.where(inside, x * xp.log(ratio), xp.where(xp.isnan(x) | xp.isnan(y), x + y, outside))


def kl_div(x: Any, y: Any) -> Array:
    """x log(x / y) − x + y; ∞ outside."""
    return rel_entr(x, y) - x + y


def huber(delta: Any, r: Any) -> Array:
    """r²/2 where |r| ≤ δ, δ(|r| − δ/2) elsewhere; ∞ where δ < 0."""
    xp, delta, r = _broadcast(delta, r)
    size = xp.abs(r)
    z = xp.where(size <= delta, r * r / 2, delta * (size - delta / 2))
    return xp.where(delta < 0, xp.full_like(z, math.inf), z)


def pseudo_huber(delta: Any, r: Any) -> Array:
    """δ² (√(1 + (r/δ)²) − 1); 0 where δ = 0; ∞ where δ < 0."""
    xp, delta, r = _broadcast(delta, r)
    q = r / _safe(xp, delta != 0, delta)
    z = delta * delta * q * q / (xp.sqrt(1 + q * q) + 1)
    return xp.where(delta < 0, xp.full_like(z, math.inf), z)


def exprel(x: Array) -> Array:
    """(eˣ − 1) / x, and 1 at 0."""
    xp = array_namespace(x)
    away = x != 0
    return xp.where(away, xp.expm1(x) / _safe(xp, away, x), xp.ones_like(x))


def boxcox(x: Any, lmbda: Any) -> Array:
    """(x^λ − 1) / λ, and log x where λ = 0."""
    xp, x, lmbda = _broadcast(x, lmbda)
    return _box_cox(xp, xp.log(x), lmbda)


def boxcox1p(x: Any, lmbda: Any) -> Array:
    """((1 + x)^λ − 1) / λ, and log(1 + x) where λ = 0."""
    xp, x, lmbda = _broadcast(x, lmbda)
    return _box_cox(xp, xp.log1p(x), lmbda)


def _box_cox(xp: Any, log: Array, lmbda: Array) -> Array:
    away = lmbda != 0
    safe = _safe(xp, away, lmbda)
    return xp.where(away, xp.expm1(safe * log) / safe, log)


def inv_boxcox(y: Any, lmbda: Any) -> Array:
    """(1 + λ y)^(1/λ), and eʸ where λ = 0."""
    xp, y, lmbda = _broadcast(y, lmbda)
    return xp.exp(_inverse_box_cox(xp, y, lmbda))


def inv_boxcox1p(y: Any, lmbda: Any) -> Array:
    """(1 + λ y)^(1/λ) − 1, and eʸ − 1 where λ = 0."""
    xp, y, lmbda = _broadcast(y, lmbda)
    return xp.expm1(_inverse_box_cox(xp, y, lmbda))


def _inverse_box_cox(xp: Any, y: Array, lmbda: Array) -> Array:
    away = lmbda != 0
    safe = _safe(xp, away, lmbda)
    return xp.where(away, xp.log1p(safe * y) / safe, y)


def cosm1(x: Array) -> Array:
    """cos x − 1."""
    xp = array_namespace(x)
    half = xp.sin(x / 2)
    return -2 * half * half


def sinc(x: Array) -> Array:
    """sin(πx) / (πx), and 1 at 0."""
    xp = array_namespace(x)
    t = math.pi * _safe(xp, x != 0, x)
    return xp.where(x != 0, xp.sin(t) / t, xp.ones_like(x))


def exp2(x: Array) -> Array:
    """2ˣ."""
    return 2.0**x


def exp10(x: Array) -> Array:
    """10ˣ."""
    return 10.0**x


def cbrt(x: Array) -> Array:
    """The real cube root, from a power and one step of Newton's method."""
    xp = array_namespace(x)
    size = xp.abs(x)
    regular = (size > 0) & (size < math.inf)
    safe = _safe(xp, regular, size)
    root = safe ** (1 / 3)
    root = root - (root - safe / (root * root)) / 3
    return lean.sign(x) * xp.where(regular, root, size)


def sindg(x: Array) -> Array:
    """The sine of degrees."""
    return array_namespace(x).sin(array_namespace(x).remainder(x, arrays(x, 360.0)[0]) * (math.pi / 180))


def cosdg(x: Array) -> Array:
    """The cosine of degrees."""
    return array_namespace(x).cos(array_namespace(x).remainder(x, arrays(x, 360.0)[0]) * (math.pi / 180))


def tandg(x: Array) -> Array:
    """The tangent of degrees."""
    return array_namespace(x).tan(array_namespace(x).remainder(x, arrays(x, 180.0)[0]) * (math.pi / 180))


# By other special functions of the same library -----------------------------------------------------------------------------------


def gammasgn(x: Array) -> Array:
    """The sign of Γ(x)."""
    xp = array_namespace(x)
    odd = xp.remainder(xp.floor(x), xp.full_like(x, 2.0))
    return xp.where(x < 0, 1 - 2 * odd, xp.ones_like(x))


def gamma(x: Array) -> Array:
    """Γ(x), by its logarithm."""
    return gammasgn(x) * array_namespace(x).exp(special_of(x).gammaln(x))


def rgamma(x: Array) -> Array:
    """1 / Γ(x), by its logarithm."""
    return gammasgn(x) * array_namespace(x).exp(-special_of(x).gammaln(x))


def polygamma(n: int, x: Array) -> Array:
    """ψ⁽ⁿ⁾(x), by Hurwitz' zeta function: DLMF 5.15.1 and 25.11.1."""
    if n == 0:
        return special_of(x).digamma(x)
    return (-1) ** (n + 1) * math.factorial(n) * special_of(x).zeta(float(n + 1), x)


def multigammaln(a: Array, d: int) -> Array:
    """log of the multivariate Γ: d(d − 1)/4 log π + Σ log Γ(a − j/2), j = 0 ... d − 1."""
    gammaln = special_of(a).gammaln
    z = gammaln(a) + d * (d - 1) / 4 * math.log(math.pi)
    for j in range(1, d):
        z = z + gammaln(a - j / 2)
    return z


def betaln(a: Any, b: Any) -> Array:
    """log |B(a, b)|."""
    a, b = arrays(common(a, b), a, b)
    gammaln = special_of(a).gammaln
    return gammaln(a) + gammaln(b) - gammaln(a + b)


def beta(a: Any, b: Any) -> Array:
    """B(a, b) = Γ(a) Γ(b) / Γ(a + b)."""
    xp, a, b = _broadcast(a, b)
    return gammasgn(a) * gammasgn(b) * gammasgn(a + b) * xp.exp(special_of(a).betaln(a, b))


def binom(n: Any, k: Any) -> Array:
    """Γ(n + 1) / (Γ(k + 1) Γ(n − k + 1))."""
    n, k = arrays(common(n, k), n, k)
    functions = special_of(n)
    return functions.rgamma(k + 1) * functions.rgamma(n - k + 1) * functions.gamma(n + 1)


def poch(z: Any, m: Any) -> Array:
    """Γ(z + m) / Γ(z)."""
    z, m = arrays(common(z, m), z, m)
    functions = special_of(z)
    return functions.gamma(z + m) * functions.rgamma(z)


def erfcinv(x: Array) -> Array:
    """The inverse of erfc."""
    return special_of(x).ndtri(x / 2) * (-1 / math.sqrt(2))


def betaincc(a: Any, b: Any, x: Any) -> Array:
    """1 − I_x(a, b)."""
    a, b, x = arrays(common(a, b, x), a, b, x)
    return special_of(a).betainc(b, a, 1 - x)


ELEMENTARY: dict[str, Function] = {
    function.__name__: function
    for function in (expit, logit, log_expit, xlogy, xlog1py, entr, rel_entr, kl_div, huber, pseudo_huber, exprel, boxcox)
    + (boxcox1p, inv_boxcox, inv_boxcox1p, cosm1, sinc, exp2, exp10, cbrt, sindg, cosdg, tandg)
}
COMPOSED: dict[str, Function] = ELEMENTARY | {
    function.__name__: function
    for function in (gammasgn, gamma, rgamma, polygamma, multigammaln, betaln, beta, binom, poch, erfcinv, betaincc)
}
