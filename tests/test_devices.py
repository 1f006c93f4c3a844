"""Where a machine has several GPUs, everything runs on the one that its tensors are on; NumPy stands for CuPy (two_devices.py)."""

from __future__ import annotations

import copy
import sys
import traceback
from types import SimpleNamespace

import numpy as np
import pytest
from backends import Backend
from cases import CASES
from checks import Derivatives, assert_agree, directions_like
from host_kernels import why_not_here
from test_optimizer import EVERY_OPTIMIZER, network_data, trained_steps
from two_devices import Device, FakeArray, HostRead, WrongDevice, by_kernels, on, two_devices, unread

import clumsygrad as cg
from clumsygrad import _kernels, _tree, namespace
from clumsygrad.optimizer import SGD, Adam, AdamW


class SecondDevice(Backend):
    """Arrays on device 1, while device 0 is the current one."""

    @property
    def namespace(self):
        return cg

    def array(self, values):
        return on(1, values)

    def host(self, x):
        x = x.data if type(x) is cg.Tensor else x
        assert x.device == Device(1)
        return x.get()


SECOND = SecondDevice("second", "cupy")


@pytest.fixture
def devices(monkeypatch):
    with two_devices(monkeypatch) as xp:
        yield xp


def a_plain_call(error):
    """Whether a function was called with plain arrays, which CuPy itself runs on the current device."""
    frames = traceback.extract_tb(error.__traceback__)
    return any(frame.filename.endswith("_makers.py") and str(frame.line).startswith("return forward(") for frame in frames)


# Rows that make arrays of their own, where the library makes them by default.
OTHERS = {"to-another-library", "asarray", "asarray-copy", "setitem", "assign-into-constant"}


@pytest.mark.parametrize("case", [case for case in CASES if not case.minor and case.name not in OTHERS], ids=str)
def test_the_table(case, devices):
    derivatives = Derivatives(case, SECOND)
    for kind in case.kinds[:1]:
        arrays = case.operands(kind)
        try:
            value = derivatives.value(arrays)
        except WrongDevice as error:
            if a_plain_call(error):
                pytest.skip("it calls functions with plain arrays too")
            raise
        assert_agree(value, case.expected(arrays), 1e-8, case.name)
        (cotangent,) = directions_like([value], seed=1)
        derivatives.gradients(arrays, cotangent)
        if case.order > 1:
            derivatives.second(arrays, cotangent, directions_like(arrays, seed=4))


@pytest.mark.parametrize("case", [case for case in CASES if not case.minor and case.name not in OTHERS], ids=str)
def test_nothing_is_read_or_uploaded(case, devices):
    """In no forward pass, no backward pass and no second one, while all is on the current device."""
    if {"masks", "repeats", "distinct", "bins"} & set(case.uses):
        pytest.skip("its shapes depend on data")
    if case.name.startswith("expm-"):
        pytest.skip("how often to square is read: CuPy has no exponential of stacks of matrices")
    arrays = case.operands(case.kinds[0])
    operands = [on(0, x) for x in arrays]
    constants = [on(0, x) for x in case.constants]
    cotangent = on(0, directions_like([case.expected(arrays)], seed=1)[0])
    weights = [on(0, x) for x in directions_like(arrays, seed=4)]
    derivatives = Derivatives(case, SECOND)
    derivatives.constants = constants
    with unread():
        derivatives._raw_value(*operands)
        derivatives._raw_gradients(*operands, cotangent)
        if case.order > 1:
            derivatives._raw_second(*operands, cotangent, *weights)


def test_the_stand_in_fails_where_cupy_would(devices):
    with pytest.raises(WrongDevice):
        on(1, [1.0]) + on(1, [1.0])
    with Device(1):
        assert (on(1, [1.0]) + on(1, [1.0])).device == Device(1)
        assert np.ones_like(on(1, [1.0])).device == Device(1)
        with pytest.raises(WrongDevice):
            on(0, [1.0]) * 2


