"""Conformance from the standard's own list of names: each is there, with its parameters, and is differentiable where it should be.

(The suite data-apis/array-api-tests says far more; tests/conformance tells how to run it.)
"""

from __future__ import annotations

import functools
import inspect
import operator

import numpy as np
import pytest
import standard
from exceptions import EXCEPTIONS

import clumsygrad as cg
from clumsygrad import namespace

TENSOR = cg.Tensor([[1.0]])
WITH_DERIVATIVE = sorted(name for name, (kind, _) in standard.FUNCTIONS.items() if kind in ("differentiable", "zero_gradient"))


@pytest.fixture(params=["numpy", "array_api_strict"])
def xp(request):
    """clumsygrad's namespace over each of two libraries."""
    if request.param == "numpy":
        return cg
    pytest.importorskip(request.param)
    return cg.over(request.param)


# Names and signatures -------------------------------------------------------------------------------------------------------------


def written(parameters):
    """Parameters as tests/standard.py writes them: "x, /, *, axis"."""
    words = []
    kinds = [p.kind for p in parameters]
    for i, parameter in enumerate(parameters):
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.KEYWORD_ONLY not in kinds[:i]:
            words += [] if parameter.VAR_POSITIONAL in kinds else ["*"]
        words.append(f"*{parameter.name}" if parameter.kind is parameter.VAR_POSITIONAL else parameter.name)
        if parameter.kind is parameter.POSITIONAL_ONLY and parameter.POSITIONAL_ONLY not in kinds[i + 1 :]:
            words.append("/")
    return ", ".join(words)


def parameters_of(function):
    return list(inspect.signature(function).parameters.values())


def test_version(xp):
    assert xp.__array_api_version__ == standard.VERSION == "2025.12"
    assert TENSOR.__array_namespace__(api_version="2025.12") is cg
    with pytest.raises(ValueError, match="2019"):
        TENSOR.__array_namespace__(api_version="2019.12")


def test_namespaces_are_remembered_by_what_lives_as_long():
    """By an address alone, one that is made where another was freed would be taken for that one."""
    assert TENSOR.__array_namespace__() is namespace._by_namespace[cg.xp.array_namespace(TENSOR.data)]


@pytest.mark.parametrize("name", standard.FUNCTIONS)
def test_function_has_its_parameters(xp, name):
    assert written(parameters_of(getattr(xp, name))) == standard.FUNCTIONS[name][1]


@pytest.mark.parametrize("name", standard.FUNCTIONS)
def test_function_has_a_docstring(xp, name):
    assert inspect.getdoc(getattr(xp, name))


@pytest.mark.parametrize("name", standard.METHODS)
def test_method_has_its_parameters(name):
    assert nameless(written(parameters_of(getattr(TENSOR, name)))) == nameless(standard.METHODS[name][1])


def nameless(text):
    """How many parameters are given by position alone (whatever their names), and the others."""
    before, slash, after = text.partition("/")
    return (before.count(","), after) if slash else (0, text)


def test_attributes():
    missing = [name for name in standard.ATTRIBUTES if not hasattr(TENSOR, name)]
    assert not missing


def test_constants(xp):
    for name in standard.CONSTANTS:
        value, expected = getattr(xp, name), {"newaxis": None}.get(name, getattr(np, name))
        assert value is expected or value == expected or (name == "nan" and value != value)


def test_dtypes(xp):
    """Each is the library's own object, and arrays can be made of it."""
    for name in standard.DTYPES:
        dtype = getattr(xp, name)
        made = xp.zeros(2, dtype=dtype)
        assert isinstance(made, cg.Tensor)
        assert made.dtype == dtype


def test_finfo_and_iinfo(xp):
    for name in ("float32", "float64", "complex64"):
        info = xp.finfo(getattr(xp, name))
        assert all(type(getattr(info, field)) is (int if field == "bits" else float) for field in standard.FINFO[:-1])
        assert info.dtype == getattr(xp, {"complex64": "float32"}.get(name, name))
        assert info.eps == float(np.finfo(name).eps)
    info = xp.iinfo(xp.int16)
    assert [getattr(info, field) for field in standard.IINFO] == [16, 32767, -32768, xp.int16]
    assert xp.finfo(xp.ones(1, dtype=xp.float32)) == xp.finfo(xp.float32)


def test_info(xp):
    info = xp.__array_namespace_info__()
    for name, parameters in standard.INFO.items():
        assert written(parameters_of(getattr(info, name))) == parameters
    assert info.dtypes(kind="real floating") == {"float32": xp.float32, "float64": xp.float64}


