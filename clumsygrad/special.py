"""Special functions: those of scipy.special that have derivatives in use, under its names, on every array library that has them.

Elementwise; operands broadcast. What each is differentiable in, and how often: docs/special.md.
"""

from __future__ import annotations

from .forward import bessel as _bessel
from .forward import distributions as _distributions
from .forward import gamma as _gamma
from .forward import special as _special
from .forward.activations import log_softmax, softmax
from .forward.bessel import *
from .forward.distributions import *
from .forward.gamma import *
from .forward.gamma import digamma
from .forward.reductions import logsumexp
from .forward.special import *

psi = digamma

__all__ = ["log_softmax", "logsumexp", "psi", "softmax"]
__all__ += _bessel.__all__
__all__ += _distributions.__all__
__all__ += _gamma.__all__
__all__ += _special.__all__
