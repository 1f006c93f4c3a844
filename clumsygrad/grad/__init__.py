"""The calculus: a backward function for every differentiable operation, and nothing else.

Each takes `(tensor, grad)`: the result of an operation, and the gradient of a loss with respect to it. It asks `grad` for its array
namespace and returns one gradient per operand. Called directly with a raw gradient it returns raw arrays of that library, on that
device; in a pass of Tensors the same text records itself.

>>> import numpy as np, clumsygrad as cg
>>> x = cg.Tensor([0.0, 1.0], requires_grad=True)
>>> cg.grad.exp_backward(cg.exp(x), np.asarray([1.0, 1.0]))
(array([1.        , 2.71828183]),)
"""

from ._read import GradientTuple, attribute, kept, needs, operand, operands, pair, result, unbroadcast
from .activations import *
from .arithmetic import *
from .bessel import *
from .decompositions import *
from .elementwise import *
from .fft import *
from .gamma import *
from .indexing import *
from .layers import *
from .linalg import *
from .losses import *
from .manipulation import *
from .matrix_functions import *
from .norms import *
from .products import *
from .reductions import *
from .special import *
from .transfer import *
