"""What trains on CuPy as it does on NumPy: optimizers, digits, losses of the same seed; sums over many repeats; dropout's bits."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from backends import BACKENDS
from checks import assert_agree
from on_gpu import STANDIN, drawn_digits, second_device

import clumsygrad as cg
from clumsygrad import activation, loss, nn, optimizer

STEPS = 50


def trained(backend, make, starts, gradient_of, steps=STEPS):
    """Parameters after some steps of an optimizer, on the host."""
    parameters = [cg.Tensor(backend.array(x), requires_grad=True) for x in starts]
    chosen = make(parameters)
    for _ in range(steps):
        chosen.zero_grad()
        gradient_of(backend.namespace, parameters).backward()
        chosen.step()
    assert all(backend.owns(p.data) and p.grad.dtype == p.dtype for p in parameters)
    return [backend.host(p) for p in parameters], chosen


def bumps(xp, parameters):
    """A loss with curvature that changes along the way, in all parameters."""
    return sum(xp.sum(p**4 / 4 - xp.sin(3 * p)) + xp.sum(p) ** 2 / 100 for p in parameters)


OPTIMIZERS = {
    "SGD": lambda p: optimizer.SGD(p, 0.01),
    "SGD-momentum-decay": lambda p: optimizer.SGD(p, 0.005, momentum=0.9, weight_decay=0.01),
    "Adam": lambda p: optimizer.Adam(p, 0.02),
    "Adam-decay": lambda p: optimizer.Adam(p, 0.02, betas=(0.8, 0.99), weight_decay=0.01),
    "AdamW": lambda p: optimizer.AdamW(p, 0.02, weight_decay=0.05),
}


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-11), ("float32", 1e-4), ("float16", 5e-3)])
@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_optimizers_are_numpys(make, dtype, tolerance, gpu):
    """Over 50 steps, on parameters of several shapes: 0-d, odd, more than one block of threads."""
    random = np.random.default_rng(1)
    starts = [random.uniform(-1, 1, shape).astype(dtype) for shape in ((), (3,), (7, 5), (33, 65))]
    here, _ = trained(gpu, make, starts, bumps)
    expected, _ = trained(BACKENDS["numpy"], make, starts, bumps)
    for a, b in zip(here, expected, strict=True):
        assert a.dtype == dtype
        assert_agree(a, b, tolerance, "parameters")


def test_an_optimizers_state_goes_over_to_numpy_and_on(gpu):
    random = np.random.default_rng(2)
    starts = [random.uniform(-1, 1, (4, 3))]
    whole, _ = trained(BACKENDS["numpy"], OPTIMIZERS["Adam"], starts, bumps)
    half, adam = trained(gpu, OPTIMIZERS["Adam"], starts, bumps, STEPS // 2)

    def resumed(parameters):
        chosen = OPTIMIZERS["Adam"](parameters)
        chosen.load_state_dict(adam.state_dict())
        return chosen

    assert all(gpu.owns(array) for array in adam.state_dict()["state"][0].values())
    assert_agree(trained(BACKENDS["numpy"], resumed, half, bumps, STEPS - STEPS // 2)[0][0], whole[0], 1e-11, "resumed on NumPy")
    assert_agree(trained(gpu, resumed, half, bumps, STEPS - STEPS // 2)[0][0], whole[0], 1e-11, "resumed on the GPU")


def test_an_optimizer_steps_on_the_second_gpu(gpu):
    other = second_device(gpu)
    with other:
        x = cg.Tensor(gpu.array(np.ones((4, 3))), requires_grad=True)
    for make in OPTIMIZERS.values():
        chosen = make([x])
        for _ in range(2):
            chosen.zero_grad()
            cg.sum(x * x).backward()
            chosen.step()
        assert x.data.device == other
        assert all(array.device == other for array in chosen.state_dict()["state"][0].values())


def test_the_norm_of_all_gradients_is_clipped(gpu):
    if not hasattr(optimizer, "clip_by_norm"):
        pytest.skip("this version has no clip_by_norm")
    norms, clipped = [], []
    for backend in (gpu, BACKENDS["numpy"]):
        leaves = [cg.Tensor(backend.array(np.linspace(-1, 2, n)), requires_grad=True) for n in (5, 700)]
        sum(cg.sum(x**3) for x in leaves).backward()
        norms.append(backend.host(optimizer.clip_by_norm(leaves, 1.0)))
        assert all(backend.owns(x.grad) for x in leaves)
        clipped.append([backend.host(x.grad) for x in leaves])
    assert_agree(norms[0], norms[1], 1e-12, "norm")
    for a, b in zip(*clipped, strict=True):
        assert_agree(a, b, 1e-12, "clipped")


# A network of digits -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["drawn", "scikit-learn"])
def digits(request):
    """Images and labels to train on, and others."""
    if request.param == "drawn":
        return (*drawn_digits(1024, seed=1), *drawn_digits(512, seed=2))
    if importlib.util.find_spec("sklearn") is None:
        pytest.skip("scikit-learn, which has the images, is not installed")
    images, labels = pytest.importorskip("sklearn.datasets").load_digits(return_X_y=True)
    images, order = (images / 16).astype(np.float32), np.random.default_rng(3).permutation(len(labels))
    images, labels = images[order], labels[order]
    return images[:1280], labels[:1280], images[1280:], labels[1280:]


def classifier(backend, digits, epochs):
    """The losses of every step and the share of the held-out images that is recognised, of a network in float32."""
    random = np.random.default_rng(7)
    starts = [
        random.standard_normal((64, 128)) * (2 / 64) ** 0.5,
        np.zeros(128),
        random.standard_normal((128, 10)) / 8,
        np.zeros(10),
    ]
    parameters = [cg.Tensor(backend.array(x.astype(np.float32)), requires_grad=True) for x in starts]
    w1, b1, w2, b2 = parameters
    images, labels, other_images, other_labels = [cg.Tensor(backend.array(x)) for x in digits]
    adam = optimizer.Adam(parameters, 4e-3)

    def logits(x):
        return activation.relu(x @ w1 + b1) @ w2 + b2

    losses = []
    for _ in range(epochs):
        order = backend.array(random.permutation(len(labels)))
        for first in range(0, len(labels), 32):
            rows = order[first : first + 32]
            adam.zero_grad()
            value = loss.cross_entropy(logits(images[rows]), labels[rows])
            value.backward()
            adam.step()
            losses.append(value.detach().data)
    assert all(backend.owns(x) for p in parameters for x in (p.data, p.grad))
    with cg.no_grad():
        right = cg.count_nonzero(cg.argmax(logits(other_images), axis=1) == other_labels)
    return [float(x) for x in losses], right.item() / len(other_labels)


def test_digits_are_learned_as_on_the_cpu(digits, gpu):
    losses, accuracy = classifier(gpu, digits, epochs=4)
    expected_losses, expected = classifier(BACKENDS["numpy"], digits, epochs=4)
    assert expected >= 0.94
    assert accuracy >= expected - 0.01
    assert np.max(np.abs(np.subtract(losses, expected_losses)[:STEPS])) <= 1e-3
    assert np.mean(losses[-10:]) < 0.2 * losses[0]


def test_a_transformer_in_bfloat16(gpu):
    """Parameters, gradients and state keep their dtypes, and the loss falls as in float32."""
    if STANDIN:
        pytest.skip("the stand-in has no bfloat16")
    bfloat16 = np.dtype(pytest.importorskip("ml_dtypes").bfloat16)
    random = np.random.default_rng(5)
    shapes = {
        "embedding": (11, 16),
        "heads": (16, 48),
        "out": (16, 16),
        "gain": (16,),
        "shift": (16,),
        "last": (16, 11),
        "b": (11,),
    }
    starts = {name: random.standard_normal(shape) / 4 + (name == "gain") for name, shape in shapes.items()}
    tokens = random.integers(0, 11, (3, 6))

    def trained(dtype):
        p = {name: cg.Tensor(gpu.array(x.astype(np.float32)).astype(dtype), requires_grad=True) for name, x in starts.items()}
        adam = optimizer.AdamW(p, 1e-2)
        losses = []
        for step in range(20):
            x = nn.embedding(p["embedding"], gpu.array(tokens))
            q, k, v = cg.moveaxis(cg.reshape(nn.layer_norm(x, p["gain"], p["shift"]) @ p["heads"], (3, 6, 3, 16)), 2, 0)
            x = x + nn.scaled_dot_product_attention(q, k, v, heads=4, causal=True) @ p["out"]
            x = nn.dropout(nn.gelu(x), 0.1, seed=1, step=step)
            value = nn.cross_entropy(nn.linear(x, p["last"], p["b"])[:, :-1], gpu.array(tokens[:, 1:]), axis=-1)
            assert value.dtype == dtype
            adam.zero_grad()
            value.backward()
            optimizer.clip_by_norm(p, 1.0)
            assert all(leaf.grad.dtype == leaf.dtype == dtype and gpu.owns(leaf.grad) for leaf in p.values())
            adam.step()
            losses.append(float(value.detach().data.astype(np.float32)))
        assert all(array.dtype == np.float32 for state in adam.state_dict()["state"] for array in state.values())
        return losses

    losses, expected = trained(bfloat16), trained(np.dtype("float32"))
    assert expected[-1] < 0.5 * expected[0]
    assert_agree(losses, expected, 0.02, "losses")


# Sums over repeats -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [100, 600, 5000])  # by one block's scan in CuPy, and by those of several
def test_a_mask_of_many(n, gpu):
    x = np.linspace(-1, 1, n)
    leaf = cg.Tensor(gpu.array(x), requires_grad=True)
    cg.sum(leaf[leaf.data > 0] ** 2).backward()
    assert_agree(gpu.host(leaf.grad), np.where(x > 0, 2 * x, 0), 1e-15, "masked")


REPEATS = 3_000 if STANDIN else 100_000


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("width", [1, 3, 64])
def test_many_rows_at_few_indices(dtype, width, gpu):
    """Many rows are read at 10 indices, half of them at one: the gradient of each row is the sum over all its readings."""
    random = np.random.default_rng(4)
    indices = random.integers(-10, 10, REPEATS)
    indices[::2] = 3
    weights = random.uniform(-1, 1, (REPEATS, width)).astype(dtype)
    if weights.dtype.kind == "c":
        weights = weights + 1j * weights[::-1]
    expected = np.zeros((10, width), np.complex128 if weights.dtype.kind == "c" else np.float64)
    np.add.at(expected, indices, weights)
    table = cg.Tensor(gpu.array(np.ones((10, width), dtype)), requires_grad=True)
    table[gpu.array(indices)].backward(gpu.array(weights))
    assert gpu.owns(table.grad)
    assert table.grad.dtype == dtype
    tolerance = 1e-12 if weights.real.dtype == np.float64 else 1e-4
    assert_agree(gpu.host(table.grad), expected, tolerance, "sums over repeats")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_many_numbers_at_one_place(dtype, gpu):
    x = cg.Tensor(gpu.array(np.ones(4, dtype)), requires_grad=True)
    cg.sum(cg.take(x, gpu.array(np.full(REPEATS, 2)), axis=0)).backward()
    assert gpu.host(x.grad).tolist() == [0, 0, REPEATS, 0]  # whole numbers, exact in either precision


NUMPYS_KEYS = (np.int64(1), np.array([1]), np.array([[1]]), np.array([2, -1, 2]), np.array([True, False, True]))


@pytest.mark.parametrize("key", NUMPYS_KEYS, ids=repr)
def test_keys_of_numpys(key, gpu):
    """They are uploaded, for the gradient too; as they are, a kernel would take an array of one number for that number."""
    found = []
    for backend in (gpu, BACKENDS["numpy"]):
        x = cg.Tensor(backend.array(np.arange(6.0).reshape(3, 2)), requires_grad=True)
        y = x * 2
        y[key] = x[0] * 3
        (cg.sum(x[key] ** 2) + cg.sum(y**2)).backward()
        found.append(backend.host(x.grad))
    assert np.array_equal(*found)


@pytest.mark.parametrize("key", [np.int64(1), np.array([1]), np.array([1, 1])], ids=repr)
def test_numbers_are_added_at_keys_of_numpys(key, gpu):
    values = np.ones(np.shape(key))
    expected = np.zeros(3)
    np.add.at(expected, key, values)
    assert np.array_equal(gpu.host(cg.scatter_add(gpu.array(values), key, (3,))), expected)


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "float32", "int8"])
def test_nothing_is_added_at_no_index(dtype, gpu):
    """CuPy's own sums at indices take no complex numbers, not even none."""
    x = gpu.array(np.ones((0, 3), dtype))
    found = cg.scatter_add(x, gpu.array(np.zeros(0, np.int64)), (4, 3))
    assert found.dtype == x.dtype
    assert np.array_equal(gpu.host(found), np.zeros((4, 3)))


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "int32", "uint64"])
def test_integers_are_added_at_indices(dtype, gpu):
    """Of those of fewer than 32 bits too, which CuPy's own sums do not take."""
    values, where = np.asarray([1, 0, 100, 100, 1], dtype), np.asarray([0, 1, 2, 2, 3])
    found = cg.scatter_add(gpu.array(values), gpu.array(where), (4,))
    expected = np.zeros(4, dtype)
    np.add.at(expected, where, values)
    assert found.dtype == values.dtype
    assert np.array_equal(gpu.host(found), expected)


