"""The 29 backward functions with fixed names, called directly with raw gradients; and: every backward function has a row."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from backends import BACKENDS
from cases import CASES
from checks import assert_agree
from exceptions import EXCEPTIONS
from standard import FUNCTIONS

import clumsygrad as cg
from clumsygrad import activation, loss

DIRECT = ("numpy", "strict-device1", "torch")


@dataclass(frozen=True)
class Rule:
    """A backward function, an operation that records it, and what it must return: formula(gradient, result, *operands)."""

    name: str
    operation: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    formula: Callable[..., tuple[Any, ...]]
    attributes: dict[str, Any] = field(default_factory=dict)
    positive: bool = False

    def __str__(self) -> str:
        return self.name + "".join(f"-{key}={value}" for key, value in self.attributes.items())

    def operands(self) -> list[np.ndarray]:
        random = np.random.default_rng(3)
        low = 0.3 if self.positive else -1.5
        return [random.uniform(low, 1.5, shape) for shape in self.shapes]


SQUARE, ROW, COLUMN = (2, 3), (3,), (2, 1)
RULES = (
    Rule("transpose", lambda x: x.T, (SQUARE,), lambda g, z, x: (g.T,)),
    Rule("add", lambda x, y: x + y, (SQUARE, SQUARE), lambda g, z, x, y: (g, g)),
    Rule("add_scalar", lambda x: x + 2.0, (SQUARE,), lambda g, z, x: (g,)),
    Rule("add_scalar", lambda x: 2.0 + x, (SQUARE,), lambda g, z, x: (g,), {"side": "left"}),
    Rule("sub", lambda x, y: x - y, (SQUARE, SQUARE), lambda g, z, x, y: (g, -g)),
    Rule("sub_scalar", lambda x: x - 2.0, (SQUARE,), lambda g, z, x: (g,)),
    Rule("sub_scalar", lambda x: 2.0 - x, (SQUARE,), lambda g, z, x: (-g,), {"side": "left"}),
    Rule("mul", lambda x, y: x * y, (SQUARE, SQUARE), lambda g, z, x, y: (g * y, g * x)),
    Rule("mul_scalar", lambda x: x * 2.5, (SQUARE,), lambda g, z, x: (g * 2.5,)),
    Rule("matmul", lambda x, y: x @ y, ((2, 3), (3, 4)), lambda g, z, x, y: (g @ y.T, x.T @ g)),
    Rule("power", lambda x: x**3, (SQUARE,), lambda g, z, x: (g * 3 * x**2,)),
    Rule(
        "power",
        lambda x, y: x**y,
        (SQUARE, ROW),
        lambda g, z, x, y: (g * y * x ** (y - 1), np.sum(g * z * np.log(x), 0)),
        {"exponent": "tensor"},
        True,
    ),
    Rule("negate", lambda x: -x, (SQUARE,), lambda g, z, x: (-g,)),
    Rule("abs", abs, (SQUARE,), lambda g, z, x: (g * np.sign(x),)),
    Rule("reshape", lambda x: cg.reshape(x, (3, 2)), (SQUARE,), lambda g, z, x: (np.reshape(g, x.shape),)),
    Rule("sum", lambda x: cg.sum(x, axis=-1), (SQUARE,), lambda g, z, x: (np.broadcast_to(g[:, None], x.shape),)),
    Rule(
        "sum",
        lambda x: cg.sum(x, axis=(0, 1), keepdims=True),
        (SQUARE,),
        lambda g, z, x: (np.broadcast_to(g, x.shape),),
        {"axis": "both"},
    ),
    Rule("mean", lambda x: cg.mean(x), (SQUARE,), lambda g, z, x: (np.full(x.shape, g / 6),)),
    Rule("mean", lambda x: cg.mean(x, axis=0), (SQUARE,), lambda g, z, x: (np.broadcast_to(g / 2, x.shape),), {"axis": 0}),
    Rule("exp", cg.exp, (SQUARE,), lambda g, z, x: (g * z,)),
    Rule("log", cg.log, (SQUARE,), lambda g, z, x: (g / x,), positive=True),
    Rule("sqrt", cg.sqrt, (SQUARE,), lambda g, z, x: (g / (2 * np.sqrt(x)),), positive=True),
    Rule("sin", cg.sin, (SQUARE,), lambda g, z, x: (g * np.cos(x),)),
    Rule("cos", cg.cos, (SQUARE,), lambda g, z, x: (-g * np.sin(x),)),
    Rule("tan", cg.tan, (SQUARE,), lambda g, z, x: (g / np.cos(x) ** 2,)),
    Rule("relu", activation.relu, (SQUARE,), lambda g, z, x: (np.where(x > 0, g, 0),)),
    Rule("sigmoid", activation.sigmoid, (SQUARE,), lambda g, z, x: (g * z * (1 - z),)),
    Rule("tanh", cg.tanh, (SQUARE,), lambda g, z, x: (g * (1 - z**2),)),
    Rule("softmax", activation.softmax, (SQUARE,), lambda g, z, x: (z * (g - np.sum(z * g, -1, keepdims=True)),)),
    Rule("softmax", lambda x: activation.softmax(x, axis=0), (SQUARE,), lambda g, z, x: (z * (g - np.sum(z * g, 0)),), {"axis": 0}),
    Rule(
        "mse",
        lambda x, y: loss.mse_loss(x, y, reduction="none"),
        (SQUARE, SQUARE),
        lambda g, z, x, y: (2 * g * (x - y), -2 * g * (x - y)),
    ),
    Rule(
        "mse",
        lambda x, y: loss.mse_loss(x, y),
        (SQUARE, SQUARE),
        lambda g, z, x, y: (g * (x - y) / 3, -g * (x - y) / 3),
        {"reduction": "mean"},
    ),
    Rule(
        "mae",
        lambda x, y: loss.mae_loss(x, y, reduction="sum"),
        (SQUARE, SQUARE),
        lambda g, z, x, y: (g * np.sign(x - y), -g * np.sign(x - y)),
    ),
    Rule(
        "mae",
        lambda x, y: loss.mae_loss(x, y),
        (SQUARE, SQUARE),
        lambda g, z, x, y: (g * np.sign(x - y) / 6, -g * np.sign(x - y) / 6),
        {"reduction": "mean"},
    ),
    Rule("add_broadcast", lambda x, y: x + y, (COLUMN, ROW), lambda g, z, x, y: (np.sum(g, 1, keepdims=True), np.sum(g, 0))),
    Rule("sub_broadcast", lambda x, y: x - y, (COLUMN, ROW), lambda g, z, x, y: (np.sum(g, 1, keepdims=True), -np.sum(g, 0))),
    Rule(
        "mul_broadcast", lambda x, y: x * y, (COLUMN, ROW), lambda g, z, x, y: (np.sum(g * y, 1, keepdims=True), np.sum(g * x, 0))
    ),
)


@pytest.fixture(params=DIRECT)
def library(request):
    chosen = BACKENDS[request.param]
    if chosen.missing():
        pytest.skip(chosen.missing())
    with chosen.active():
        yield chosen


def test_there_are_29():
    assert len({rule.name for rule in RULES}) == 29


def device_of(x):
    return str(cg.xp.device(x))


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_called_directly(rule, library):
    """Prints rule, library and device of what it returns (pytest -s): the gradient's own."""
    arrays = rule.operands()
    leaves = [cg.Tensor(library.array(x), requires_grad=True) for x in arrays]
    tensor = rule.operation(*leaves)
    backward = getattr(cg.grad, f"{rule.name}_backward")
    assert tensor._rule is backward
    z = library.host(tensor)
    g = np.random.default_rng(4).uniform(-1, 1, z.shape)
    grad = library.array(g)
    found = backward(tensor, grad)
    assert isinstance(found, tuple)
    assert len(found) == len(arrays)
    for x in found:
        assert type(x) is type(grad)
        assert cg.xp.library_of(x) == cg.xp.library_of(grad)
        assert device_of(x) == device_of(grad)
        assert library.owns(x)
    print(f"{rule.name + '_backward':24} {cg.xp.library_of(found[0]):18} {device_of(found[0])}")
    for x, expected, operand in zip(found, rule.formula(g, z, *arrays), arrays, strict=True):
        assert x.dtype == grad.dtype
        assert_agree(library.host(x), np.broadcast_to(expected, operand.shape), 1e-13, str(rule))