def test_the_stand_in_takes_what_cupy_takes(devices):
    """Dtypes, keywords and shapes, and no error from a factorisation that failed."""
    x, matrix = on(0, [1.0, 2.0]), on(0, [[1.0, 2.0], [2.0, 4.0]])
    for call in (
        lambda: devices.logical_not(x + 1j),
        lambda: devices.add(x, [1.0, 2.0]),
        lambda: devices.add(x, x, where=x > 1),
    ):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(NotImplementedError):
        devices.maximum.reduce(x)
    with pytest.raises(ValueError, match="for multidimensional b"):
        devices.linalg.solve(matrix, matrix[None])
    assert np.isnan(devices.linalg.inv(matrix).get()).all()
    with unread():
        devices.stack([x] * 8)
        for read in (
            lambda: devices.stack([x] * 9),
            lambda: devices.linalg.pinv(matrix),
            lambda: devices.full(3, x[0]),
        ):
            with pytest.raises(HostRead):
                read()


def test_a_whole_pass_and_its_sums(devices):
    x = cg.Tensor(on(1, [1.0, 2.0]), requires_grad=True)
    for _ in range(2):
        cg.sum(cg.exp(x) * x + cg.exp(x)).backward()
    assert x.grad.device == Device(1)
    np.testing.assert_allclose(x.grad.get(), 2 * np.exp([1.0, 2.0]) * (np.array([1.0, 2.0]) + 2))
    y = copy.deepcopy(x)
    assert y.data.device == Device(1)
    assert y.data.get().tolist() == [1, 2]


def test_transforms(devices):
    point = on(1, [0.5, 1.5])
    gradient = cg.func.grad(lambda x: cg.sum(x**3))(point)
    assert gradient.device == Device(1)
    np.testing.assert_allclose(gradient.get(), [0.75, 6.75])
    product = cg.func.hvp(lambda x: cg.sum(x**3), point, on(1, [1.0, 0.0]))
    np.testing.assert_allclose(product[0].get() if isinstance(product, tuple) else product.get(), [3.0, 0.0])
    unused = cg.func.grad(lambda x, y: cg.sum(x), argnums=(0, 1))(point, point)[1]
    assert unused.device == Device(1)


def _complex(x):
    return (cg.Tensor(x) + 1j).data


def _with_parts(x):
    return cg.real(x) + cg.imag(x)


def _anomaly_found(x):
    leaf = cg.Tensor((cg.Tensor(x) * 0).data, requires_grad=True)
    with pytest.raises(FloatingPointError, match="the gradient of sqrt's operand became infinite"), cg.detect_anomaly():
        cg.sum(cg.sqrt(leaf)).backward()
    return x


def _operator():
    return cg.func.linear_operator(lambda x: 2.0 * x, lambda y: y * 2.0, check=True)


def _root(x, y):
    """Of a tree of two arrays, with a solver that computes with plain arrays."""
    return cg.func.implicit_root(
        lambda x, a, b: {"u": x["u"] * x["u"] - a, "v": x["v"] - a * b}, lambda a, b: {"u": a**0.5, "v": a * b}
    )(x, y)


