"""What other code computes, made differentiable: linear operators from their adjoint, solutions of equations from the equation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .. import _transfer, _tree
from .. import xp as _xp
from .._modes import recording
from .._operands import raw
from .._operation import operation
from .._versions import as_read
from ..grad._read import attribute, operands, result
from ..tensor import Tensor, constant, record
from ..xp import Array, array_namespace, numpy
from ._scope import constants, name_of
from .reverse import vjp

__all__ = ["LinearOperator", "implicit_root", "linear_operator"]

Function = Callable[..., Any]

# Linear operators ---------------------------------------------------------------------------------------------------------------


def linear_operator(forward: Function, adjoint: Function, *, name: str | None = None, check: bool = False) -> LinearOperator:
    """A differentiable function of a linear operator that other code computes: a Radon transform, a sparse matrix, a PyLops operator.

    `forward` takes a plain array x and returns A x, `adjoint` takes a plain array y like A x and returns Aᴴ y: arrays of any shapes, in
    the caller's library. The result is a function of an array or a Tensor, differentiable to any order, in both directions; its attribute
    `adjoint` is the function of Aᴴ, differentiable too, and `dot_test` checks that the two belong together. With `check`, the first
    call for each shape and dtype does that.

    z = A x:   x̄ = Aᴴ z̄, of which the real part counts where x is real.

    Raises TypeError or ValueError where `forward` or `adjoint` gives no array, one of another library, or of another shape than x has.

    >>> import numpy as np, clumsygrad as cg
    >>> A = np.asarray([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> apply = cg.func.linear_operator(lambda x: A @ x, lambda y: A.T @ y)
    >>> cg.func.grad(lambda x: cg.sum(apply(x) ** 2))(np.asarray([1.0, 0.0]))
    array([70., 88.])
    """
    return LinearOperator(forward, adjoint, name or name_of(forward), check)


class LinearOperator:
    """A linear operator and its adjoint, callable with arrays and Tensors. Made by `linear_operator`."""

    def __init__(
        self, forward: Function, adjoint: Function, name: str, check: bool, transposed: LinearOperator | None = None
    ) -> None:
        self._forward, self._adjoint = forward, adjoint
        self._transposed = transposed
        self._checked: set[tuple[Any, ...]] | None = set() if check else None
        self.__name__ = name

    @property
    def adjoint(self) -> LinearOperator:
        """The operator of Aᴴ, whose own adjoint is this one. (It holds this one, which does not hold it: there is no cycle.)"""
        if self._transposed is not None:
            return self._transposed
        return LinearOperator(self._adjoint, self._forward, f"adjoint of {self.__name__}", False, self)

    def __call__(self, x: Any, /) -> Any:
        data = raw(x)
        if not _xp.is_array(data) or not _xp.is_floating(data):
            what = f"an array of dtype {data.dtype}" if _xp.is_array(data) else _xp.type_in_words(data)
            raise TypeError(f"{self.__name__}: it takes a floating array or a Tensor, got {what}")
        if self._checked is not None and (key := (tuple(data.shape), str(data.dtype))) not in self._checked:
            self.dot_test(data)
            self._checked.add(key)
        return _linear_operator(x, self)

    def __repr__(self) -> str:
        return f"<linear operator {self.__name__}>"

    def dot_test(self, x: Any, *, seed: int = 0, tolerance: float | None = None) -> float:
        """Check at random that ⟨A u, v⟩ = ⟨u, Aᴴ v⟩, and that A is linear; the relative difference that was found.

        `x` is an array like those that the operator takes (its values do not matter), or a shape, for NumPy's float64. `tolerance`
        is 1e4 times the precision of the dtype by default.

        Raises ValueError where they differ by more.

        >>> import numpy as np, clumsygrad as cg
        >>> cg.func.linear_operator(np.cumsum, lambda y: np.cumsum(y[::-1])[::-1]).dot_test((5,)) < 1e-12
        True
        """
        like = raw(x)
        worst: float = _xp.on_its_device(self._tested, like if _xp.is_array(like) else numpy.zeros(like), seed, tolerance)
        return worst

    def _tested(self, like: Array, seed: int, tolerance: float | None) -> float:
        random = numpy.random.default_rng(seed)
        u, w = _random_like(like, random), _random_like(like, random)
        image = self._image(u)
        v = _random_like(image, random)
        back = self.adjoint._image(v)
        _check_shape(self.adjoint.__name__, back, like.shape)
        if tolerance is None:
            tolerance = 1e4 * max(float(array_namespace(a).finfo(a.dtype).eps) for a in (like, image))
        left, right = _inner(image, v), _inner(u, back)
        difference = abs(left - right) / max(_norm(image) * _norm(v), _norm(u) * _norm(back), 1e-300)
        if not difference <= tolerance:
            raise ValueError(
                f"{self.__name__}: this is not its adjoint: Re⟨A u, v⟩ = {left:.10g}, but Re⟨u, Aᴴ v⟩ = {right:.10g} for random u and v"
                f"{_why(left, right, like, image)}"
            )
        combined = self._image(u + w * 2.0)
        expected = image + self._image(w) * 2.0
        bent = _norm(combined - expected) / max(_norm(expected), 1e-300)
        if not bent <= tolerance:
            raise ValueError(f"{self.__name__} is not linear: A(u + 2 w) and A u + 2 A w differ by {bent:.3g} of their size")
        return max(difference, bent)

    def _image(self, x: Array) -> Array:
        """A x, checked, of a plain array."""
        try:
            z = self._forward(_xp.as_0d_array(x))
        except Exception as error:
            error.add_note(f"in the function of the linear operator {self.__name__}")
            raise
        if isinstance(z, (float, complex)):
            z = array_namespace(x).asarray(z)
        z = _xp.as_scalar(z)
        if not _xp.is_array(z) or array_namespace(z) is not array_namespace(x):
            got = f"an array of {_xp.library_of(z)}" if _xp.is_array(z) else _xp.type_in_words(z)
            raise TypeError(f"{self.__name__}: it must return an array of {_xp.library_of(x)}, as it was given; it returned {got}")
        if not _xp.is_floating(z):
            raise TypeError(f"{self.__name__}: it returned dtype {z.dtype}, which has no gradient: compute it in a floating dtype")
        return z


def linear_operator_backward(tensor: Tensor, grad: Array) -> tuple[Array]:
    """z = A x:   x̄ = Aᴴ z̄."""
    operator = attribute(tensor, "operator")
    (x,) = operands(tensor, grad)
    back = operator.adjoint(grad)
    _check_shape(operator.adjoint.__name__, back, x.shape)
    xp = array_namespace(back)
    if _xp.kind(x) == "real floating" and xp.isdtype(back.dtype, "complex floating"):
        back = xp.real(back)
    return (back if back.dtype == x.dtype else xp.astype(back, x.dtype),)


@operation(linear_operator_backward)
def _linear_operator(x: Array, /, operator: LinearOperator) -> Array:
    return operator._image(x)


def _check_shape(name: str, back: Any, shape: Any) -> None:
    if tuple(back.shape) != tuple(shape):
        raise ValueError(
            f"{name}: its result must have the shape {tuple(shape)} that the operator takes, it has {tuple(back.shape)}"
        )


def _random_like(x: Array, random: Any) -> Array:
    values = random.standard_normal(tuple(x.shape))
    if _xp.is_complex(x):
        values = values + 1j * random.standard_normal(tuple(x.shape))
    return _transfer.moved(numpy.asarray(values, dtype=_xp.numpy_dtype(x.dtype)), x)


def _inner(a: Array, b: Array) -> float:
    """Re Σ conj(a) b, on the host."""
    a, b = _transfer.to_numpy(a), _transfer.to_numpy(b)
    return float(numpy.sum(numpy.real(numpy.conj(a) * b)))


def _norm(a: Array) -> float:
    return math.sqrt(_inner(a, a))


def _why(left: float, right: float, x: Array, image: Array) -> str:
    ratio = right / left if left else math.inf
    if abs(ratio + 1) < 1e-6 or (abs(ratio - round(ratio)) < 1e-6 and abs(ratio) > 1.5):
        return f": it is {ratio:.8g} times the adjoint"
    if _xp.is_complex(x) or _xp.is_complex(image):
        return ": the transpose without the conjugate, perhaps"
    return ""


# Roots of equations -------------------------------------------------------------------------------------------------------------


def implicit_root(residual: Function, solver: Function, *, linear_solver: Function | None = None) -> Function:
    """A solver of equations as a differentiable function of their parameters, by the implicit function theorem.

    `residual(x, *params)` is written with clumsygrad's functions (or the array API's), and has the structure and the shapes of x;
    `solver(*params)` gives an x at which it is 0, from plain arrays, by whatever means: Newton's method, SciPy, a fixed-point
    iteration. x and the parameters are trees of arrays. The result is a function of the parameters that gives x, differentiable to any
    order; what the solver does inside is not differentiated. The derivative is that of an exact root: solve to the accuracy that
    you want of it.

    With r(x, p) = 0:   p̄ = −(∂r/∂p)ᴴ λ, where (∂r/∂x)ᴴ λ = x̄.

    `linear_solver(matvec, b)` solves matvec(λ) = b for a plain vector b of one axis, without the matrix (with GMRES, for example).
    Without one the matrix is formed, one pass for each entry of x, and solved densely.

    Raises TypeError where the solver gives something else than a tree of floating arrays of the parameters' library, ValueError where
    the residual has another structure or other shapes than x.

    Source: Blondel, Berthet, Cuturi, Frostig, Hoyer, Llinares-López, Pedregosa, Vert, Efficient and modular implicit
    differentiation, 2022, section 2.

    >>> import numpy as np, clumsygrad as cg
    >>> root = cg.func.implicit_root(lambda x, a: x * x - a, np.sqrt)
    >>> cg.func.grad(lambda a: cg.sum(root(a)))(np.asarray([4.0, 9.0])).round(4)
    array([0.25  , 0.1667])
    """
    name = f"implicit_root of {name_of(residual)}"

    def root(*params: Any) -> Any:
        leaves, structure = _tree.flatten(params)
        return _xp.on_its_device(solved, structure, *leaves)

    def solved(structure: Any, *leaves: Any) -> Any:
        solution = solver(*_tree.unflatten(structure, [x.data if type(x) is Tensor else x for x in leaves]))
        problem = _Problem(name, residual, structure, leaves, solution, linear_solver)
        return problem.arranged(_rooted(problem, [leaves[i] for i in problem.numbers]))

    root.__name__ = name_of(solver)
    return root


class _Problem:
    """An equation in one vector x, with flat parameters; `solve` is its linear solver, `vector` the solution."""

    def __init__(self, name: str, residual: Function, structure: Any, leaves: Sequence[Any], solution: Any, solve: Any) -> None:
        self.name, self.residual, self.structure, self.solve = name, residual, structure, solve
        self.in_tensors = any(type(x) is Tensor for x in leaves)
        data = list(map(raw, leaves))
        self.numbers = [i for i, x in enumerate(leaves) if type(x) is Tensor and x._tracked]
        self.constants = constants(leaves)
        for i in self.numbers:
            self.constants[i] = None
        parts, self.solution = _tree.flatten(solution)
        like = next((x for x in data if _xp.is_array(x) and _xp.is_floating(x)), None)
        parts = [_fitting_part(name, x, like) for x in parts]
        if not parts:
            raise TypeError(f"{name}: the solver must return a tree of arrays, it returned {_xp.type_in_words(solution)}")
        self.shapes = [tuple(x.shape) for x in parts]
        self.dtypes = [x.dtype for x in parts]
        self.vector = _joined(parts)

    def arranged(self, vector: Any) -> Any:
        """The tree like the solution that a vector holds."""
        parts, start = [], 0
        xp = array_namespace(vector)
        for shape, dtype in zip(self.shapes, self.dtypes, strict=True):
            part = xp.reshape(vector[start : start + math.prod(shape)], shape)
            start += math.prod(shape)
            if _xp.kind_of_dtype(dtype, xp) == "real floating" and xp.isdtype(part.dtype, "complex floating"):
                part = xp.real(part)
            parts.append(part if part.dtype == dtype else xp.astype(part, dtype))
        return _tree.unflatten(self.solution, parts)

    def of_vector(self, vector: Any, *tracked: Any) -> Any:
        """The residual as a vector, of the solution as a vector and of the tracked parameters."""
        leaves = list(self.constants)
        for number, x in zip(self.numbers, tracked, strict=True):
            leaves[number] = x
        out = self.residual(self.arranged(vector), *_tree.unflatten(self.structure, leaves))
        parts, structure = _tree.flatten(out)
        shapes = [tuple(x.shape) for x in parts]
        if structure != self.solution or shapes != self.shapes:
            raise ValueError(
                f"{self.name}: the residual has structure {structure} and shapes {shapes}, "
                f"the solution {self.solution} and {self.shapes}; they must be the same"
            )
        return _joined(parts)


def _rooted(problem: _Problem, parameters: Sequence[Tensor]) -> Any:
    """The solution as one vector that remembers the equation; a constant, or a plain array, where no parameter is differentiated."""
    if not parameters or not recording():
        return constant(problem.vector) if problem.in_tensors else problem.vector
    return record(problem.vector, implicit_root_backward, tuple([as_read(x) for x in parameters]), {"problem": problem})


def implicit_root_backward(tensor: Tensor, grad: Array) -> tuple[Array, ...]:
    """r(x, p) = 0:   p̄ = −(∂r/∂p)ᴴ λ, where (∂r/∂x)ᴴ λ = x̄. (Blondel et al., 2022, section 2.)

    λ is itself the root of an equation, in which x, p and x̄ are parameters: so it is differentiable, and so on.
    """
    problem = attribute(tensor, "problem")
    x, parameters = result(tensor, grad), operands(tensor, grad)
    multiplier = _multiplier(problem, x, parameters, grad)
    _, pullback = vjp(problem.of_vector, x, *parameters)
    return tuple([_of_world(-g, grad) for g in pullback(multiplier)[1:]])


def _multiplier(problem: _Problem, x: Any, parameters: Sequence[Any], grad: Any) -> Any:
    """λ of (∂r/∂x)ᴴ λ = x̄; recorded as a root, where anything that it depends on is."""

    def transposed(vector: Any, x: Any, grad: Any, *parameters: Any) -> Any:
        return _pulled(problem, x, parameters, vector) - grad

    point, right = raw(x), raw(grad)
    _, pullback = vjp(_at(problem, list(map(raw, parameters))), point)

    def product(vector: Any) -> Any:
        if not _xp.is_floating(vector):  # SciPy asks for a result's dtype so
            vector = array_namespace(vector).astype(vector, right.dtype)
        return pullback(vector)[0]

    solution = _solved_densely(product, right) if problem.solve is None else problem.solve(product, right)
    solution = _fitting_part(problem.name, solution, right, "linear solver")
    if solution.shape != right.shape:
        raise ValueError(
            f"{problem.name}: the linear solver returned shape {tuple(solution.shape)}, for a vector of shape {right.shape}"
        )
    if type(grad) is not Tensor:
        return solution
    leaves = [x, grad, *parameters]
    structure = _tree.flatten(tuple(leaves))[1]
    equation = _Problem(f"linear system of {problem.name}", transposed, structure, leaves, solution, problem.solve)
    return equation.arranged(_rooted(equation, [leaves[i] for i in equation.numbers]))


def _at(problem: _Problem, parameters: Sequence[Any]) -> Function:
    """The residual as a function of the solution alone."""

    def residual(vector: Any) -> Any:
        return problem.of_vector(vector, *parameters)

    return residual


def _pulled(problem: _Problem, x: Any, parameters: Sequence[Any], vector: Any) -> Any:
    """(∂r/∂x)ᴴ times a vector."""
    _, pullback = vjp(_at(problem, parameters), x)
    return pullback(vector)[0]


def _solved_densely(product: Function, right: Array) -> Array:
    """v of product(v) = right, by the matrix: real, with complex numbers as pairs, since a product need only be real-linear."""
    xp = array_namespace(right)
    n = right.shape[0]
    basis = _identity(right)
    columns = [product(basis[k, ...]) for k in range(n)]
    if not _xp.is_complex(right):
        return xp.linalg.solve(xp.stack(columns, axis=1), right)
    columns += [product(basis[k, ...] * 1j) for k in range(n)]
    matrix = xp.stack([xp.concat([xp.real(c), xp.imag(c)]) for c in columns], axis=1)
    pair = xp.linalg.solve(matrix, xp.concat([xp.real(right), xp.imag(right)]))
    return xp.astype(pair[:n], right.dtype) + xp.astype(pair[n:], right.dtype) * 1j


def _identity(like: Array) -> Array:
    return _transfer.moved(numpy.eye(like.shape[0], dtype=_xp.numpy_dtype(like.dtype)), like)


def _joined(parts: Sequence[Any]) -> Any:
    """Arrays (or Tensors) as one vector, in the dtype that holds all of them."""
    xp = array_namespace(next((x for x in parts if type(x) is Tensor), parts[0]))
    flat = [xp.reshape(x, (-1,)) for x in parts]
    return flat[0] if len(flat) == 1 else xp.concat(flat)


def _fitting_part(name: str, x: Any, like: Any, who: str = "solver") -> Any:
    """A leaf of a solver's result as an array of the parameters' library."""
    data = raw(x)
    if type(data) in _xp.SCALARS and like is not None:
        data = array_namespace(like).asarray(data, dtype=array_namespace(like).result_type(like.dtype, data))
    data = _xp.as_0d_array(data)
    if not _xp.is_array(data) or not _xp.is_floating(data):
        what = f"an array of dtype {data.dtype}" if _xp.is_array(data) else _xp.type_in_words(data)
        raise TypeError(f"{name}: the {who} must return floating arrays, it returned {what}")
    if like is not None and array_namespace(data) is not array_namespace(like):
        raise TypeError(
            f"{name}: the {who} returned an array of {_xp.library_of(data)}, its parameters are of {_xp.library_of(like)}; "
            f"nothing is moved silently: convert it in the {who}"
        )
    return data


def _of_world(g: Any, grad: Any) -> Any:
    """A gradient as a tensor, in a pass of tensors."""
    return constant(_xp.as_scalar(g)) if type(grad) is Tensor and type(g) is not Tensor else g
