"""A thin bridge to scipy.optimize.minimize, for functions of trees of arrays of any library."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from .. import _transfer, _tree
from .. import xp as _xp
from .._operands import as_array, first_array, raw
from .._vectors import Layout, Vector, in_pairs, vector_of
from ..tensor import Tensor
from ..xp import is_complex, numpy
from ._scope import _Pullback, name_of
from .forward import gradient_pullback
from .matrices import jacobian
from .reverse import value_and_grad

__all__ = ["minimize"]

Function = Callable[..., Any]

_WITHOUT_GRADIENTS = frozenset({"nelder-mead", "powell", "cobyla", "cobyqa"})
_WITH_PRODUCTS = frozenset({"newton-cg", "trust-ncg", "trust-krylov", "trust-constr"})
_WITH_MATRICES = frozenset({"dogleg", "trust-exact"})
_WITH_CONSTRAINTS = frozenset({"slsqp", "trust-constr", "cobyla", "cobyqa"})


def minimize(
    f: Function,
    x0: Any,
    method: str = "L-BFGS-B",
    *,
    args: Any = (),
    bounds: Any = None,
    constraints: Any = (),
    hess: Any = None,
    tol: float | None = None,
    callback: Function | None = None,
    options: dict[str, Any] | None = None,
) -> tuple[Any, Any]:
    """The tree of arrays at which a function is least, by scipy.optimize.minimize, and SciPy's own result.

    `f` takes a tree like `x0` and gives a real scalar. `x0` is a tree of floating (or complex) arrays of any library, on any device:
    f computes there, SciPy in float64 on the host, and the answer has the library, devices and dtypes of x0. Each evaluation is one
    call that gives value and gradient; Newton's methods (Newton-CG, trust-ncg, trust-krylov, trust-constr) get products with the
    Hessian, dogleg and trust-exact the Hessian itself. A complex number counts as a pair of real ones.

    args: further arguments, f(x, *args), which are not varied. (One that is no tuple is the only one.)
    bounds: a pair (lower, upper), each a number, a tree like x0 whose leaves broadcast to those of x0, or None; or SciPy's Bounds; or,
        where x0 is one array of one axis, or a list or tuple of numbers, a sequence of SciPy's pairs, one for each number.
    constraints: one or several of SciPy's, {"type": "eq" or "ineq", "fun": c} or NonlinearConstraint(c, lb, ub), where c takes a tree
        like x0 and gives an array or a tree of arrays; their derivatives are computed here. A LinearConstraint goes as it is: it speaks
        of the flat vector.
    hess: of trust-constr, what to use in the place of products with the Hessian: SciPy's BFGS(), for example, where f can be
        differentiated only once.
    callback: is called with the present tree after each iteration.
    tol, options: SciPy's.

    Raises TypeError for leaves that are no floating arrays and for an f that gives no real scalar; ValueError for bounds that do not
    fit, or can be read in two ways, and for constraints that a method does not know.

    >>> import numpy as np, clumsygrad as cg
    >>> def rosenbrock(p):
    ...     return cg.sum(100 * (p["y"] - p["x"] ** 2) ** 2 + (1 - p["x"]) ** 2)
    >>> best, result = cg.func.minimize(rosenbrock, {"x": np.asarray(-1.0), "y": np.asarray(2.0)})
    >>> bool(result.success), round(float(best["x"]), 3)
    (True, 1.0)
    """
    optimize = _xp.optional("scipy.optimize")
    name = f"minimize of {name_of(f)}"
    if not isinstance(method, str):
        raise TypeError(f"{name}: method must be a name, got {method!r}; further arguments of f go by name, args=(...)")
    kind = method.lower()
    layout = _TreeLayout(x0, name)
    if not isinstance(args, tuple) or args:
        f = _with(f, args if isinstance(args, tuple) else (args,))
    objective = _Objective(f, layout, name)
    given = [constraints] if _is_one(constraints) else list(constraints)
    if given and kind not in _WITH_CONSTRAINTS:
        raise ValueError(f"{name}: {method} knows no constraints: use method='SLSQP' or 'trust-constr'")
    arguments: dict[str, Any] = {"bounds": _bounds(bounds, layout, name)}
    if kind not in _WITHOUT_GRADIENTS:
        arguments["jac"] = True
    if hess is not None:
        arguments["hess"] = hess
    elif kind in _WITH_PRODUCTS:
        arguments["hessp"] = objective.product
    elif kind in _WITH_MATRICES:
        arguments["hess"] = objective.hessian
    if callback is not None:
        arguments["callback"] = _told(callback, layout)
    result = optimize.minimize(
        objective.value if kind in _WITHOUT_GRADIENTS else objective.value_and_gradient,
        layout.start,
        method=method,
        constraints=[_constraint(c, layout, name, optimize, kind == "trust-constr" and hess is None) for c in given],
        tol=tol,
        options=options,
        **arguments,
    )
    return layout.tree(result.x), result


class _TreeLayout(Layout):
    """How the leaves of a tree stand in SciPy's vector, and whether SciPy would take the tree itself for one."""

    def __init__(self, tree: Any, name: str) -> None:
        leaves, self.structure = _tree.flatten(tree)
        first = first_array(leaves)
        super().__init__([as_array(x, first) for x in leaves])
        for x in self.likes:
            if not _xp.is_floating(x):
                raise TypeError(
                    f"{name}: a leaf of x0 has dtype {x.dtype}, and only floating and complex arrays can be varied: convert it (astype), "
                    "or let the function close over it"
                )
        if not self.likes:
            raise TypeError(f"{name}: x0 has no arrays: there is nothing to vary")
        self.start = vector_of(self.likes)
        axes = [len(x.shape) for x in self.likes]
        self.of_numbers = isinstance(tree, (list, tuple)) and [*map(id, tree)] == [*map(id, leaves)] and not any(axes)
        self.is_vector = (self.of_numbers or (leaves[0] is tree and axes[0] < 2)) and not any(map(is_complex, self.likes))

    def tree(self, x: Vector) -> Any:
        """The tree like x0 whose numbers stand in a vector."""
        return _tree.unflatten(self.structure, self.arrays(x))

    def vector(self, tree: Any) -> Vector:
        """A tree of values like x0 (gradients) as SciPy's vector."""
        return vector_of(map(raw, _tree.flatten(tree)[0]))