# Transforms of what is computed from a point x, which all must run where x is.
OVER_ARRAYS = {
    "jacobian": lambda x: cg.func.jacobian(lambda x: x * x[0])(x),
    "jacobian-columns": lambda x: cg.func.jacobian(lambda x: x * x[0], by="columns")(x),
    "jacobian-unused": lambda x: cg.func.jacobian(lambda x, y: y, argnums=(0, 1))(x, x),
    "jacobian-in-float32": lambda x: cg.func.jacobian(lambda x: cg.astype(x, cg.float32))(x),
    "jacobian-complex": lambda x: cg.func.jacobian(lambda x: x * x[0])(_complex(x)),
    "jacobian-complex-of-real": lambda x: cg.func.jacobian(lambda x: x * (1 + 2j))(x),
    "jacobian-real-of-complex": lambda x: cg.func.jacobian(_with_parts, by="columns")(_complex(x)),
    "jacobian-of-tensors": lambda x: cg.func.grad(lambda y: cg.sum(cg.func.jacobian(lambda x: x**3)(y)))(x),
    "hessian": lambda x: cg.func.hessian(lambda x: cg.sum(x**3) * x[0])(x),
    "holomorphic_grad": lambda x: cg.func.holomorphic_grad(lambda z: z**3)(_complex(x)),
    "elementwise_grad": lambda x: cg.func.elementwise_grad(cg.sin)(x),
    "vjp": lambda x: cg.func.vjp(lambda x: (x * x[0], cg.exp(x)), x)[1]((x, x)),
    "jvp": lambda x: cg.func.jvp(lambda x: (x * x[0], cg.exp(x)), x, x),
    "linearize": lambda x: cg.func.linearize(lambda x, y: x * y[0], x, x)[1](x, x),
    "hvp": lambda x: cg.func.hvp(lambda x: cg.sum(x**3) * x[0], x, x),
    "checkpoint": lambda x: cg.func.hessian(lambda x: cg.sum(cg.func.checkpoint(lambda x: (x * x[0], cg.sin(x)))(x)[0]))(x),
    "minimize": lambda x: cg.func.minimize(lambda p: cg.sum((p - 2.0) ** 2 * p), x, method="trust-exact")[0],
    "minimize-constrained": lambda x: cg.func.minimize(
        lambda p: cg.sum((p - 2.0) ** 2), x, method="SLSQP", constraints={"type": "eq", "fun": lambda p: cg.sum(p * p) - 2.0}
    )[0],
    "linear_operator": lambda x: cg.func.hessian(lambda x: cg.sum(_operator()(x) ** 2))(x),
    "dot_test": lambda x: (x, _operator().dot_test(x))[0],
    "implicit_root": lambda x: _root(x, x),
    "implicit_root-gradient": lambda x: cg.func.hessian(lambda x: cg.sum(_root(x, x)["u"] * _root(x, x)["v"]))(x),
    "detect_anomaly": _anomaly_found,
}


@pytest.mark.parametrize("name", OVER_ARRAYS)
def test_every_transform(name, devices):
    expected = _tree.flatten(OVER_ARRAYS[name](np.asarray([0.5, 1.5])))[0]
    found = _tree.flatten(OVER_ARRAYS[name](on(1, [0.5, 1.5])))[0]
    for a, b in zip(found, expected, strict=True):
        a = a.data if type(a) is cg.Tensor else a
        assert a.device == Device(1)
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a.get(), b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "draw", [lambda g: g.normal((2,), mean=1.0, std=2.0), lambda g: g.uniform((2,), low=1.0, high=3.0)], ids=["normal", "uniform"]
)
def test_a_generators_own_numbers_are_scaled_where_they_are_drawn(draw, devices, monkeypatch):
    def drawn(shape, dtype):
        return devices.ones(shape, dtype=dtype)

    own = SimpleNamespace(standard_normal=drawn, random=drawn)
    monkeypatch.setattr(sys.modules["cupy"], "random", SimpleNamespace(default_rng=lambda seed: own), raising=False)
    x = draw(cg.random.Generator(0, library="cupy", device=Device(1), native=True))
    assert x.data.device == Device(1)
    assert x.data.get().tolist() == [3, 3]


