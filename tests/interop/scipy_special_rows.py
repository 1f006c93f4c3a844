"""The rows of scipy.special: SciPy finds clumsygrad.special through the namespace of its arguments."""

from __future__ import annotations

import scipy.special
from rows import Table

TABLE = Table()

for _name in (
    *("erf", "erfc", "erfcx", "ndtr", "log_ndtr", "expit", "log_expit", "exp2", "exp10", "exprel", "cbrt", "cosm1", "sinc"),
    *("i0", "i0e", "i1", "i1e", "j0", "j1", "sindg", "cosdg", "tandg"),
):
    TABLE.row(f"scipy.special.{_name}", (2, 3))
for _name in (
    *("entr", "gammaln", "gamma", "rgamma", "loggamma", "psi", "exp1", "expi", "spence"),
    *("k0", "k0e", "k1", "k1e", "y0", "y1"),
):
    TABLE.row(f"scipy.special.{_name}", (2, 3), domain="positive")
for _name in ("erfinv", "ellipk", "ellipe"):
    TABLE.row(f"scipy.special.{_name}", (2, 3), domain="unit")
for _name in ("logit", "ndtri", "ellipkm1"):
    TABLE.row(f"scipy.special.{_name}", (2, 3), domain=(0.1, 0.8))
for _name in ("xlogy", "xlog1py", "rel_entr", "kl_div", "betaln", "beta", "poch", "binom", "huber", "pseudo_huber", "boxcox"):
    TABLE.row(f"scipy.special.{_name}", (2, 3), (3,), domain="positive")
for _name in ("boxcox1p", "inv_boxcox", "inv_boxcox1p", "gammainc", "gammaincc"):
    TABLE.row(f"scipy.special.{_name}", (2, 3), (3,), domain="positive")
for _name in ("gammaincinv", "gammainccinv"):
    TABLE.row(f"scipy.special.{_name}", (2, 3), (3,), domain=("positive", (0.2, 0.8)))
for _name in ("betainc", "betaincc", "betaincinv"):
    TABLE.row(f"scipy.special.{_name}", (3,), (3,), (3,), domain=("positive", "positive", (0.2, 0.8)))
for _name in ("logsumexp", "softmax", "log_softmax"):
    TABLE.row(f"scipy.special.{_name}", (2, 3), axis=1)
TABLE.row(
    "scipy.special.logsumexp-weights", (2, 3), (3,), domain="positive", call=lambda x, b: scipy.special.logsumexp(x, axis=1, b=b)
)
TABLE.row("scipy.special.multigammaln", (3,), domain=(2.2, 3.5), d=3)
TABLE.row("scipy.special.polygamma", (3,), domain="positive", call=lambda x: scipy.special.polygamma(2, x))
TABLE.row("scipy.special.zeta", (3,), domain="positive", call=lambda q: scipy.special.zeta(3.5, q))
TABLE.row("scipy.special.expn", (3,), domain="positive", call=lambda x: scipy.special.expn(2, x))
TABLE.row("scipy.special.hyp1f1", (3,), call=lambda x: scipy.special.hyp1f1(0.5, 1.5, x))
TABLE.row("scipy.special.chdtr", (3,), (3,), domain="positive")
TABLE.row("scipy.special.chdtrc", (3,), (3,), domain="positive")
for _name in ("fdtr", "fdtrc"):
    TABLE.row(f"scipy.special.{_name}", (3,), (3,), (3,), domain="positive")
TABLE.row("scipy.special.stdtr", (3,), (3,), domain=("positive", "any"))
TABLE.row("scipy.special.stdtrit", (3,), (3,), domain=("positive", (0.2, 0.8)))
for _name in ("jv", "yv", "iv", "kv", "kve"):
    TABLE.row(f"scipy.special.{_name}", (3,), domain="positive", call=lambda x, name=_name: getattr(scipy.special, name)(1.5, x))
TABLE.row("scipy.special.ellipeinc", (3,), (3,), domain="unit")
TABLE.row("scipy.special.hyp2f1", (3,), domain="unit", call=lambda x: scipy.special.hyp2f1(0.5, 1.5, 2.5, x))

for _name in ("zetac", "ellipj", "struve", "radian"):
    _count = {"zetac": 1, "radian": 3}.get(_name, 2)
    TABLE.refuses(f"scipy.special.{_name}", *[(3,)] * _count, domain="positive", says=r"x\.detach\(\)")