@pytest.mark.parametrize("rule", [rule for rule in RULES if len(rule.shapes) == 2], ids=str)
def test_called_directly_a_constant_array_has_a_gradient_too(rule, library):
    """No pass is running, which could say what it wants: every floating operand's gradient is returned."""
    x, y = [library.array(v) for v in rule.operands()]
    both = rule.operation(cg.Tensor(x, requires_grad=True), cg.Tensor(y, requires_grad=True))
    one = rule.operation(cg.Tensor(x, requires_grad=True), y)
    grad = library.array(np.random.default_rng(4).uniform(-1, 1, both.shape))
    for a, b in zip(one._rule(one, grad), both._rule(both, grad), strict=True):
        assert_agree(library.host(a), library.host(b), 1e-15, str(rule))


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_called_with_a_tensor_it_returns_tensors(rule, library):
    leaves = [cg.Tensor(library.array(x), requires_grad=True) for x in rule.operands()]
    tensor = rule.operation(*leaves)
    g = library.array(np.random.default_rng(4).uniform(-1, 1, tensor.shape))
    backward = getattr(cg.grad, f"{rule.name}_backward")
    for a, b in zip(backward(tensor, cg.Tensor(g, requires_grad=True)), backward(tensor, g), strict=True):
        assert type(a) is cg.Tensor
        assert a.requires_grad
        assert_agree(library.host(a), library.host(b), 1e-14, str(rule))