@pytest.mark.parametrize("make", [lambda p: SGD(p, 0.1, momentum=0.9, weight_decay=0.1), Adam, AdamW])
def test_optimizers_and_parameters_on_both_devices(make, devices):
    parameters = [cg.Tensor(on(number, [1.0, -2.0]), requires_grad=True) for number in (0, 1, 1, 0)]
    optimizer = make(parameters)
    for _ in range(2):
        optimizer.zero_grad()
        for x in parameters:
            cg.sum(x * x).backward()
        for number in (0, 1):
            norm = cg.optimizer.clip_by_norm([x for x in parameters if x.data.device.id == number], 1.0)
            assert norm.device == Device(number)
        optimizer.step()
    assert [x.data.device.id for x in parameters] == [0, 1, 1, 0]
    for state, x in zip(optimizer.state_dict()["state"], parameters, strict=True):
        assert all(a.device == x.data.device for a in state.values())
    assert len({tuple(x.data.get()) for x in parameters}) == 1


def test_a_graph_over_two_devices(devices):
    x = cg.Tensor(on(1, [1.0, 2.0]), requires_grad=True)
    y = cg.exp((x * x).to("cuda:0").to_device(Device(0)))
    assert y.data.device == Device(0)
    cg.sum(y + y).backward()
    assert x.grad.device == Device(1)
    np.testing.assert_allclose(x.grad.get(), 4 * np.array([1.0, 2.0]) * np.exp([1.0, 4.0]))


def test_creation_like_an_array_is_where_that_is(devices):
    bound = namespace.Bound(devices)
    x = cg.Tensor(on(1, [1.0, 2.0]))
    for z in (bound.zeros_like(x), bound.ones_like(x.data), bound.full_like(x, 3.0), bound.empty_like(x)):
        assert type(z.data) is FakeArray
        assert z.data.device == Device(1)
    assert bound.zeros((2,)).data.device == Device(0)
    assert bound.zeros((2,), device=Device(1)).data.device == Device(1)


def test_operands_on_two_devices(devices):
    x, y = cg.Tensor(on(0, [1.0]), requires_grad=True), cg.Tensor(on(1, [1.0]), requires_grad=True)
    for call in (lambda: x + y.data, lambda: cg.concat([x, y]), lambda: cg.where(x > 0, x, y), lambda: cg.nn.linear(x, y.data)):
        with pytest.raises(ValueError, match="on devices <CUDA Device 0> and <CUDA Device 1>; move one"):
            call()


def test_operands_on_two_devices_of_array_api_strict():
    strict = pytest.importorskip("array_api_strict")
    x, y = (cg.Tensor(strict.ones(2, device=strict.Device(name)), requires_grad=True) for name in ("device1", "device2"))
    for call in (lambda: x * y.data, lambda: cg.stack([x, y]), lambda: cg.nn.mse_loss(x, y), lambda: x @ y.data):
        with pytest.raises(ValueError, match=r"on devices .*device1.* and .*device2.*; move one, with x\.to_device"):
            call()


@pytest.mark.parametrize("name", EVERY_OPTIMIZER)
def test_training_steps_read_and_upload_nothing(name, devices):
    """Forward pass with dropout, loss, backward pass, clipping by norm, step: three times, on the second device."""
    parameters, images, labels = network_data()
    expected, _, norms = trained_steps(EVERY_OPTIMIZER[name], parameters, images, labels)
    arrays = [on(1, x) for x in (*parameters, images, labels)]
    with unread():
        found, state, found_norms = trained_steps(EVERY_OPTIMIZER[name], arrays[:5], arrays[5], arrays[6])
    for x in (*found, *found_norms, *[a for arrays in state["state"] for a in arrays.values()]):
        assert x.device == Device(1)
    for a, b in zip((*found, *found_norms), (*expected, *norms), strict=True):
        np.testing.assert_allclose(a.get(), b, rtol=2e-4, atol=2e-5)