class _Curvature:
    """Products with the Hessian of a scalar function of a tree. Those at one point share one recorded gradient."""

    def __init__(self, f: Function, layout: _TreeLayout, name: str) -> None:
        self.f, self.layout, self.name = f, layout, name
        self._point: Vector = None
        self._pullback: _Pullback | None = None

    def product(self, x: Vector, v: Vector) -> Vector:
        if self._pullback is None or not numpy.array_equal(x, self._point):
            self._pullback = None  # so that two graphs are never held at once
            _, self._pullback = gradient_pullback(self.f, 0, (self.layout.tree(x),), {}, self.name)
            self._point = numpy.array(x)
        return vector_of(map(raw, self._pullback(self.layout.arrays(v))))

    def matrix(self, x: Vector) -> Any:
        return numpy.stack([self.product(x, unit) for unit in numpy.eye(x.size)])


class _Objective:
    """The function as SciPy calls it: of a vector."""

    def __init__(self, f: Function, layout: _TreeLayout, name: str) -> None:
        self.f, self.layout, self.name = f, layout, name
        self._both = value_and_grad(f)
        curvature = _Curvature(f, layout, name)
        self.product, self.hessian = curvature.product, curvature.matrix

    def value(self, x: Vector) -> float:
        out = self._called(self.f, _tree.unflatten(self.layout.structure, [Tensor(a) for a in self.layout.arrays(x)]))
        if math.prod(getattr(out, "shape", ())) != 1:
            raise TypeError(f"{self.name}: its result has shape {out.shape} and must be a scalar: reduce it (sum, mean)")
        return float(_transfer.number(raw(out)) if hasattr(out, "shape") else out)

    def value_and_gradient(self, x: Vector) -> tuple[float, Vector]:
        value, gradient = self._called(self._both, self.layout.tree(x))
        return float(_transfer.number(raw(value))), self.layout.vector(gradient)

    def _called(self, function: Function, tree: Any) -> Any:
        try:
            return function(tree)
        except Exception as error:
            if self.layout.of_numbers:
                error.add_note(
                    f"{self.name}: x0 is {_xp.type_in_words(tree)} of numbers, and that is what the function is called with: "
                    "if it needs a vector, give x0 as an array, numpy.asarray(x0)"
                )
            raise


