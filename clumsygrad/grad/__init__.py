"""The calculus: a backward function for every differentiable operation, and nothing else.

Each takes `(tensor, grad)`: the result of an operation, and the gradient of a loss with respect to it. It asks `grad` for its array
namespace and returns one gradient per operand. Called directly with a raw gradient it returns raw arrays of that library, on that
device; in a pass of Tensors the same text records itself.

>>> import numpy as np, clumsygrad as cg
>>> x = cg.Tensor([0.0, 1.0], requires_grad=True)
>>> cg.grad.exp_backward(cg.exp(x), np.asarray([1.0, 1.0]))
(array([1.        , 2.71828183]),)
"""

from ._read import GradientTuple, attribute, needs, operand, operands, pair, result, unbroadcast
from .activations import *
from .arithmetic import *
from .elementwise import *
from .indexing import *
from .losses import *
from .manipulation import *
from .products import *
from .reductions import *
from .transfer import *