def test_an_embedding_is_numpys(gpu):
    random = np.random.default_rng(5)
    words = random.integers(0, 50, (16, 40))
    found = []
    for backend in (gpu, BACKENDS["numpy"]):
        table = cg.Tensor(backend.array(np.linspace(-1, 1, 50 * 8).reshape(50, 8)), requires_grad=True)
        cg.sum(cg.tanh(cg.nn.embedding(table, backend.array(words))) ** 2).backward()
        found.append(backend.host(table.grad))
    assert_agree(*found, 1e-12, "embedding")


# Dropout -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (129, 1031)])
def test_dropout_keeps_what_it_keeps_on_numpy(shape, dtype, gpu):
    """One seed and one step: one mask, forward and backward, on every device; another step, another mask."""
    if not hasattr(cg.nn, "dropout"):
        pytest.skip("this version has no dropout")
    values = np.random.default_rng(6).uniform(0.5, 1.5, shape).astype(dtype)
    found = []
    for backend in (gpu, BACKENDS["numpy"]):
        x = cg.Tensor(backend.array(values), requires_grad=True)
        z = cg.nn.dropout(x, 0.3, seed=11, step=5)
        cg.sum(z * z).backward()
        other = cg.nn.dropout(x, 0.3, seed=11, step=6)
        found.append([backend.host(a) for a in (z, x.grad, other)])
    for a, b in zip(*found, strict=True):
        assert a.dtype == dtype
        assert np.array_equal(a == 0, b == 0)
        assert_agree(a, b, 1e-6 if dtype == "float32" else 1e-14, "dropout")
    if values.size > 100:
        assert not np.array_equal(found[0][0] == 0, found[0][2] == 0)