class _Constraint:
    """A constraint's function as SciPy calls it: from a vector to a vector."""

    def __init__(self, function: Function, layout: _TreeLayout, name: str) -> None:
        self.function, self.layout, self.name = function, layout, f"{name}, constraint {name_of(function)}"
        self._jacobian = jacobian(function)
        outputs, self.structure = self._outputs(layout.start)
        self.outputs = Layout(outputs)

    def _outputs(self, x: Vector) -> tuple[list[Any], Any]:
        tree = _tree.unflatten(self.layout.structure, [Tensor(a) for a in self.layout.arrays(x)])
        leaves, structure = _tree.flatten(self.function(tree))
        outputs = [Tensor(a).data for a in leaves]
        if not outputs or any(_xp.kind(a) != "real floating" for a in outputs):
            raise TypeError(f"{self.name}: it must give real floating arrays, it gave {[str(a.dtype) for a in outputs]}")
        return outputs, structure

    def value(self, x: Vector) -> Vector:
        return vector_of(self._outputs(x)[0])

    def jacobian(self, x: Vector) -> Any:
        """One row for each element of the constraint."""
        blocks = iter(_tree.flatten(self._jacobian(self.layout.tree(x)))[0])
        rows = [[_rows(raw(next(blocks)), out, like) for like in self.layout.likes] for out in self.outputs.likes]
        return numpy.concatenate([numpy.concatenate(row, axis=1) for row in rows])

    def hessian(self, x: Vector, multipliers: Vector) -> Any:
        """The Hessian of multipliers · constraint, as SciPy's linear operator."""
        weights = self.outputs.arrays(multipliers)

        def weighted(tree: Any) -> Any:
            pairs = zip(_tree.flatten(self.function(tree))[0], weights, strict=True)
            terms = [_xp.array_namespace(c).sum(c * w) for c, w in pairs]
            return sum(terms[1:], terms[0])

        curvature = _Curvature(weighted, self.layout, self.name)

        product = functools.partial(curvature.product, x)
        operator = _xp.optional("scipy.sparse.linalg").LinearOperator
        return operator((x.size, x.size), matvec=product, rmatvec=product, dtype=numpy.float64)

    def side(self, bound: Any) -> Vector:
        """A bound of the constraint, a number or a tree like its result, as SciPy's vector."""
        return _spread(bound, self.outputs.likes, self.structure, self.name)


def _constraint(given: Any, layout: _TreeLayout, name: str, optimize: Any, second_order: bool) -> Any:
    """One of SciPy's constraints, of a vector, for one of a tree."""
    if isinstance(given, dict):
        if not callable(given.get("fun")):
            raise TypeError(f"{name}: a constraint's 'fun' must be a function of a tree like x0, got {given.get('fun')!r}")
        constraint = _Constraint(_with(given["fun"], given.get("args", ())), layout, name)
        return {"type": given["type"], "fun": constraint.value, "jac": constraint.jacobian}
    if not isinstance(given, optimize.NonlinearConstraint):
        return given
    constraint = _Constraint(given.fun, layout, name)
    second = {"hess": constraint.hessian} if second_order else {}
    low, high = constraint.side(given.lb), constraint.side(given.ub)
    keep = given.keep_feasible
    return optimize.NonlinearConstraint(constraint.value, low, high, jac=constraint.jacobian, keep_feasible=keep, **second)


def _is_one(constraints: Any) -> bool:
    """Whether this is one constraint, not several."""
    return isinstance(constraints, dict) or hasattr(constraints, "lb")


def _with(function: Function, args: Sequence[Any]) -> Function:
    """A function of a tree with the further arguments that it has in SciPy's spelling."""

    def of_tree(tree: Any) -> Any:
        return function(tree, *args)

    of_tree.__name__ = name_of(function)
    return of_tree


