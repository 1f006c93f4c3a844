"""Optimizers: against formulas written out, against torch, on every library, and what they leave alone."""

from __future__ import annotations

from dataclasses import dataclass

import array_api_compat
import numpy as np
import pytest
from backends import BACKENDS

import clumsygrad as cg
from clumsygrad.optimizer import SGD, Adam, AdamW

STEPS = 20
START = np.asarray([1.5, -0.7, 0.3, 2.0])


def descend(optimizer_of, steps=STEPS, start=START):
    """The parameter after `steps` steps down a loss whose gradient changes sign and size."""
    x = cg.Tensor(start, requires_grad=True)
    optimizer = optimizer_of([x])
    for _ in range(steps):
        optimizer.zero_grad()
        cg.sum(x**4 / 4 - cg.sin(3 * x)).backward()
        optimizer.step()
    return x.data


def slope(x):
    return x**3 - 3 * np.cos(3 * x)


def sgd_by_hand(rate, momentum, decay):
    x, v = START.copy(), np.zeros(4)
    for _ in range(STEPS):
        v = momentum * v + slope(x) + decay * x
        x = x - rate * v
    return x


def adam_by_hand(rate, betas, eps, decay, decoupled):
    x, m, s = START.copy(), np.zeros(4), np.zeros(4)
    for t in range(1, STEPS + 1):
        g = slope(x) + (0 if decoupled else decay * x)
        m = betas[0] * m + (1 - betas[0]) * g
        s = betas[1] * s + (1 - betas[1]) * g * g
        x = x * (1 - rate * decay if decoupled else 1)
        x = x - rate * (m / (1 - betas[0] ** t)) / (np.sqrt(s / (1 - betas[1] ** t)) + eps)
    return x