# Chance and order -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_sums_in_order_are_the_same_to_the_last_bit(dtype, gpu):
    random = np.random.default_rng(8)
    indices = random.integers(0, 5, 20_000)
    weights = random.uniform(-1, 1, (20_000, 3)).astype(dtype)
    expected = np.zeros((5, 3), dtype)
    np.add.at(expected, indices, weights)  # one after the other, in this precision
    found = []
    for _ in range(3):
        table = cg.Tensor(gpu.array(np.ones((5, 3), dtype)), requires_grad=True)
        with cg.deterministic():
            table[gpu.array(indices)].backward(gpu.array(weights))
        found.append(gpu.host(table.grad))
    assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()
    assert_agree(found[0], expected, 1e-4, "sums in order")


def test_the_librarys_own_numbers(gpu):
    """They are drawn on the device; one seed gives the same ones again."""
    if not hasattr(gpu.module, "random"):
        pytest.skip("the stand-in draws nothing")
    first, again = [cg.random.Generator(3, library="cupy", native=True).normal((10_000,)) for _ in range(2)]
    assert gpu.owns(first.data)
    assert np.array_equal(first.numpy(), again.numpy())
    assert abs(first.numpy().mean()) < 0.05
    assert abs(first.numpy().std() - 1) < 0.05