def test_linalg_has_what_the_main_namespace_has(xp):
    for name in ("matmul", "matrix_transpose", "tensordot", "vecdot"):
        assert getattr(xp.linalg, name) is getattr(xp, name)


# Derivatives ----------------------------------------------------------------------------------------------------------------------

A, B = (2, 3), (3,)  # the shapes of operands


def named(name):
    """The call of a function that takes nothing but its operands."""
    return lambda xp, *operands: getattr(xp, name)(*operands)


def integers(xp, values, like):
    return xp.asarray(cg._transfer.moved(np.asarray(values), like.data))


PARAMETERS = {name: standard.FUNCTIONS[name][1] for name in WITH_DERIVATIVE if name not in EXCEPTIONS}
UNARY = [name for name, parameters in PARAMETERS.items() if parameters == "x, /" or parameters.startswith("x, /, *")]
BINARY = [name for name, parameters in PARAMETERS.items() if parameters.startswith("x1, x2, /")]

# Of each function of the standard that has a derivative: the shapes of its operands (elements between 0 and 1), and a call.
CALLS = {
    **{name: ((A,), named(name)) for name in UNARY},
    **{name: ((A, B), named(name)) for name in BINARY},
    "acosh": ((A,), lambda xp, x: xp.acosh(1 + x)),
    "asarray": ((A,), lambda xp, x: xp.asarray(x)),
    "astype": ((A,), lambda xp, x: xp.astype(x, xp.float32)),
    "broadcast_arrays": ((A, B), named("broadcast_arrays")),
    "broadcast_to": ((B,), lambda xp, x: xp.broadcast_to(x, (2, 3))),
    "clip": ((A, B, B), lambda xp, x, low, high: xp.clip(x, low, high + 1)),
    "concat": ((A, A), lambda xp, x, y: xp.concat([x, y])),
    "cumulative_prod": ((A,), lambda xp, x: xp.cumulative_prod(x, axis=1)),
    "cumulative_sum": ((A,), lambda xp, x: xp.cumulative_sum(x, axis=0, include_initial=True)),
    "diff": ((A, (1, 3), A), lambda xp, x, before, after: xp.diff(x, axis=0, prepend=before, append=after)),
    "expand_dims": ((A,), lambda xp, x: xp.expand_dims(x, 1)),
    "imag": ((A,), lambda xp, x: xp.imag(x * 1j)),
    "matmul": ((A, B), named("matmul")),
    "meshgrid": ((B, B), named("meshgrid")),
    "moveaxis": ((A,), lambda xp, x: xp.moveaxis(x, 0, 1)),
    "permute_dims": ((A,), lambda xp, x: xp.permute_dims(x, (1, 0))),
    "repeat": ((A,), lambda xp, x: xp.repeat(x, 2, axis=0)),
    "reshape": ((A,), lambda xp, x: xp.reshape(x, (3, 2))),
    "roll": ((A,), lambda xp, x: xp.roll(x, 1, axis=0)),
    "squeeze": (((1, 3),), lambda xp, x: xp.squeeze(x, 0)),
    "stack": ((A, A), lambda xp, x, y: xp.stack([x, y], axis=1)),
    "take": ((A,), lambda xp, x: xp.take(x, integers(xp, [1, 0, 1], x), axis=1)),
    "take_along_axis": ((A,), lambda xp, x: xp.take_along_axis(x, integers(xp, [[1, 0, 1]], x), axis=0)),
    "tensordot": ((A, B), lambda xp, x, y: xp.tensordot(x, y, axes=1)),
    "tile": ((A,), lambda xp, x: xp.tile(x, (2, 1))),
    "unstack": ((A,), lambda xp, x: xp.unstack(x, axis=0)),
    "where": ((A, B), lambda xp, x, y: xp.where(x > y, x, y)),
    "unique_all": ((A,), lambda xp, x: xp.unique_all(x)[0]),
    "unique_counts": ((A,), lambda xp, x: xp.unique_counts(x)[0]),
    "unique_inverse": ((A,), lambda xp, x: xp.unique_inverse(x)[0]),
    "unique_values": ((A,), named("unique_values")),
}
USES = {"sort": "sorting", "take": "scatter", "take_along_axis": "gather"}
USES |= {f"unique_{what}": "distinct" for what in ("all", "counts", "inverse", "values")}


def leaves_of(backend, shapes):
    random = np.random.default_rng(3)
    return [cg.Tensor(backend.array(random.uniform(0.1, 0.9, shape)), requires_grad=True) for shape in shapes]