CASES = {
    "SGD": (lambda p: SGD(p, 0.01), lambda: sgd_by_hand(0.01, 0, 0), ("SGD", {"lr": 0.01})),
    "SGD with momentum": (
        lambda p: SGD(p, 0.01, momentum=0.9),
        lambda: sgd_by_hand(0.01, 0.9, 0),
        ("SGD", {"lr": 0.01, "momentum": 0.9}),
    ),
    "SGD with momentum and decay": (
        lambda p: SGD(p, 0.01, momentum=0.9, weight_decay=0.1),
        lambda: sgd_by_hand(0.01, 0.9, 0.1),
        ("SGD", {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.1}),
    ),
    "Adam": (lambda p: Adam(p, 0.02), lambda: adam_by_hand(0.02, (0.9, 0.999), 1e-8, 0, False), ("Adam", {"lr": 0.02})),
    "Adam with decay": (
        lambda p: Adam(p, 0.02, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1),
        lambda: adam_by_hand(0.02, (0.8, 0.9), 1e-3, 0.1, False),
        ("Adam", {"lr": 0.02, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    ),
    "AdamW": (
        lambda p: AdamW(p, 0.02, weight_decay=0.1),
        lambda: adam_by_hand(0.02, (0.9, 0.999), 1e-8, 0.1, True),
        ("AdamW", {"lr": 0.02, "weight_decay": 0.1}),
    ),
    "AdamW as it comes": (
        lambda p: AdamW(p),
        lambda: adam_by_hand(1e-3, (0.9, 0.999), 1e-8, 1e-2, True),
        ("AdamW", {}),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_by_hand(name):
    ours, by_hand, _ = CASES[name]
    np.testing.assert_allclose(descend(ours), by_hand(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_like_torch(name):
    torch = pytest.importorskip("torch")
    ours, _, (theirs, options) = CASES[name]
    x = torch.tensor(START, requires_grad=True)
    optimizer = getattr(torch.optim, theirs)([x], **options)
    for _ in range(STEPS):
        optimizer.zero_grad()
        (x**4 / 4 - torch.sin(3 * x)).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(descend(ours), x.detach().numpy(), rtol=1e-12, atol=1e-12)


def library_array(values, library):
    if library == "numpy":
        return np.asarray(values)
    if library == "array_api_strict":
        strict = pytest.importorskip("array_api_strict")
        return strict.asarray(np.asarray(values), device=strict.Device("device1"))
    if library == "torch":
        return pytest.importorskip("torch").asarray(np.asarray(values))
    return pytest.importorskip("jax").numpy.asarray(values)


@pytest.mark.parametrize("library", ["numpy", "array_api_strict", "torch", "jax"])
@pytest.mark.parametrize("name", ["SGD with momentum and decay", "Adam", "AdamW"])
def test_on_every_library_and_its_device(name, library):
    start = library_array(START.astype(np.float32), library)
    data = descend(CASES[name][0], start=start)
    assert type(data) is type(start)
    assert data.dtype == start.dtype
    assert array_api_compat.device(data) == array_api_compat.device(start)
    values = cg.Tensor(data).numpy()
    np.testing.assert_allclose(values, CASES[name][1](), rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("make", [lambda p: SGD(p, 0.1, momentum=0.9), Adam, AdamW])
def test_no_array_of_the_users_is_written(make):
    array, gradient = START.copy(), np.ones(4)
    x = cg.Tensor(array, requires_grad=True)
    optimizer = make([x])
    for _ in range(3):
        x.grad = gradient
        before = x.data
        kept = before.copy()
        optimizer.step()
        np.testing.assert_array_equal(gradient, np.ones(4))
        if before is array:
            np.testing.assert_array_equal(before, kept)
    np.testing.assert_array_equal(array, START)
    assert x.is_leaf
    assert x.requires_grad
    assert not np.array_equal(x.data, START)


def test_tensors_that_share_an_array_are_stepped_apart():
    x, y = cg.Tensor(START, requires_grad=True), cg.Tensor(START, requires_grad=True)
    optimizer = SGD([x, y], 0.1)
    cg.sum(x).backward()
    optimizer.step()
    np.testing.assert_allclose(x.data, START - 0.1)
    np.testing.assert_array_equal(y.data, START)


def test_a_detached_copy_keeps_the_old_values():
    x = cg.Tensor(START, requires_grad=True)
    optimizer = SGD([x], 0.1)
    for _ in range(2):
        old, values = x.detach(), x.data.copy()
        cg.sum(x).backward()
        optimizer.step()
        np.testing.assert_array_equal(old.data, values)


def test_parameters_without_a_gradient_stay():
    x, y = cg.Tensor(START, requires_grad=True), cg.Tensor(START, requires_grad=True)
    optimizer = AdamW([x, y], 0.1)
    cg.sum(x * x).backward()
    optimizer.step()
    assert y.data is START
    assert x.data is not START


def test_zero_grad_and_the_parameters_of_a_generator():
    x, y = cg.Tensor(START, requires_grad=True), cg.Tensor(2.0, requires_grad=True)
    optimizer = SGD((p for p in (x, y)), 0.1)
    (cg.sum(x) * y).backward()
    optimizer.zero_grad()
    assert x.grad is None
    assert y.grad is None
    optimizer.step()
    assert y.data == 2.0


@dataclass
class Layer:
    w: cg.Tensor
    b: cg.Tensor | None


@pytest.mark.parametrize(
    "tree",
    [
        lambda x, y: {"first": x, "second": {"again": x, "y": y}},
        lambda x, y: [Layer(x, None), (y, x)],
        lambda x, y: Layer(x, y),
        lambda x, y: {"a": [x], "b": Layer(y, None)}.values(),
        lambda x, y: (layer for layer in ([x], (y,))),
    ],
)
def test_parameters_in_trees(tree):
    """Each is stepped, and counted in the norm, once."""
    x, y = cg.Tensor(START, requires_grad=True), cg.Tensor(2.0, requires_grad=True)
    optimizer = SGD(tree(x, y), 0.1)
    assert [id(p) for p in optimizer.parameters] == [id(x), id(y)]
    (cg.sum(x) * y).backward()
    assert np.isclose(cg.optimizer.clip_by_norm(tree(x, y), 100.0), np.sqrt(4 * 4 + np.sum(START) ** 2))
    optimizer.step()
    np.testing.assert_allclose(x.data, START - 0.2)


def test_parameters_of_no_dimension():
    x = cg.Tensor(2.0, requires_grad=True)
    optimizer = Adam([x], 0.1)
    for _ in range(3):
        optimizer.zero_grad()
        (x * x).backward()
        optimizer.step()
    assert x.data.shape == ()
    assert type(x.data) is np.ndarray
    assert 1.6 < x.data < 1.8


def test_complex_parameters_descend():
    z = cg.Tensor(np.asarray([1.0 + 2.0j, -3.0]), requires_grad=True)
    for make in (SGD, Adam):
        optimizer = make([z], 0.05)
        before = np.sum(np.abs(z.data) ** 2)
        for _ in range(10):
            optimizer.zero_grad()
            cg.sum(cg.abs(z) ** 2).backward()
            optimizer.step()
        assert np.sum(np.abs(z.data) ** 2) < before
    assert z.dtype == np.complex128


def test_the_learning_rate_may_change_between_steps():
    x = cg.Tensor(np.zeros(1), requires_grad=True)
    optimizer = SGD([x], 1.0)
    for rate in (1.0, 0.5, 0.25):
        optimizer.learning_rate = rate
        optimizer.zero_grad()
        cg.sum(x).backward()
        optimizer.step()
    assert x.data.tolist() == [-1.75]


@pytest.mark.parametrize("make", [lambda p: SGD(p, 0.01, momentum=0.9), lambda p: Adam(p, 0.02), lambda p: AdamW(p, 0.02)])
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_run_goes_on_from_its_saved_state(make, library):
    if library == "torch":
        pytest.importorskip("torch")
    whole = descend(make)

    x = cg.Tensor(START, requires_grad=True)
    first = make([x])
    for _ in range(STEPS // 2):
        first.zero_grad()
        cg.sum(x**4 / 4 - cg.sin(3 * x)).backward()
        first.step()
    saved = first.state_dict()

    y = cg.Tensor(library_array(x.data, library), requires_grad=True)
    second = make([y])
    second.load_state_dict(saved)
    for _ in range(STEPS - STEPS // 2):
        second.zero_grad()
        cg.sum(y**4 / 4 - cg.sin(3 * y)).backward()
        second.step()
    np.testing.assert_allclose(y.detach().numpy(), whole, rtol=1e-12)


def test_a_saved_state_does_not_change_as_the_run_goes_on():
    x = cg.Tensor(START, requires_grad=True)
    optimizer = Adam([x], 0.02)
    for _ in range(2):
        cg.sum(x * x).backward()
        optimizer.step()
    saved = optimizer.state_dict()
    kept = {name: np.array(array) for name, array in saved["state"][0].items()}
    for _ in range(2):
        cg.sum(x * x).backward()
        optimizer.step()
    assert saved["steps"] == 2
    for name, array in saved["state"][0].items():
        np.testing.assert_array_equal(array, kept[name])


def test_a_state_that_does_not_fit_changes_nothing():
    x, y = cg.Tensor(START, requires_grad=True), cg.Tensor(START[:2], requires_grad=True)
    big, small = Adam([x]), Adam([y])
    for tensor, optimizer in ((x, big), (y, small)):
        cg.sum(tensor).backward()
        optimizer.step()
    state = small.state_dict()
    with pytest.raises(ValueError, match=r"of parameter 0 has shape \(4,\), not \(2,\)"):
        small.load_state_dict(big.state_dict())
    with pytest.raises(ValueError, match="state of 1 parameters for 2"):
        Adam([x, y]).load_state_dict(state)
    for name, array in small.state_dict()["state"][0].items():
        np.testing.assert_array_equal(array, state["state"][0][name])


def test_the_state_of_another_optimizer_is_refused():
    x = cg.Tensor([1.0], requires_grad=True)
    x.grad = np.ones(1)
    sgd, adam = SGD([x], 0.1, momentum=0.9), Adam([x])
    sgd.step()
    with pytest.raises(ValueError, match="parameter 0 has state velocity, and Adam keeps mean, square: it was saved by another"):
        adam.load_state_dict(sgd.state_dict())
    assert (adam.steps, adam.state) == (0, [{}])


@pytest.mark.parametrize(
    ("parameters", "rate", "kind", "message"),
    [
        ([], 0.1, ValueError, "Adam: no parameters"),
        ({}, 0.1, ValueError, "Adam: no parameters"),
        (object(), 0.1, TypeError, "an iterable of trees, not an object: make it a dataclass"),
        ([cg.Tensor([1.0])], 0.1, TypeError, "Adam: parameter 0 must be a leaf .* and is one that requires none: make it with"),
        ({"w": np.ones(2)}, 0.1, TypeError, "Adam: parameter 0 must be a leaf .* is of type ndarray"),
        (
            [cg.Tensor([1.0], requires_grad=True) * 2],
            0.1,
            TypeError,
            "Adam: parameter 0 must be a leaf .* is one that was computed",
        ),
        ([cg.Tensor([1.0], requires_grad=True)], -0.1, ValueError, "learning_rate must not be negative, got -0.1"),
    ],
)
def test_bad_arguments(parameters, rate, kind, message):
    with pytest.raises(kind, match=message):
        Adam(parameters, rate)


def test_a_step_under_a_recorded_gradient_records_nothing():
    x = cg.Tensor(START, requires_grad=True)
    optimizer = SGD([x], 0.1, momentum=0.9)
    for _ in range(2):
        optimizer.zero_grad()
        cg.sum(x**3).backward(create_graph=True)
        optimizer.step()
    assert x.is_leaf
    assert type(x.data) is np.ndarray
    assert type(optimizer.state_dict()["state"][0]["velocity"]) is np.ndarray


# No value comes back to the host --------------------------------------------------------------------------------------------------------

EVERY_OPTIMIZER = {
    "SGD": lambda p: SGD(p, 0.01),
    "SGD with momentum and decay": lambda p: SGD(p, 0.01, momentum=0.9, weight_decay=0.1),
    "Adam": lambda p: Adam(p, 0.02, weight_decay=0.1),
    "AdamW": lambda p: AdamW(p, 0.02),
}


@pytest.mark.parametrize(
    ("library", "dtype"), [("numpy", "float16"), ("torch", "float16"), ("torch", "bfloat16"), ("jax", "bfloat16")]
)
@pytest.mark.parametrize("name", EVERY_OPTIMIZER)
def test_parameters_of_16_bits_are_stepped_in_float32(name, library, dtype):
    """Their own dtype rounds small squares, and Adam's eps, to 0. It is kept; the state is float32."""
    pytest.importorskip(library)
    xp = cg.over(library)
    narrow = getattr(xp, dtype, None) or getattr(BACKENDS[library].raw_namespace, dtype)
    values = [[0.5, -1.0, 2.0], [1e-4, 0.0, 3e-3], [-2e-4, 0.0, 5e-3], [0.0, 1e-4, 0.0]]
    start, *gradients = [xp.astype(xp.asarray(x, dtype=xp.float32), narrow) for x in values]

    def trained(dtype):
        x = cg.Tensor(xp.astype(start, dtype).data, requires_grad=True)
        optimizer = EVERY_OPTIMIZER[name]([x])
        for g in gradients:
            x.grad = xp.astype(g, dtype).data
            optimizer.step()
        return x, optimizer.state_dict()["state"][0]

    (x, state), (wide, _) = trained(narrow), trained(xp.float32)
    assert x.dtype == narrow
    np.testing.assert_allclose(xp.astype(x, xp.float32).detach().numpy(), wide.detach().numpy(), rtol=2**-7)
    assert all(array.dtype == xp.float32 for array in state.values())


def network(xp, parameters, images, labels, step):
    """A network with dropout: its loss."""
    w, b, gain, shift, v = parameters
    h = cg.nn.gelu(cg.nn.layer_norm(cg.nn.linear(images, w, b), gain, shift))
    h = cg.nn.dropout(h, 0.25, seed=3, step=step)
    return cg.nn.cross_entropy(cg.nn.linear(h, v), labels)


def network_data():
    draw = np.random.default_rng(0)
    shapes = ((8, 6), (6,), (6,), (6,), (6, 4))
    parameters = [draw.standard_normal(shape).astype(np.float32) for shape in shapes]
    return parameters, draw.standard_normal((10, 8)).astype(np.float32), draw.integers(0, 4, 10).astype(np.int32)


def trained_steps(make, parameters, images, labels, step_of=lambda i: i, state=None, first=0, steps=3):
    """The parameters, the optimizer's state, and the norms, after some steps of training with clipped gradients."""
    leaves = [cg.Tensor(x, requires_grad=True) for x in parameters]
    optimizer = make(leaves)
    if state is not None:
        optimizer.load_state_dict(state)
    norms = []
    for i in range(first, first + steps):
        optimizer.zero_grad()
        network(cg, leaves, images, labels, step_of(i)).backward()
        norms.append(cg.optimizer.clip_by_norm(leaves, 0.5))
        optimizer.step()
    return [leaf.data for leaf in leaves], optimizer.state_dict(), norms


@pytest.mark.parametrize("name", EVERY_OPTIMIZER)
def test_training_steps_under_jit(name):
    """One function, compiled once, takes parameters, state and the number of the step, and gives the new ones."""
    jax = pytest.importorskip("jax")
    make = EVERY_OPTIMIZER[name]
    parameters, images, labels = network_data()
    expected, expected_state, expected_norms = trained_steps(make, parameters, images, labels)
    traced = 0

    @jax.jit
    def step(parameters, state, images, labels, number):
        nonlocal traced
        traced += 1
        return trained_steps(make, parameters, images, labels, lambda _: number, state, steps=1)

    found, state, norms = trained_steps(make, *jax.tree.map(jax.numpy.asarray, (parameters, images, labels)), steps=1)
    state["steps"] = jax.numpy.asarray(state["steps"])
    for i in (1, 2):
        found, state, more = step(found, state, images, labels, jax.numpy.asarray(i))
        norms += more
    assert traced == 1
    assert int(state["steps"]) == expected_state["steps"] == 3
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(np.asarray(norms), np.asarray(expected_norms), rtol=1e-3)


@pytest.mark.parametrize("name", EVERY_OPTIMIZER)
def test_training_steps_on_a_device_that_is_not_the_host(name):
    strict = pytest.importorskip("array_api_strict")
    device = strict.Device("device1")
    make = EVERY_OPTIMIZER[name]
    parameters, images, labels = network_data()
    expected, _, expected_norms = trained_steps(make, parameters, images, labels)
    with strict.ArrayAPIStrictFlags(api_version="2025.12", boolean_indexing=False, data_dependent_shapes=False):
        arrays = [strict.asarray(x, device=device) for x in (*parameters, images, labels)]
        found, state, norms = trained_steps(make, arrays[:5], arrays[5], arrays[6])
    for x in (*found, *norms, *[a for arrays in state["state"] for a in arrays.values()]):
        assert x.device == device
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(cg.Tensor(a).numpy(), b, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose([cg.Tensor(x).numpy() for x in norms], expected_norms, rtol=1e-4)


# Clipping -----------------------------------------------------------------------------------------------------------------------------


def test_clipping_by_the_norm_of_all():
    x, y, z = (cg.Tensor(START, requires_grad=True) for _ in range(3))
    x.grad, y.grad = np.array([3.0, 0, 0, 0]), np.array([0, 4.0, 0, 0])
    norm = cg.optimizer.clip_by_norm([x, y, z], 10.0)
    assert type(norm) is np.ndarray
    assert norm == 5
    np.testing.assert_array_equal(y.grad, [0, 4, 0, 0])
    assert cg.optimizer.clip_by_norm((p for p in (x, y, z)), 0.5) == 5
    np.testing.assert_allclose(x.grad, [0.3, 0, 0, 0])
    np.testing.assert_allclose(y.grad, [0, 0.4, 0, 0])
    assert z.grad is None


def test_clipping_what_is_complex_or_of_two_dtypes():
    x = cg.Tensor(np.asarray([1 + 1j], dtype=np.complex64), requires_grad=True)
    y = cg.Tensor(np.asarray([1.0]), requires_grad=True)
    x.grad, y.grad = np.asarray([0 + 3j], dtype=np.complex64), np.asarray([4.0])
    assert cg.optimizer.clip_by_norm([x, y], 1.0) == 5
    np.testing.assert_allclose(x.grad, [0.6j])
    np.testing.assert_allclose(y.grad, [0.8])
    assert x.grad.dtype == np.complex64


def test_clipping_what_float16_can_not_square():
    x = cg.Tensor(np.zeros(4, np.float16), requires_grad=True)
    x.grad = np.full(4, 300, np.float16)
    assert cg.optimizer.clip_by_norm([x], 1.0) == 600
    assert x.grad.dtype == np.float16
    np.testing.assert_array_equal(x.grad, np.full(4, 0.5))


def test_an_infinite_limit_reads_the_norm_alone():
    x = cg.Tensor([0.0, 0.0], requires_grad=True)
    x.grad = np.asarray([3.0, 4.0])
    assert cg.optimizer.clip_by_norm([x], float("inf")) == 5
    assert x.grad.tolist() == [3, 4]


def test_gradients_of_two_libraries_are_not_clipped_together():
    xp = pytest.importorskip("array_api_strict")
    x, y = cg.Tensor([1.0], requires_grad=True), cg.Tensor(xp.asarray([1.0]), requires_grad=True)
    x.grad, y.grad = np.asarray([3.0]), xp.asarray([4.0])
    with pytest.raises(ValueError, match="clip_by_norm: the gradients must be of one library and on one device; they are of numpy"):
        cg.optimizer.clip_by_norm([x, y], 1.0)
    assert x.grad.tolist() == [3]


@pytest.mark.parametrize("name", [name for name in EVERY_OPTIMIZER if name != "SGD"])  # which keeps no state that could not fit
def test_a_step_that_raises_changes_nothing(name):
    x, y = [cg.Tensor([1.0, 2.0], requires_grad=True) for _ in range(2)]
    optimizer = EVERY_OPTIMIZER[name]([x, y])

    def step(gradient_of_y):
        x.grad, y.grad = np.asarray([1.0, -1.0]), gradient_of_y
        optimizer.step()

    step(np.asarray([1.0, 1.0]))
    before, state = x.data.tolist(), optimizer.state_dict()
    y.data = np.asarray([1.0, 2.0, 3.0])  # whose state is of another shape
    with pytest.raises(ValueError, match="could not be broadcast"):
        step(np.ones(3))
    assert x.data.tolist() == before
    assert optimizer.steps == state["steps"]
    for kept, now in zip(state["state"], optimizer.state_dict()["state"], strict=True):
        assert all(np.array_equal(kept[key], now[key]) for key in kept)


def test_a_rate_in_an_array_of_no_axes_promotes_nothing():
    x = cg.Tensor(np.ones(2, np.float32), requires_grad=True)
    x.grad = np.ones(2, np.float32)
    SGD([x], np.asarray(0.5)).step()
    assert (x.dtype, x.data.tolist()) == (np.float32, [0.5, 0.5])


def test_clipping_nothing_and_what_is_not_finite():
    x = cg.Tensor(START, requires_grad=True)
    assert cg.optimizer.clip_by_norm([x], 1.0) == 0
    x.grad = np.zeros(4)
    assert cg.optimizer.clip_by_norm([x], 1.0) == 0
    np.testing.assert_array_equal(x.grad, np.zeros(4))
    x.grad = np.array([np.nan, 1, 1, 1])
    assert np.isnan(cg.optimizer.clip_by_norm([x], 1.0))
    assert np.all(np.isnan(x.grad))
    with pytest.raises(ValueError, match="clip_by_norm: limit must be positive, got 0"):
        cg.optimizer.clip_by_norm([x], 0)
