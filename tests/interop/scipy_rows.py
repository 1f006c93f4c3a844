"""The rows of SciPy's smaller packages: integrate, differentiate, optimize, interpolate, cluster, linalg, ndimage, constants."""

from __future__ import annotations

import math
from typing import Any

import scipy.constants as constants
import scipy.differentiate as differentiate
import scipy.integrate as integrate
import scipy.interpolate as interpolate
import scipy.optimize as optimize
import scipy.optimize.elementwise as elementwise
from array_api_compat import array_namespace
from rows import Table, beside

TABLE = Table()

CONVERTS = r"x\.detach\(\)"


def exp(x: Any) -> Any:
    return array_namespace(x).exp(x)


def rising(steps: Any) -> Any:
    """Places whose distances are `steps`."""
    return array_namespace(steps).cumulative_sum(steps)


def cubic_minus(x: Any, p: Any) -> Any:
    return x**3 - p


def quartic(x: Any, p: Any) -> Any:
    return (x**2 - p) ** 2 + p * x


# integrate --------------------------------------------------------------------------------------------------------------------------

TABLE.row("scipy.integrate.trapezoid", (2, 5), (5,))
TABLE.row("scipy.integrate.trapezoid-dx", (5, 2), dx=0.5, axis=0, linear=True)
TABLE.row("scipy.integrate.cumulative_trapezoid", (2, 5), (5,))
TABLE.row("scipy.integrate.cumulative_trapezoid-initial", (5,), initial=0, linear=True)
TABLE.row("scipy.integrate.cumulative_simpson-dx", (6,), dx=0.5, linear=True)
TABLE.row(
    "scipy.integrate.cumulative_simpson",
    (2, 5),
    (5,),
    domain="positive",
    call=lambda y, steps: integrate.cumulative_simpson(y, x=rising(steps)),
)
TABLE.row("scipy.integrate.romb", (9,), dx=0.5, linear=True)
TABLE.row("scipy.integrate.fixed_quad", (), (), call=lambda a, b: integrate.fixed_quad(exp, a, b, n=4)[0])
TABLE.row(
    "scipy.integrate.cubature",
    (2,),
    call=lambda p: integrate.cubature(lambda x, p: exp(-p * x), beside(p, [0.0]), beside(p, [1.0]), args=(p,)).estimate,
)
TABLE.row(
    "scipy.integrate.cubature-infinite",
    (2,),
    domain="positive",
    call=lambda p: (
        integrate.cubature(
            lambda x, p: exp(-p * x * x), beside(p, [-math.inf]), beside(p, [math.inf]), args=(p,), rtol=1e-10
        ).estimate
    ),
)
TABLE.row(
    "scipy.integrate.cubature-limits", (1,), (1,), call=lambda a, b: integrate.cubature(lambda x: exp(-x[:, 0]), a, b).estimate
)
TABLE.row("scipy.integrate.tanhsinh-limits", (2,), (2,), call=lambda a, b: integrate.tanhsinh(lambda x: exp(-x * x), a, b).integral)
TABLE.row(
    "scipy.integrate.tanhsinh",
    (2,),
    call=lambda p: integrate.tanhsinh(lambda x, p: exp(-p * x), beside(p, 0.0), beside(p, 1.0), args=(p,)).integral,
)
TABLE.row(
    "scipy.integrate.nsum",
    (2,),
    domain=(2.0, 3.0),
    call=lambda p: integrate.nsum(lambda k, p: 1 / k**p, beside(p, 1.0), beside(p, 30.0), args=(p,)).sum,
)
for _name in ("simpson", "quad", "odeint", "solve_ivp"):
    _calls = {
        "simpson": integrate.simpson,
        "quad": lambda p: integrate.quad(lambda x: x * p[0], 0.0, 1.0)[0],
        "odeint": lambda p: integrate.odeint(lambda y, t: -y, p, [0.0, 1.0]),
        "solve_ivp": lambda p: integrate.solve_ivp(lambda t, y: -y, (0.0, 1.0), p).y,
    }
    TABLE.refuses(f"scipy.integrate.{_name}", (3,), call=_calls[_name], says=r"x\.(detach|item)\(\)")

# differentiate ------------------------------------------------------------------------------------------------------------------------

TABLE.row(
    "scipy.differentiate.derivative",
    (3,),
    (3,),
    call=lambda x, p: differentiate.derivative(lambda x, p: exp(p * x), x, args=(p,)).df,
)
TABLE.row(
    "scipy.differentiate.jacobian",
    (2,),
    call=lambda x: differentiate.jacobian(lambda x: array_namespace(x).stack([x[0] ** 3 * x[1], exp(x[0])]), x).df,
)
TABLE.row("scipy.differentiate.hessian", (2,), call=lambda x: differentiate.hessian(lambda x: x[0] ** 4 * x[1] ** 2, x).ddf)