def parts(result):
    return result if isinstance(result, tuple) else (result,)


def test_every_derivative_is_called():
    """Each function that has a derivative has a line here, or its reason in tests/exceptions.py; none has both."""
    assert sorted([*CALLS, *EXCEPTIONS]) == WITH_DERIVATIVE


@pytest.mark.parametrize("name", CALLS)
def test_tracked_in_tracked_out(backend, name):
    """A tracked operand makes the result a tracked tensor of its library and device, and the gradient comes back to each operand."""
    if USES.get(name) in backend.lacks:
        pytest.skip(backend.lacks[USES[name]])
    shapes, call = CALLS[name]
    leaves = leaves_of(backend, shapes)
    xp = leaves[0].__array_namespace__()
    assert xp is backend.namespace
    results = parts(call(xp, *leaves))
    assert all(type(z) is cg.Tensor and z.requires_grad and backend.owns(z.data) for z in results)
    functools.reduce(operator.add, [cg.sum(z * z) for z in results]).backward()
    for leaf in leaves:
        assert backend.owns(leaf.grad)
        assert (leaf.grad.shape, leaf.grad.dtype) == (leaf.shape, leaf.dtype)
        if standard.FUNCTIONS[name][0] == "zero_gradient":
            assert not np.any(backend.host(leaf.grad))
    if standard.FUNCTIONS[name][0] == "differentiable":
        assert np.any(backend.host(leaves[0].grad))


@pytest.mark.parametrize("name", CALLS)
def test_one_tracked_operand_is_enough(name):
    """Each operand alone carries the gradient, with plain arrays beside it."""
    shapes, call = CALLS[name]
    arrays = [np.random.default_rng(5).uniform(0.1, 0.9, shape) for shape in shapes]
    for i, x in enumerate(arrays):
        leaf = cg.Tensor(x, requires_grad=True)
        results = parts(call(cg, *arrays[:i], leaf, *arrays[i + 1 :]))
        assert any(type(z) is cg.Tensor and z.requires_grad for z in results), f"operand {i}"


@pytest.mark.parametrize("name", sorted({*CALLS} - {"asarray", "take", "take_along_axis"}))
def test_raw_in_raw_out(backend, name):
    """Of plain arrays the shared functions make plain arrays. (asarray is bound: it always makes tensors.)"""
    if USES.get(name) in backend.lacks:
        pytest.skip(backend.lacks[USES[name]])
    shapes, call = CALLS[name]
    arrays = [leaf.data for leaf in leaves_of(backend, shapes)]
    assert all(
        type(z) is not cg.Tensor and cg.xp.library_of(z) == cg.xp.library_of(arrays[0])
        for z in parts(call(backend.namespace, *arrays))
    )


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exceptions_are_exceptions(name):
    """from_dlpack: what is untracked becomes a constant; what is tracked refuses, and says what to do."""
    assert name == "from_dlpack"
    assert not cg.from_dlpack(cg.asarray([1.0])).requires_grad
    with pytest.raises(RuntimeError, match="detach"):
        cg.from_dlpack(cg.Tensor([1.0], requires_grad=True))


TRUTH = ["bitwise_and", "bitwise_or", "bitwise_xor", "logical_and", "logical_or", "logical_xor"]
OF_ONE = ["all", "any", "argmax", "argmin", "argsort", "count_nonzero", "isfinite", "isinf", "isnan", "signbit"]
COMPARISONS = ["equal", "greater", "greater_equal", "less", "less_equal", "not_equal"]
CONSTANT_CALLS = {
    **{name: named(name) for name in OF_ONE},
    **{name: lambda xp, x, name=name: getattr(xp, name)(x, x) for name in COMPARISONS},
    **{name: lambda xp, x, name=name: getattr(xp, name)(x > 0.3, x > 0.6) for name in TRUTH},
    **{name: lambda xp, x, name=name: getattr(xp, name)(x > 0.5) for name in ("bitwise_invert", "logical_not")},
    "isin": lambda xp, x: xp.isin(integers(xp, [1, 2], x), integers(xp, [2, 3], x)),
    "searchsorted": lambda xp, x: xp.searchsorted(xp.reshape(x, (-1,)), x),
}
LACKING = {"argsort": "sorting", "searchsorted": "sorting"}


