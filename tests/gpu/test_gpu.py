"""The table of operations on CuPy, against NumPy in float64; and a network trained there.

Run with `python -m pytest tests/gpu`. Derivatives are compared with NumPy's, which tests/test_derivatives.py compares with finite
differences: on a GPU those would be many small launches that prove nothing more.
"""

from __future__ import annotations

import numpy as np
import pytest
from backends import BACKENDS
from cases import CASES
from checks import SINGLE_TOLERANCE, Derivatives, assert_agree, directions_like
from test_rules import RULES

import clumsygrad as cg
from clumsygrad import activation, loss, optimizer

VALUE_TOLERANCE = 1e-10


# Without a GPU one row stands for all, to say once why it is skipped.
ROWS = CASES if BACKENDS["cupy"].missing() is None else CASES[:1]
DIRECT = RULES if BACKENDS["cupy"].missing() is None else RULES[:1]


@pytest.fixture(params=ROWS, ids=str)
def case(request, gpu):
    reason = request.param.cannot_run_on(gpu)
    if reason is not None:
        pytest.skip(reason)
    return request.param


@pytest.fixture
def both(case, gpu):
    """The row's derivatives here and on NumPy."""
    return Derivatives(case, gpu), Derivatives(case, BACKENDS["numpy"])


def test_value(both, case):
    here, numpys = both
    for kind in case.kinds:
        arrays = case.operands(kind)
        assert_agree(here.value(arrays), numpys.value(arrays), VALUE_TOLERANCE, f"{case.name}, value")


def test_first_order(both, case):
    here, numpys = both
    for kind in case.kinds:
        arrays = case.operands(kind)
        (cotangent,) = directions_like([numpys.value(arrays)], seed=1)
        expected = numpys.gradients(arrays, cotangent)
        for g, e in zip(here.gradients(arrays, cotangent), expected, strict=True):
            assert g.dtype == e.dtype
            assert_agree(g, e, VALUE_TOLERANCE, f"{case.name}, first order")


def test_second_order(both, case):
    if case.order < 2:
        pytest.skip(case.reason)
    here, numpys = both
    for kind in case.kinds:
        arrays = case.operands(kind)
        (cotangent,) = directions_like([numpys.value(arrays)], seed=1)
        weights = directions_like(arrays, seed=4)
        expected = numpys.second(arrays, cotangent, weights)
        for g, e in zip(here.second(arrays, cotangent, weights), expected, strict=True):
            assert_agree(g, e, VALUE_TOLERANCE, f"{case.name}, second order")


def test_single_precision(both, case):
    here, numpys = both
    for kind in case.kinds:
        arrays = case.operands(kind, single=True)
        (cotangent,) = directions_like([here.value(arrays)], seed=1)
        wide = [x.astype(np.complex128 if kind == "complex" else np.float64) for x in arrays]
        expected = numpys.gradients(wide, cotangent.astype(numpys.value(wide).dtype))
        for x, g, e in zip(arrays, here.gradients(arrays, cotangent), expected, strict=True):
            assert g.dtype == x.dtype
            assert_agree(g, e, SINGLE_TOLERANCE, f"{case.name}, float32")


def test_gradients_are_arrays_of_the_operands_device(both, case, gpu):
    here, _ = both
    arrays = case.operands(case.kinds[0])
    raw = here.raw(arrays)
    leaves = [cg.Tensor(x, requires_grad=True) for x in raw]
    z = here.apply(*leaves)
    z.backward(gpu.array(directions_like([gpu.host(z)], seed=1)[0]))
    for x, leaf, values in zip(raw, leaves, arrays, strict=True):
        assert type(leaf.grad) is type(x)
        assert leaf.grad.shape == x.shape
        assert leaf.grad.dtype == x.dtype
        assert leaf.grad.device.id == x.device.id
        assert np.array_equal(gpu.host(x), values)  # not written


@pytest.mark.parametrize("rule", DIRECT, ids=str)
def test_rules_called_directly(rule, gpu):
    """Prints rule, library and device of what it returns (pytest -s)."""
    arrays = rule.operands()
    tensor = rule.operation(*[cg.Tensor(gpu.array(x), requires_grad=True) for x in arrays])
    z = gpu.host(tensor)
    g = np.random.default_rng(4).uniform(-1, 1, z.shape)
    grad = gpu.array(g)
    found = getattr(cg.grad, f"{rule.name}_backward")(tensor, grad)
    for x, expected, operand in zip(found, rule.formula(g, z, *arrays), arrays, strict=True):
        assert type(x) is type(grad)
        assert x.device.id == grad.device.id
        assert_agree(gpu.host(x), np.broadcast_to(expected, operand.shape), VALUE_TOLERANCE, str(rule))
    print(f"{rule.name + '_backward':24} {cg.xp.library_of(found[0]):18} {found[0].device}")


def test_on_the_second_gpu(gpu):
    """Values and gradients stay on their own device, also while another is the current one."""
    if gpu.module.cuda.runtime.getDeviceCount() < 2:
        pytest.skip("there is one GPU only")
    with gpu.module.cuda.Device(1):
        raw = gpu.array(np.asarray([0.5, 1.5]))
    x = cg.Tensor(raw, requires_grad=True)
    z = cg.sum(cg.exp(x) * x)
    z.backward()
    assert z.data.device.id == x.grad.device.id == 1
    assert_agree(gpu.host(x.grad), np.exp([0.5, 1.5]) * np.asarray([1.5, 2.5]), 1e-12, "second GPU")


def test_to_the_gpu_and_back(gpu):
    x = cg.Tensor(np.asarray([1.0, 2.0]), requires_grad=True)
    y = x.to("cupy")
    assert gpu.owns(y.data)
    cg.sum((y * y).to("numpy")).backward()
    assert type(x.grad) is np.ndarray
    assert_agree(x.grad, [2.0, 4.0], 0.0, "moves")


def test_a_training_step_is_numpys(gpu):
    """Ten steps of Adam on a network like that of the digits end where NumPy's do."""
    random = np.random.default_rng(5)
    images = random.uniform(0, 1, (32, 64)).astype(np.float32)
    labels = random.integers(0, 10, 32)
    start = [0.1 * random.standard_normal(shape).astype(np.float32) for shape in ((64, 16), (16,), (16, 10), (10,))]

    def train(backend):
        x, y = cg.Tensor(backend.array(images)), backend.array(labels)
        parameters = [cg.Tensor(backend.array(np.array(p)), requires_grad=True) for p in start]
        w1, b1, w2, b2 = parameters
        adam = optimizer.Adam(parameters, learning_rate=0.01)
        losses = []
        for _ in range(10):
            adam.zero_grad()
            value = loss.cross_entropy(activation.relu(x @ w1 + b1) @ w2 + b2, y)
            value.backward()
            adam.step()
            losses.append(value.item())
        assert all(backend.owns(p.data) and backend.owns(p.grad) for p in parameters)
        return losses, [backend.host(p) for p in parameters]

    losses, here = train(gpu)
    expected_losses, expected = train(BACKENDS["numpy"])
    assert losses[-1] < losses[0]
    assert_agree(losses, expected_losses, 1e-4, "losses")
    for a, b in zip(here, expected, strict=True):
        assert a.dtype == np.float32
        assert_agree(a, b, 1e-3, "parameters")