# optimize -----------------------------------------------------------------------------------------------------------------------------

TABLE.row(
    "scipy.optimize.elementwise.find_root",
    (3,),
    domain="positive",
    call=lambda p: elementwise.find_root(cubic_minus, (beside(p, 0.0), beside(p, 3.0)), args=(p,)).x,
)
TABLE.row(
    "scipy.optimize.elementwise.find_minimum",
    (3,),
    domain="positive",
    call=lambda p: elementwise.find_minimum(quartic, (beside(p, -4.0), beside(p, -1.0), beside(p, -0.1)), args=(p,)).f_x,
)
TABLE.row(
    "scipy.optimize.elementwise.bracket_root",
    (3,),
    domain="positive",
    call=lambda p: elementwise.bracket_root(cubic_minus, p, args=(p,)).f_bracket[0],
)
TABLE.row(
    "scipy.optimize.elementwise.bracket_minimum",
    (3,),
    domain="positive",
    call=lambda p: elementwise.bracket_minimum(quartic, -p, args=(p,)).f_bracket[0],
)
for _name in ("rosen", "rosen_der", "rosen_hess"):
    TABLE.row(f"scipy.optimize.{_name}", (4,))
TABLE.row("scipy.optimize.rosen_hess_prod", (4,), (4,))
TABLE.refuses("scipy.optimize.minimize", (2,), call=lambda x: optimize.minimize(optimize.rosen, x).x, says=CONVERTS)
TABLE.refuses("scipy.optimize.newton", (3,), call=lambda x: optimize.newton(lambda y: y**3 - x, x), says=CONVERTS)
TABLE.refuses("scipy.optimize.nnls", (3, 2), (3,), says=CONVERTS)

# interpolate ------------------------------------------------------------------------------------------------------------------------

NODES = [0.0, 1.0, 2.0, 3.0]
for _name in (
    "CubicSpline",
    "PchipInterpolator",
    "Akima1DInterpolator",
    "BarycentricInterpolator",
    "interp1d",
    "make_interp_spline",
):
    TABLE.refuses(
        f"scipy.interpolate.{_name}",
        (4,),
        call=lambda y, name=_name: getattr(interpolate, name)(beside(y, NODES), y)(beside(y, [0.3, 2.4])),
        says=CONVERTS,
    )

TABLE.refuses(
    "scipy.interpolate.RBFInterpolator",
    (5, 1),
    (5,),
    call=lambda x, y: interpolate.RBFInterpolator(x, y)(beside(x, [[0.3], [1.4]])),
    says=CONVERTS,
)

# cluster, linalg, ndimage, constants --------------------------------------------------------------------------------------------------

TABLE.row("scipy.cluster.vq.whiten", (5, 2))
TABLE.refuses("scipy.cluster.vq.vq", (6, 2), (3, 2), says=CONVERTS)
TABLE.refuses("scipy.cluster.vq.kmeans", (6, 2), (3, 2), says=CONVERTS)
TABLE.row("scipy.linalg.orthogonal_procrustes", (4, 2), (4, 2), several=True)
TABLE.row("scipy.linalg.block_diag", (2, 2), (1, 3), linear=True)
TABLE.row("scipy.linalg.fiedler", (4,))
TABLE.row("scipy.linalg.kron", (2, 2), (2, 2))
for _name in ("inv", "det", "expm", "sqrtm", "svd", "eigh", "lu", "qr"):
    TABLE.refuses(f"scipy.linalg.{_name}", (3, 3), says=CONVERTS)
TABLE.refuses("scipy.linalg.solve", (3, 3), (3,), says=CONVERTS)
for _name in ("toeplitz", "circulant", "hankel"):
    TABLE.refuses(f"scipy.linalg.{_name}", (3,), says=CONVERTS)
TABLE.refuses("scipy.ndimage.gaussian_filter", (5, 5), sigma=1.0, says=CONVERTS)
TABLE.refuses("scipy.ndimage.convolve", (5,), (3,), says=CONVERTS)
TABLE.refuses("scipy.ndimage.map_coordinates", (5, 5), (2, 3), says=CONVERTS)
TABLE.row("scipy.constants.convert_temperature", (3,), old_scale="Celsius", new_scale="Fahrenheit", linear=False)
TABLE.row("scipy.constants.lambda2nu", (3,), call=lambda x: constants.lambda2nu(x) / constants.c)
TABLE.row("scipy.constants.nu2lambda", (3,), call=lambda x: constants.nu2lambda(x) / constants.c)