@pytest.mark.skipif(why_not_here() is not None, reason=str(why_not_here()))
@pytest.mark.parametrize("name", EVERY_OPTIMIZER)
def test_training_steps_by_kernels(name, devices, monkeypatch):
    """The same with the kernels, which the host runs: they write on the device of their arrays, and nothing else is read or uploaded."""
    parameters, images, labels = network_data()
    expected, _, norms = trained_steps(EVERY_OPTIMIZER[name], parameters, images, labels)
    launched = by_kernels(monkeypatch)
    arrays = [on(1, x) for x in (*parameters, images, labels)]
    with unread():
        found, _, found_norms = trained_steps(EVERY_OPTIMIZER[name], arrays[:5], arrays[5], arrays[6])
    step = name.partition(" ")[0].lower().removesuffix("w")
    assert {"layer_norm", "gelu", "dropout", "cross_entropy", "cross_entropy_gradient", "gelu_gradient", step} <= set(launched)
    assert launched.count(step) == 3, "one launch for all parameters"
    for a, b in zip((*found, *found_norms), (*expected, *norms), strict=True):
        assert a.device == Device(1)
        np.testing.assert_allclose(a.get(), b, rtol=2e-4, atol=2e-5)


def test_a_window_of_nine_places_uploads_nothing(devices):
    """CuPy uploads the addresses of more than eight arrays that are stacked."""
    draw = np.random.default_rng(0)
    arrays = [draw.standard_normal(shape) for shape in ((2, 2, 5, 5), (3, 2, 3, 3))]

    def gradients(arrays):
        leaves = [cg.Tensor(x, requires_grad=True) for x in arrays]
        z = cg.nn.conv2d(*leaves)
        cg.sum(z * z * cg.nn.max_pool2d(leaves[0], 3)[:, :1]).backward()
        return [leaf.grad for leaf in leaves]

    there = [on(1, x) for x in arrays]
    with unread():
        found = gradients(there)
    for a, b in zip(found, gradients(arrays), strict=True):
        np.testing.assert_allclose(a.get(), b, rtol=1e-10)


@pytest.mark.skipif(why_not_here() is not None, reason=str(why_not_here()))
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("batch", [(), (3,)])
def test_attention_by_kernels(batch, causal, devices, monkeypatch):
    """Its softmax is a kernel, and so is that one's gradient where values have no more axes of batches than weights."""
    draw = np.random.default_rng(0)
    arrays = [draw.standard_normal(shape) for shape in ((2, 5, 4), (2, 5, 4), (*batch, 2, 5, 3))]

    def gradients(make):
        leaves = [cg.Tensor(make(x), requires_grad=True) for x in arrays]
        z = cg.nn.scaled_dot_product_attention(*leaves, causal=causal)
        cg.sum(z * z).backward()
        return [leaf.grad for leaf in leaves]

    expected = gradients(np.asarray)
    launched = by_kernels(monkeypatch)
    found = gradients(lambda x: on(1, x))
    assert [name for name in launched if "sum" not in name] == (["softmax"] if batch else ["softmax", "softmax_gradient"])
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.get(), b, rtol=1e-10, atol=1e-12)


@pytest.mark.skipif(why_not_here() is not None, reason=str(why_not_here()))
def test_kernels_are_not_launched_where_their_arrays_are_not(devices, monkeypatch):
    """A plain call runs on the current device, as CuPy's own do: what it does with arrays of another is left to CuPy."""
    launched = by_kernels(monkeypatch)
    x = on(1, [[1.0, 2.0]])
    assert _kernels.softmax(x, -1) is None
    with Device(1):
        assert _kernels.softmax(x, -1).device == Device(1)
    assert launched == ["softmax"]


@pytest.mark.skipif(why_not_here() is not None, reason=str(why_not_here()))
def test_parameters_on_two_devices_are_stepped_by_two_launches(devices, monkeypatch):
    launched = by_kernels(monkeypatch)
    parameters = [cg.Tensor(on(number, [1.0, -2.0]), requires_grad=True) for number in (0, 1, 1, 0)]
    for x in parameters:
        x.grad = on(x.data.device.id, [1.0, 1.0])
    SGD(parameters, 0.5).step()
    assert launched == ["sgd", "sgd"]
    assert [x.data.device.id for x in parameters] == [0, 1, 1, 0]
    assert all(x.data.get().tolist() == [0.5, -2.5] for x in parameters)