def test_dropout_by_numbers_of_numpys(gpu):
    x = cg.Tensor(gpu.array(np.ones((30, 40), np.float32)))
    expected, found = (
        cg.nn.dropout(x, kind(0.5), seed=integer(7), step=integer(2)) for kind, integer in ((float, int), (np.float64, np.int64))
    )
    assert found.dtype == np.float32
    assert np.array_equal(gpu.host(found.data), gpu.host(expected.data))


def test_what_a_loss_begins_with_is_handed_out_to_nobody(gpu):
    """backward() of one number takes a 1 that is kept: whoever writes into a gradient does not write into that."""
    for shape in ((), (1,)):
        for _ in range(2):
            leaves = [cg.Tensor(gpu.array(np.full(shape, 2.0)), requires_grad=True) for _ in range(2)]
            z = leaves[0] + leaves[1]
            z.retain_grad()
            z.backward()
            gradients = [z.grad, *[leaf.grad for leaf in leaves]]
            assert [gpu.host(g).item() for g in gradients] == [1.0, 1.0, 1.0]
            for g in gradients:
                g[...] = 5.0


def test_a_loss_of_integers(gpu):
    """Integers hold no slope: nothing is written into what they differ by."""
    x, y = (cg.Tensor(gpu.array(np.asarray(values))) for values in ([0, 1, 2, 3], [1, 1, 1, 1]))
    assert gpu.host(cg.loss.mse_loss(x, y).data).item() == 1.5


# Large arrays -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_sums_and_products_of_large_arrays(dtype, gpu):
    """They have kernels of their own: of two arrays, of one and a number, in another order of the axes, and in place."""
    random = np.random.default_rng(7)
    values = [random.uniform(0.5, 1.5, (520, 512)).astype(dtype) for _ in range(3)]
    found = []
    for backend in (gpu, BACKENDS["numpy"]):
        x, y = (cg.Tensor(backend.array(value), requires_grad=True) for value in values[:2])
        w, number = backend.array(values[2]), cg.Tensor(backend.array(np.asarray(0.5, dtype)))
        z = (x * y - w) * number + x.mT.mT * w - y
        z.backward(w)
        found.append([z.data, (x.mT - y.mT).data, *[leaf.grad for leaf in (x, y)]])
        assert all(backend.owns(a) and a.dtype == dtype for a in found[-1])
        found[-1] = [backend.host(a) for a in found[-1]]
    for a, b in zip(*found, strict=True):
        assert_agree(a, b, {"float16": 4e-3, "float32": 1e-6, "float64": 1e-14}[dtype], "sums and products")