def _told(callback: Function, layout: _TreeLayout) -> Function:
    def told(x: Vector, *_: Any) -> Any:
        return callback(layout.tree(x))

    return told


def _rows(block: Any, out: Any, like: Any) -> Any:
    """A block of a Jacobian, of shape out.shape + x.shape, as rows of real numbers on the host."""
    return in_pairs(numpy.reshape(numpy.asarray(_transfer.to_numpy(block)), (math.prod(out.shape), math.prod(like.shape))))


def _bounds(bounds: Any, layout: _TreeLayout, name: str) -> Any:
    if bounds is None or hasattr(bounds, "lb"):
        return bounds
    if layout.is_vector and _are_pairs(bounds):
        return _of_pairs(bounds, layout, name)
    if not isinstance(bounds, tuple) or len(bounds) != 2:
        raise TypeError(
            f"{name}: bounds must be a pair (lower, upper) of numbers or of trees like x0, or scipy.optimize.Bounds, or, where x0 is a "
            f"vector, a sequence of pairs of numbers; got {_xp.type_in_words(bounds)}"
        )
    lower, upper = [
        _spread(infinite if side is None else side, layout.likes, layout.structure, name)
        for side, infinite in zip(bounds, (-math.inf, math.inf), strict=True)
    ]
    return list(zip(lower.tolist(), upper.tolist(), strict=True))


def _are_pairs(bounds: Any) -> bool:
    """Whether bounds can be SciPy's: a sequence of pairs of numbers, or an array of them."""
    if hasattr(bounds, "shape"):
        return len(bounds.shape) == 2 and bounds.shape[1] == 2
    return isinstance(bounds, (list, tuple)) and all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in bounds)


def _of_pairs(bounds: Any, layout: _TreeLayout, name: str) -> list[tuple[float, float]]:
    """SciPy's bounds, a pair for each number of x0. Raises ValueError where they may as well be (lower, upper)."""
    if isinstance(bounds, tuple) and [_tree.flatten(side)[1] for side in bounds] == [layout.structure] * 2:
        each = tuple(zip(*bounds, strict=True))
        raise ValueError(
            f"{name}: bounds={bounds!r} may be (lower, upper), or a pair for each of the two numbers of x0: write "
            f"scipy.optimize.Bounds{bounds!r} for the first, Bounds{each!r} for the second"
        )
    pairs = _transfer.to_numpy(raw(bounds)).tolist() if hasattr(bounds, "shape") else bounds
    if len(pairs) != layout.start.size:
        raise ValueError(f"{name}: bounds have {len(pairs)} pairs (lower, upper), and x0 {layout.start.size} numbers")
    return [(-math.inf if low is None else float(low), math.inf if high is None else float(high)) for low, high in pairs]


def _spread(bound: Any, likes: Sequence[Any], structure: Any, name: str) -> Vector:
    """A bound, a number or a tree of numbers and arrays, as a vector with a number for each of the arrays' own."""
    leaves, given = _tree.flatten(bound)
    if given != structure:
        if len(leaves) != 1 or leaves[0] is not bound or getattr(bound, "shape", ()) not in ((), (1,)):
            raise ValueError(f"{name}: a bound has structure {given}; it must be a number, or a tree like {structure}")
        leaves = [bound] * len(likes)
    parts = []
    for leaf, x in zip(leaves, likes, strict=True):
        host = numpy.asarray(_transfer.to_numpy(raw(leaf)) if hasattr(leaf, "shape") else leaf, dtype=numpy.float64)
        shape = tuple(x.shape)
        try:
            part = numpy.broadcast_to(host.reshape(()) if host.shape == (1,) and shape == () else host, shape).reshape(-1)
        except ValueError:
            raise ValueError(f"{name}: a bound has shape {host.shape}, which does not broadcast to {shape}") from None
        if is_complex(x):
            if numpy.any(numpy.isfinite(part)):
                raise ValueError(f"{name}: a bound of complex numbers, which have no order: vary real and imaginary parts instead")
            part = numpy.repeat(part, 2)
        parts.append(part)
    return numpy.concatenate(parts)