@pytest.mark.parametrize("name", CONSTANT_CALLS)
def test_what_has_no_derivative_is_a_constant(backend, name):
    assert standard.FUNCTIONS[name][0] == "non_differentiable"
    if LACKING.get(name) in backend.lacks:
        pytest.skip(backend.lacks[LACKING[name]])
    (x,) = leaves_of(backend, [A])
    z = CONSTANT_CALLS[name](backend.namespace, x)
    assert type(z) is cg.Tensor
    assert not z.requires_grad
    assert backend.owns(z.data)


# Creation -------------------------------------------------------------------------------------------------------------------------

CREATION = {
    "arange": lambda xp, x: xp.arange(3, dtype=xp.float32),
    "asarray": lambda xp, x: xp.asarray([1.0, 2.0]),
    "empty": lambda xp, x: xp.empty((2,)),
    "empty_like": lambda xp, x: xp.empty_like(x),
    "eye": lambda xp, x: xp.eye(2),
    "full": lambda xp, x: xp.full((2,), 3.0),
    "full_like": lambda xp, x: xp.full_like(x, 3.0),
    "linspace": lambda xp, x: xp.linspace(0.0, 1.0, 3),
    "ones": lambda xp, x: xp.ones(2),
    "ones_like": lambda xp, x: xp.ones_like(x),
    "zeros": lambda xp, x: xp.zeros([2, 2]),
    "zeros_like": lambda xp, x: xp.zeros_like(x),
}


@pytest.mark.parametrize("name", CREATION)
def test_makes_tensors_of_its_library(backend, name):
    """Untracked; where an array is given, on its device."""
    (x,) = leaves_of(backend, [A])
    z = CREATION[name](x.__array_namespace__(), x)
    assert type(z) is cg.Tensor
    assert not z.requires_grad
    assert cg.xp.library_of(z.data) == cg.xp.library_of(x.data)
    if name.endswith("_like"):
        assert (z.shape, z.dtype) == (x.shape, x.dtype)
        assert backend.owns(z.data)


LIKE = [name for name in CREATION if name.endswith("_like")]


@pytest.mark.parametrize("held", ["a raw array", "a tensor"])
@pytest.mark.parametrize("name", LIKE)
def test_what_is_made_like_an_array_is_where_that_is(backend, name, held):
    """In every namespace: that over NumPy, and that over array-api-strict."""
    array = backend.array(np.ones((2, 3), dtype=np.float32))
    for xp in (cg, cg.over("array_api_strict"), backend.namespace):
        z = CREATION[name](xp, array if held == "a raw array" else cg.Tensor(array))
        assert type(z) is cg.Tensor
        assert (z.shape, z.dtype) == (array.shape, array.dtype)
        assert backend.owns(z.data)
    assert CREATION[name](backend.namespace, np.ones(2)).dtype == np.float64


def test_full_like_brings_its_value_to_where_the_array_is(backend):
    array = backend.array(np.ones((2, 3), dtype=np.float32))
    for x in (array, cg.Tensor(array)):
        value = cg.Tensor(2.0, requires_grad=True)
        z = cg.full_like(x, value)
        assert (z.shape, z.dtype) == (array.shape, array.dtype)
        assert backend.owns(z.data)
        cg.sum(z).backward()
        assert type(value.grad) is np.ndarray
        assert value.grad == 6


@pytest.mark.parametrize("name", sorted(CREATION.keys() - {"asarray", *LIKE}))
def test_makes_tensors_on_a_device(name):
    strict = pytest.importorskip("array_api_strict")
    xp, device = cg.over(strict), strict.Device("device1")
    arguments = {"arange": (3,), "eye": (2,), "full": (2, 1.0), "linspace": (0.0, 1.0, 3)}.get(name, (2,))
    assert getattr(xp, name)(*arguments, device=device).device == device


def test_asarray_keeps_the_graph_of_nested_lists(backend):
    x, y = leaves_of(backend, [(), ()])
    z = backend.namespace.asarray([[x, y * y], [x * y, 1.0]])
    assert z.shape == (2, 2)
    cg.sum(z).backward()
    a, b = x.item(), y.item()
    assert np.allclose([backend.host(x.grad), backend.host(y.grad)], [1 + b, 2 * b + a])


def test_full_is_differentiated(backend):
    (x,) = leaves_of(backend, [()])
    cg.sum(backend.namespace.full((2, 3), x, device=None)).backward()
    assert backend.host(x.grad) == 6


@pytest.mark.parametrize("name", ["typecodes", "sctypeDict", "no_such_name"])
def test_names_that_are_no_functions_of_numpys_are_missing(name):
    assert not hasattr(cg, name)