def test_rules_have_the_fixed_signature():
    for rule in RULES:
        assert list(inspect.signature(getattr(cg.grad, f"{rule.name}_backward")).parameters) == ["tensor", "grad"]
    assert cg.grad.GradientTuple


# The table is whole ---------------------------------------------------------------------------------------------------------------


def recorded_rules(tensor):
    """The names of all backward functions in the graph below a tensor."""
    names, stack, seen = set(), [tensor], set()
    while stack:
        x = stack.pop()
        if type(x) is not cg.Tensor or x._id in seen or x._rule is None:
            continue
        seen.add(x._id)
        names.add(x._rule.__name__.removesuffix("_backward"))
        for parent in x._parents:
            if type(parent) is cg.Tensor and parent._id > x._id:
                parent = parent._version_before(x._id)
            stack.append(parent)
    return names


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_row_runs_through_the_rules_it_names(case):
    leaves = [cg.Tensor(x, requires_grad=True) for x in case.operands(case.kinds[0])]
    z = case.function(cg, *leaves, *case.constants)
    assert set(case.rules) <= recorded_rules(z)


def test_every_backward_function_has_a_row():
    public = {name.removesuffix("_backward") for name in dir(cg.grad) if name.endswith("_backward")}
    assert len(public) > 70
    named = {rule for case in CASES for rule in case.rules}
    assert sorted(public - named) == []
    assert sorted(named - public) == []


def test_every_differentiable_function_of_the_standard_has_a_row():
    wanted = {name for name, (kind, _) in FUNCTIONS.items() if kind in ("differentiable", "zero_gradient")}
    assert len(wanted) > 80
    assert sorted(wanted - {case.name.partition("-")[0] for case in CASES} - set(EXCEPTIONS)) == []


@pytest.mark.parametrize("function", [cg.prod, cg.cumulative_prod])
@pytest.mark.parametrize(
    ("x", "grad", "dtype"),
    [
        ([300, 200], 4, np.float16),  # z̄ z overflows
        ([1e20, 1e18], 10, np.float32),
        ([1e-30, 1.0], 1e-20, np.float32),  # or has lost all digits
    ],
)
def test_products_whose_gradient_has_no_detour_through_what_is_too_large_or_too_small(function, x, grad, dtype):
    leaf = cg.Tensor(np.asarray(x, dtype), requires_grad=True)
    z = function(leaf)
    z = z if z.ndim == 0 else z[-1]
    z.backward(np.asarray(grad, dtype))
    np.testing.assert_allclose(leaf.grad, np.asarray(grad * np.asarray(x[::-1]), dtype), rtol=1e-3)
