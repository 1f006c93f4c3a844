"""The device kernels without a GPU: they compile for three of them, and on the host they give what the bodies that they stand for give."""

from __future__ import annotations

import contextlib
import functools
from types import SimpleNamespace

import numpy as np
import pytest
from backends import BACKENDS
from cases import CASES
from checks import assert_agree, check_first, check_second, derivatives_of
from host_kernels import DTYPES, FILES, built, compile_for, install, names_in, nvrtc, why_not_here

import clumsygrad as cg
from clumsygrad import _elements, _kernels, _keys, _philox, _scatter, _steps, _windows, lean, nn
from clumsygrad.optimizer import SGD, Adam, AdamW
from clumsygrad.xp import array_namespace

on_the_host = pytest.mark.skipif(why_not_here() is not None, reason=str(why_not_here()))
NUMPYS = {"float16": 2e-3, "float32": 2e-6, "float64": 1e-13}  # the dtypes, and what the values may differ by


# For a GPU ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(nvrtc() is None, reason="nvidia-cuda-nvrtc is not installed")
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90", "sm_100"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("file", FILES)
def test_it_compiles(file, dtype, architecture):
    size, log = compile_for(file, dtype, architecture)
    assert size, log
    assert not log


def test_every_kernel_is_launched_by_a_name_that_exists():
    text = "".join(
        (_kernels._FOLDER.parent / name).read_text(encoding="utf-8")
        for name in ("_elements.py", "_kernels.py", "_scatter.py", "_steps.py")
    )
    names = [name for file in FILES for name in names_in(file)]
    assert len(names) == len(set(names)) >= 12
    assert not [name for name in names if f'"{name}"' not in text]


def test_the_arguments_of_a_launch_fit():
    """CUDA before 12.1 has 4096 bytes for them."""
    assert _steps._PARAMETERS.itemsize + 8 * 8 <= 4096


# On the host --------------------------------------------------------------------------------------------------------------------------


@on_the_host
@pytest.mark.parametrize("reversed_", ["0", "1"])
def test_threads_run_in_either_order(reversed_, monkeypatch):
    """What they take from each other without waiting shows by that: here, who writes last."""
    monkeypatch.setenv("CLUMSYGRAD_HOST_REVERSED", reversed_)
    install(monkeypatch, f'extern "C" __global__ void last(int *out) {{ out[0] = threadIdx.x; }}  // {reversed_}')
    out = np.full(1, -1, np.int32)
    _kernels.launch("rows", "last", "FLOAT32", (1, 1, 1), (64, 1, 1), [out])
    assert out[0] == (0 if reversed_ == "1" else 63)


def random(*shape):
    return np.random.default_rng(len(shape)).standard_normal(shape)


LABELS = np.random.default_rng(9).integers(0, 70, (2, 5))
CALLS = {
    "softmax": (nn.softmax, [random(3, 5)]),
    "softmax of long rows": (nn.softmax, [random(2, 1500)]),
    "softmax of very long rows": (nn.softmax, [random(2, 9001)]),
    "softmax of many short rows": (nn.softmax, [random(3, 7, 33)]),
    "softmax of a vector": (nn.softmax, [random(40)]),
    "log_softmax": (nn.log_softmax, [random(3, 40)]),
    "log_softmax of long rows": (nn.log_softmax, [random(2, 1100)]),
    "cross_entropy": (lambda x: nn.cross_entropy(x, LABELS, reduction="none"), [random(2, 5, 70)]),
    "cross_entropy of int32": (lambda x: nn.cross_entropy(x, LABELS.astype(np.int32), reduction="none"), [random(2, 5, 70)]),
    "layer_norm": (nn.layer_norm, [random(6, 40), random(40), random(40)]),
    "layer_norm of long rows": (nn.layer_norm, [random(70, 1100), random(1100), random(1100)]),
    "layer_norm without gain": (lambda x, shift: nn.layer_norm(x, None, shift), [random(5, 40), random(40)]),
    "layer_norm of nothing but x": (nn.layer_norm, [random(4, 8)]),
    "attention of heads": (functools.partial(nn.scaled_dot_product_attention, heads=3), [random(2, 5, 12) for _ in range(3)]),
    "attention of one key": (
        functools.partial(nn.scaled_dot_product_attention, heads=2),
        [random(3, 4), random(1, 4), random(1, 4)],
    ),
    "gelu": (nn.gelu, [3 * random(3, 300)]),
    "relu": (nn.relu, [random(3, 299)]),
    "binary_cross_entropy": (
        lambda x: nn.binary_cross_entropy(x, (np.arange(900).reshape(3, 300) % 5 / 4).astype(x.dtype), reduction="none"),
        [3 * random(3, 300)],
    ),
    "mse_loss": (nn.mse_loss, [random(3, 301), random(3, 301)]),
    "mse_loss of each": (functools.partial(nn.mse_loss, reduction="none"), [random(7), random(7)]),
    "dropout": (lambda x: nn.dropout(x, 0.3, seed=2**40 + 5, step=3), [random(7, 301)]),
    "dropout of three": (lambda x: nn.dropout(x, 0.3, seed=-1), [random(3)]),
}


def values_and_gradients(function, operands):
    """What a function gives, and the gradient of its product with fixed numbers, which reaches it in one piece of memory."""
    leaves = [cg.Tensor(x, requires_grad=True) for x in operands]
    z = function(*leaves)
    weights = np.random.default_rng(1).uniform(-1, 1, z.shape).astype(z.dtype)
    z.backward(np.ascontiguousarray(weights).reshape(z.shape))
    return [z.data, *[leaf.grad for leaf in leaves]]


@on_the_host
@pytest.mark.parametrize("dtype", NUMPYS)
@pytest.mark.parametrize("name", CALLS)
def test_a_kernel_is_its_body(name, dtype, monkeypatch):
    function, operands = CALLS[name]
    operands = [np.asarray(x, dtype=dtype) for x in operands]
    wide = values_and_gradients(function, [x.astype(np.float64) for x in operands])
    host = install(monkeypatch)
    found = values_and_gradients(function, operands)
    once = {
        "binary_cross_entropy",
        "mse_loss",
        "mse_loss of each",
        "relu",
    }  # they keep their slope, or have a spelling of NumPy's own
    assert len(host.launched) >= (1 if name in once else 2), "a body was run, not a kernel"
    for a, b in zip(found, wide, strict=True):
        assert a.dtype == dtype
        assert_agree(a, b, 20 * NUMPYS[dtype], name)


ROWS = [
    case
    for case in CASES
    if set(case.rules)
    & {"relu", "softmax", "log_softmax", "cross_entropy", "binary_cross_entropy", "mse", "layer_norm", "gelu", "dropout", "conv2d"}
    and case.name != "gelu-blocks"
]


@on_the_host
@pytest.mark.parametrize("case", ROWS, ids=str)
def test_the_tables_rows(case, monkeypatch):
    """Values by kernels, first-order gradients by kernels where the gradient is in one piece, second-order ones by the bodies."""
    install(monkeypatch)
    derivatives = derivatives_of(case, BACKENDS["numpy"])
    assert_agree(derivatives.value(case.operands()), case.expected(case.operands()), 1e-12, case.name)
    check_first(derivatives, "real")
    check_second(derivatives, "real")


@on_the_host
def test_copies_with_two_axes_exchanged(monkeypatch):
    host = install(monkeypatch)
    for count in range(1, 5):
        arrays = [random(2, 3, 5, 4) for _ in range(count)]
        found = _elements.axes_exchanged(arrays, (3, 5, 4), (2, 5, 12))
        for x, z in zip(arrays, found, strict=True):
            np.testing.assert_array_equal(z, x.transpose(0, 2, 1, 3).reshape(2, 5, 12))
    assert host.launched == ["axes_exchanged"] * 4
    assert _elements.axes_exchanged([arrays[0], arrays[0][:1]], (3, 5, 4), (2, 5, 12)) is None
    assert _elements.axes_exchanged([arrays[0].transpose(0, 2, 1, 3)], (5, 3, 4), (2, 3, 20)) is None
    assert _elements.axes_exchanged([arrays[0]] * 5, (3, 5, 4), (2, 5, 12)) is None
    monkeypatch.setattr(_elements, "_WORTH_COPYING", arrays[0].nbytes - 1)
    assert _elements.axes_exchanged(arrays, (3, 5, 4), (2, 5, 12)) is None


@on_the_host
def test_a_small_gradient_that_is_stretched_is_copied(monkeypatch):
    """As that of a mean is; of images whose channels lie side by side too."""
    data = random(2, 4, 5, 3).transpose(0, 3, 1, 2)
    expected, by_kernels = (cg.Tensor(data, requires_grad=True) for _ in range(2))
    cg.sum(cg.mean(nn.gelu(expected), axis=(2, 3)) ** 2).backward()
    host = install(monkeypatch)
    cg.sum(cg.mean(nn.gelu(by_kernels), axis=(2, 3)) ** 2).backward()
    assert "gelu_gradient" in host.launched
    np.testing.assert_allclose(by_kernels.grad, expected.grad, rtol=1e-12, atol=1e-15)


@on_the_host
def test_only_a_small_gradient_is_copied(monkeypatch):
    z, grad = random(4, 6), random(4, 6)
    stretched = np.broadcast_to(grad[:, :1], grad.shape)
    install(monkeypatch)
    assert np.array_equal(_elements.relu_gradient(z, stretched), np.where(z > 0, stretched, 0))
    monkeypatch.setattr(_elements, "_WORTH_A_LAUNCH", z.nbytes - 1)
    assert _elements.relu_gradient(z, stretched) is None


@on_the_host
def test_what_is_not_served(monkeypatch):
    """Other axes, gaps in memory, integers, mixed dtypes, nothing at all: the body is run."""
    x = random(4, 6)
    expected = nn.softmax(x, axis=0)
    host = install(monkeypatch)
    assert np.array_equal(nn.softmax(x, axis=0), expected)
    nn.softmax(x.T)
    nn.softmax(x[:, ::2])
    nn.gelu(np.zeros((0, 3)))
    nn.layer_norm(x, np.ones(6, dtype=np.float32))
    assert _kernels.softmax(np.ones((2, 3), dtype=int), -1) is None
    assert _kernels.softmax(np.ones((2, 3), dtype=complex), -1) is None
    assert _kernels.softmax(cg.Tensor(x), -1) is None
    assert not host.launched


def test_nothing_is_served_before_cupy_is_met():
    assert _kernels.softmax(random(2, 3), -1) is None


@on_the_host
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_special_values(dtype, monkeypatch):
    """Masked scores, large numbers and nan come out as from the bodies."""
    x = np.array([[0, -np.inf, 1], [1e4, -1e4, 0], [np.nan, 0, 1], [-np.inf, -np.inf, 0]], dtype=dtype)
    far = np.array([-1e30, -1e3, -0.0, 1e-30, 1e3, 1e30, np.nan], dtype=dtype)
    expected = [nn.softmax(x), nn.log_softmax(x)]
    install(monkeypatch)
    for a, b in zip([nn.softmax(x), nn.log_softmax(x)], expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    z, g = values_and_gradients(nn.gelu, [far])
    assert np.array_equal(z[2:], far[2:] * [0.5, 0.5, 1, 1, 1], equal_nan=True)
    assert np.all(np.abs(z[:2]) < 1e-6)
    slopes = g / np.random.default_rng(1).uniform(-1, 1, 7).astype(dtype)
    np.testing.assert_allclose(slopes, [0, 0, 0.5, 0.5, 1, 1, np.nan], rtol=1e-6, atol=1e-30)


@on_the_host
def test_the_gradient_of_a_mean_loss(monkeypatch):
    """One number of the gradient for all rows."""
    x, labels = random(5, 70), LABELS[0]
    sums = np.log(np.sum(np.exp(x), axis=-1, keepdims=True))
    install(monkeypatch)
    found = _kernels.cross_entropy_gradient(x, labels, sums, np.asarray(3.0), 1, 0.2)
    np.testing.assert_allclose(found, 0.6 * (np.exp(x - sums) - np.eye(70)[labels]), rtol=1e-12, atol=1e-15)


SUMS = [
    ((5, 7), 0),
    ((300, 33), 0),
    ((3, 200, 5, 7), (0, 1)),
    ((9000, 1), 0),
    ((9000, 1), (0,)),
    ((40, 7), -1),
    ((3, 4, 50), (2, 1)),
    ((2, 1500), 1),
    ((700,), None),
    ((4, 6), None),
    ((2, 3), (1, 0)),
    ((3, 5, 7), 1),
    ((2, 3, 200, 4, 33), (2, 3)),
    ((1, 5, 7), 1),
    ((4, 1, 6), 1),
]


@on_the_host
@pytest.mark.parametrize(
    ("order", "axis", "served"),
    [
        ((0, 3, 1, 2), (2, 3), True),  # images whose channels lie side by side
        ((0, 3, 1, 2), 1, True),
        ((0, 3, 1, 2), (1, 2, 3), True),
        ((0, 3, 1, 2), (0, 2, 3), True),
        ((3, 2, 1, 0), None, True),
        ((0, 3, 1, 2), (1, 2), False),  # apart in memory
        ((3, 2, 1, 0), 0, False),  # what is kept would lie in another order
    ],
)
def test_sums_of_axes_in_another_order(order, axis, served, monkeypatch):
    x = random(3, 4, 5, 6).transpose(order)
    expected = x.sum(axis=axis), x.mean(axis=axis, keepdims=True)
    host = install(monkeypatch)
    found = _kernels.sum_over(x, axis, False), _kernels.sum_over(x, axis, True, True)
    assert bool(host.launched) is served
    for a, b in zip(found, expected, strict=True):
        if served:
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-13)
        else:
            assert a is None


@on_the_host
@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("dtype", [*NUMPYS])
@pytest.mark.parametrize(("shape", "axis"), SUMS)
def test_sums_and_means(shape, axis, dtype, keepdims, mean, monkeypatch):
    x = random(*shape).astype(dtype)
    expected = (np.mean if mean else np.sum)(x, axis=axis, keepdims=keepdims, dtype=np.float64)
    host = install(monkeypatch)
    found = _kernels.sum_over(x, axis, keepdims, mean)
    assert host.launched[0] in ("sums_of_rows", "sums_of_columns")
    assert found.dtype == dtype
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=20 * NUMPYS[dtype], atol=40 * NUMPYS[dtype])


@on_the_host
@pytest.mark.parametrize("dtype", [*NUMPYS])
@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (70, 8), (3, 300), (2, 1031)])
def test_a_row_is_added_to_each(shape, dtype, monkeypatch):
    x, row = random(*shape).astype(dtype), random(shape[1]).astype(dtype)
    expected = x + row
    host = install(monkeypatch)
    assert _elements.added(x, row)
    assert host.launched == ["add_row"]
    assert np.array_equal(x, expected)
    for wrong in (row[:-1], x, row.astype(complex), 2.0):
        assert not _elements.added(x, wrong)


COMBINED = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply}


@on_the_host
@pytest.mark.parametrize("dtype", [*NUMPYS])
@pytest.mark.parametrize("shape", [(4, 8), (5, 7), (3, 300)])
@pytest.mark.parametrize("name", COMBINED)
def test_two_arrays_are_combined(name, shape, dtype, monkeypatch):
    """Arrays of one shape, in whatever order of their axes, or one and a number: of no dimension, or stretched."""
    monkeypatch.setattr(_elements, "_LARGE", 1)
    kernel, function = getattr(_elements, name), COMBINED[name]
    x, y = random(*shape).astype(dtype), random(*shape, 1)[..., 0].astype(dtype)
    number = np.full((), 1.5, dtype)
    stretched = np.broadcast_to(number, shape)
    pairs = [(x, y), (x, number), (number, x), (x, stretched), (stretched, x), (x.T, y.T)]
    expected = [function(*pair) for pair in pairs]
    host = install(monkeypatch)
    for pair, z in zip(pairs, expected, strict=True):
        found = kernel(*pair)
        assert found.dtype == dtype
        assert found.strides == pair[pair[0].size == 1 or not any(pair[0].strides)].strides
        assert np.array_equal(found, z)
    assert host.launched == [name] * len(pairs)
    assert lean.add_into(x.copy(), y).dtype == dtype


@on_the_host
def test_what_is_combined_by_cupy_itself(monkeypatch):
    """Small arrays, rows and columns, other dtypes, two numbers stretched, gaps."""
    x, row, column, one = random(4, 6), random(6), random(4, 1), np.ones(())
    host = install(monkeypatch)
    assert _elements.multiply(x, x) is None
    monkeypatch.setattr(_elements, "_LARGE", 4)
    ones = np.broadcast_to(one, (4, 6))
    others = [row, column, one[None], one.astype(np.float32), x.astype(np.float32), x.T.copy().T, 2.0]
    for y in others:
        assert _elements.multiply(x, y) is None
        assert _elements.multiply(y, x) is None
    assert _elements.multiply(ones, ones) is None
    assert _elements.multiply(x[:, ::2], x[:, ::2]) is None
    assert _elements.add(np.ones((4, 6), int), np.ones((4, 6), int)) is None
    assert not _elements.added(x, ones)
    assert not host.launched


@on_the_host
@pytest.mark.parametrize("dtype", [*NUMPYS])
def test_a_large_array_is_added_in_place(dtype, monkeypatch):
    x, y = random(3, 300).astype(dtype), random(3, 300, 1)[..., 0].astype(dtype)
    expected = x + y
    monkeypatch.setattr(_elements, "_LARGE", 900)
    host = install(monkeypatch)
    assert _elements.added(x, y)
    assert host.launched == ["add"]
    assert np.array_equal(x, expected)


@on_the_host
def test_elements_of_images_whose_channels_lie_side_by_side(monkeypatch):
    """The result lies as they do, a small gradient that lies otherwise is copied; where there are gaps the body is run."""
    x, grad = random(2, 5, 4, 3).transpose(0, 3, 1, 2), random(3, 5, 4, 2).transpose(3, 0, 1, 2)
    alike = np.empty_like(x)
    alike[...] = grad
    host = install(monkeypatch)
    z = _elements.relu(x)
    assert z.strides == x.strides
    assert np.array_equal(z, np.maximum(x, 0))
    assert np.array_equal(_elements.relu_gradient(x, alike), np.where(x > 0, grad, 0))
    assert np.array_equal(_elements.relu_gradient(x, grad), np.where(x > 0, grad, 0))
    assert host.launched == ["relu", "relu_gradient", "relu_gradient"]
    for others in ((x[:, 1:], alike[:, 1:]), (x, alike[:, :1]), (x, alike[0])):
        assert _elements.relu_gradient(*others) is None


@on_the_host
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_relu_of_special_values(dtype, monkeypatch):
    x = np.array([np.nan, -np.inf, -1, -0.0, 0, 1, np.inf], dtype=dtype)
    expected = nn.relu(x)
    install(monkeypatch)
    found = _elements.relu(x)
    assert np.array_equal(found, expected, equal_nan=True)
    assert np.array_equal(
        _elements.relu_gradient(found, np.full(7, np.nan, dtype)), [0, 0, 0, 0, 0, np.nan, np.nan], equal_nan=True
    )


@on_the_host
def test_the_mean_of_equal_numbers_is_that_number(monkeypatch):
    install(monkeypatch)
    for n in (3, 49, 100, 4099):
        for shape, axis in (((n,), None), ((n, 2), 0)):
            assert np.all(_kernels.sum_over(np.full(shape, 0.5), axis, False, mean=True) == 0.5)


@on_the_host
def test_other_sums_are_left_to_cupy(monkeypatch):
    host = install(monkeypatch)
    x = random(3, 4, 5)
    for axis in ((0, 2), (), 3, (0, 0), (-4,)):
        assert _kernels.sum_over(x, axis, False) is None
    for other in (x.T, x.astype(complex), x.astype(int), x[:0], random(9000), random(2, 9000)):
        assert _kernels.sum_over(other, -1, False) is None
    assert _kernels.sum_over(random(2, 1025, 3), 1, False) is None
    assert _kernels.sum_over(random(1, 9000), 1, False) is None
    assert _kernels._sum_plan((2**16 - 1, 2, 3), 1, False, None) is not None
    assert _kernels._sum_plan((2**16, 2, 3), 1, False, None) is None
    assert _kernels._sum_plan((2**10, 2**10, 7), 1, False, None) is None
    assert _kernels._sum_plan((2**10, 2**10, 8), 1, False, None) is not None
    assert not host.launched


# Random bits --------------------------------------------------------------------------------------------------------------------------

# Of philox4x32 in 10 rounds, as the authors of Random123 publish them: counter, key, words.
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
PHILOX_ALONE = 'extern "C" __global__ void philox_alone(Word *counter, Word key0, Word key1) { philox(counter, key0, key1); }'


def philox_by_hand(counter, key):
    """In Python's integers, which know no overflow."""
    (a, b, c, d), (k, m) = counter, key
    for _ in range(10):
        first, second = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (second >> 32) ^ b ^ k, second % 2**32, (first >> 32) ^ d ^ m, first % 2**32
        k, m = (k + 0x9E3779B9) % 2**32, (m + 0xBB67AE85) % 2**32
    return a, b, c, d


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN_ANSWERS)
def test_known_answers_by_hand(counter, key, words):
    assert philox_by_hand(counter, key) == words


@on_the_host
@pytest.mark.parametrize(("counter", "key", "words"), KNOWN_ANSWERS)
def test_known_answers_of_the_kernel(counter, key, words, monkeypatch):
    array = np.array(counter, dtype=np.uint32)
    install(monkeypatch, PHILOX_ALONE)
    _kernels.launch("elements", "philox_alone", "FLOAT32", (1, 1, 1), (1, 1, 1), [array, *map(np.uint32, key)])
    assert tuple(map(int, array)) == words


@pytest.mark.parametrize(("seed", "step"), [(0, 0), (2**64 - 1, 2**64 - 1), (0x299F31D0A4093822, 0x0370734413198A2E)])
def test_numpys_words_are_philox(seed, step):
    words = _philox._words_of_numpy(20_000, _philox.words_of(seed), _philox.words_of(step))
    for i in (0, 1, 8191, 8192, 19_999):
        counter = (i, 0, *_philox.words_of(step))
        assert tuple(map(int, words[:, i])) == philox_by_hand(counter, _philox.words_of(seed))


def test_the_mask_is_of_the_words():
    words = np.array([philox_by_hand((i, 0, 3, 0), (5, 0)) for i in range(3)]).T.reshape(-1)[:11]
    assert np.array_equal(_philox.keep_mask(np.ones(11), 0.4, 5, 3), words // 256 >= round(0.4 * 2**24))


@on_the_host
@pytest.mark.parametrize("dtype", DTYPES[:3])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 1023, 4096])
def test_the_kernels_mask_is_numpys_bit_for_bit(n, dtype, monkeypatch):
    x = np.ones(n, dtype={"FLOAT16": "float16", "FLOAT32": "float32", "FLOAT64": "float64"}[dtype])
    masks = [_philox.keep_mask(x, p, seed, step) for p, seed, step in ((0.5, 1, 0), (0.1, -7, 2**33 + 1), (0.0, 0, 0))]
    host = install(monkeypatch)
    found = [nn.dropout(x, p, seed=seed, step=step) != 0 for p, seed, step in ((0.5, 1, 0), (0.1, -7, 2**33 + 1), (0.0, 0, 0))]
    assert host.launched == ["dropout"] * 3
    assert all(np.array_equal(a, b) for a, b in zip(found, masks, strict=True))


# Sixteen bits -------------------------------------------------------------------------------------------------------------------------

CASTS = (
    'extern "C" __global__ void cast(const float *x, Stored *z, Index n) { for (Index i = 0; i < n; i++) z[i] = to_stored(x[i]); }'
)


@on_the_host
@pytest.mark.parametrize("name", ["FLOAT16", "BFLOAT16"])
def test_sixteen_bits_are_rounded_to_the_nearest(name, monkeypatch):
    x = np.concatenate([random(500) * 10.0 ** np.repeat(np.arange(-4, 1), 100), [0, -0.0, np.inf, -np.inf, 1e5, np.nan]])
    x = x.astype(np.float32)
    z = np.zeros(x.shape, dtype=np.uint16)
    install(monkeypatch, CASTS)
    _kernels.launch("elements", "cast", name, (1, 1, 1), (1, 1, 1), [x, z, np.int64(x.size)])
    if name == "FLOAT16":
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(z.view(np.float16), x.astype(np.float16))
    else:
        widened = (z.astype(np.uint32) << 16).view(np.float32)
        finite = np.isfinite(x)
        error = np.abs(widened[finite] - x[finite])
        assert np.all(error <= np.abs(x[finite]) * 2.0**-8)  # half a unit in the last of 8 bits
        np.testing.assert_array_equal(widened[~finite], x[~finite])
        exact = widened[finite]
        _kernels.launch("elements", "cast", name, (1, 1, 1), (1, 1, 1), [exact, z, np.int64(exact.size)])
        np.testing.assert_array_equal((z[: exact.size].astype(np.uint32) << 16).view(np.float32), exact)


# Adding at indices --------------------------------------------------------------------------------------------------------------------


@on_the_host
@pytest.mark.parametrize("in_order", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize(("length", "count", "width"), [(50, 30, 4), (7, 900, 5), (3, 400, 1), (1, 60, 2)])
def test_rows_are_added(length, count, width, dtype, in_order, monkeypatch):
    draw = np.random.default_rng(0)
    rows = draw.integers(-2, 3, (count, width)).astype(dtype)  # whose sums are exact in any order
    if rows.dtype.kind == "c":
        rows = rows + (1j * draw.integers(-2, 3, (count, width))).astype(dtype)
    where = draw.integers(-length, length, count)
    expected = np.zeros((length, width), dtype=np.complex128 if rows.dtype.kind == "c" else np.float64)
    np.add.at(expected, where, rows.astype(expected.dtype))
    host = install(monkeypatch)
    sums = _scatter.added_at(rows, where, length, in_order)
    assert host.launched == ["add_sorted_rows" if in_order else "add_rows"]
    assert sums.dtype == rows.dtype
    assert np.array_equal(sums, expected.astype(dtype))


@on_the_host
def test_sums_in_order_are_numpys_to_the_last_bit(monkeypatch):
    rows = random(2000, 3).astype(np.float32)
    where = np.random.default_rng(3).integers(0, 9, 2000)
    expected = np.zeros((9, 3), dtype=np.float32)
    np.add.at(expected, where, rows)
    install(monkeypatch)
    assert np.array_equal(_scatter.added_at(rows, where, 9, True), expected)


KEYS = {
    "rows": (np.array([2, 0, -1, 2]), (5, 3), (4, 3)),
    "a table of rows": (np.array([[2, 0], [-1, 2], [4, 4]]), (5, 3), (3, 2, 3)),
    "numbers": (np.array([1, 1, -5, 3]), (6,), (4,)),
    "two arrays": ((np.array([0, 0, 1]), np.array([2, 2, -1])), (2, 3), (3,)),
    "a slice and an array": ((slice(None), np.array([1, 1])), (3, 4), (3, 2)),
    "nothing": (np.array([], dtype=int), (3, 2), (0, 2)),
}


@on_the_host
@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
@pytest.mark.parametrize("name", KEYS)
def test_keys_of_every_form(name, dtype, deterministic, monkeypatch):
    key, shape, read = KEYS[name]
    x = np.asarray(np.arange(1, 1 + np.prod(read)).reshape(read) * (1j if dtype == "complex128" else 1), dtype=dtype)
    expected = np.zeros(shape, dtype=dtype)
    np.add.at(expected, key, x)
    host = install(monkeypatch)
    monkeypatch.setattr(_keys, "optional", lambda name: SimpleNamespace(scatter_add=np.add.at))
    with cg.deterministic() if deterministic else contextlib.nullcontext():
        found = _keys._added_on_device(array_namespace(x), x, key, shape)
    assert host.launched == ([] if name == "nothing" else ["add_sorted_rows" if deterministic else "add_rows"])
    assert found.dtype == x.dtype
    assert np.array_equal(found, expected)


@on_the_host
def test_bfloat16_is_added_in_float32(monkeypatch):
    """As the bits of bfloat16, for which NumPy has no dtype: a thousand ones make 1000, where sums in 8 bits would stop at 256."""
    ones, where = np.full((1000, 1), 0x3F80, dtype=np.uint16), np.zeros(1000, dtype=np.int64)
    install(monkeypatch)
    for name, more in (("add_rows", [np.int64(1)]), ("add_sorted_rows", [])):
        sums = np.zeros((1, 1), dtype=np.float32)
        places = [where] if name == "add_rows" else [where, np.arange(1000)]
        _kernels.launch(
            "scatter", name, "BFLOAT16", (4, 1, 1), (256, 1, 1), [ones, *places, sums, np.int64(1000), np.int64(1), *more]
        )
        assert sums[0, 0] == 1000


@on_the_host
@pytest.mark.parametrize("name", ["layer_norm", "cross_entropy"])
def test_gradients_of_16_bits_far_from_zero(name, monkeypatch):
    """What a kernel keeps of a row for the gradient has the digits of float32: a mean of 100 in float16 would be off by 0.03."""
    x = (100 + np.random.default_rng(3).standard_normal((32, 16))).astype(np.float16)
    function = {"layer_norm": nn.layer_norm, "cross_entropy": lambda x: nn.cross_entropy(x, np.arange(32) % 16, reduction="none")}[
        name
    ]

    def gradient(x):
        leaf = cg.Tensor(x, requires_grad=True)
        z = function(leaf)
        z.backward(np.sin(np.arange(z.size).reshape(z.shape)).astype(x.dtype))
        return leaf.grad

    expected = gradient(x.astype(np.float64))
    host = install(monkeypatch)
    found = gradient(x)
    assert host.launched == [name, f"{name}_gradient"]
    assert found.dtype == x.dtype
    assert_agree(found, expected, 2e-3, name)


# Optimizers ---------------------------------------------------------------------------------------------------------------------------

OPTIMIZERS = {
    "SGD": lambda p: SGD(p, 0.01),
    "SGD with momentum and decay": lambda p: SGD(p, 0.01, momentum=0.9, weight_decay=0.1),
    "Adam": lambda p: Adam(p, 0.02),
    "Adam with decay": lambda p: Adam(p, 0.02, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1),
    "AdamW": lambda p: AdamW(p, 0.02, weight_decay=0.1),
}


def trained(make, dtype, steps=5, count=60):
    """Many parameters of many shapes after some steps, and the optimizer's state; one is of another dtype, some lack gradients at times."""
    draw = np.random.default_rng(0)
    shapes = [(), (1,), (3,), (5, 7), (2, 3, 4), (1500,), (0, 2)]
    leaves = [
        cg.Tensor(np.asarray(draw.standard_normal(shapes[i % 7]), dtype="float64" if i == 9 else dtype), requires_grad=True)
        for i in range(count)
    ]
    optimizer = make(leaves)
    for step in range(steps):
        for i, leaf in enumerate(leaves):
            leaf.grad = np.asarray(np.sin(3 * leaf.data) + 0.1 * leaf.data, dtype=leaf.dtype) if (i + step) % 11 else None
        optimizer.step()
    return [leaf.data for leaf in leaves], optimizer.state_dict()["state"]


@on_the_host
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_those_of_the_body(name, dtype, monkeypatch):
    expected, expected_state = trained(OPTIMIZERS[name], dtype)
    host = install(monkeypatch)
    found, state = trained(OPTIMIZERS[name], dtype)
    groups = 1 if dtype == "float64" else 2
    assert 5 <= len(host.launched) <= 5 * (groups + 1), "one launch for many parameters"
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=20 * NUMPYS[dtype], atol=NUMPYS[dtype])
    for a, b in zip(state, expected_state, strict=True):
        assert a.keys() == b.keys()
        for key in a:
            assert a[key].dtype == b[key].dtype
            np.testing.assert_allclose(a[key], b[key], rtol=20 * NUMPYS[dtype], atol=NUMPYS[dtype])


@on_the_host
def test_no_array_of_the_users_is_written_by_a_step(monkeypatch):
    data, gradient = random(30), random(30)
    kept = data.copy(), gradient.copy()
    x = cg.Tensor(data, requires_grad=True)
    install(monkeypatch)
    for make in (lambda p: SGD(p, 0.1, momentum=0.9), Adam, AdamW):
        optimizer = make([x])
        before = []
        for _ in range(2):
            x.grad = gradient
            before.append((x.data, x.data.copy(), {k: (a, a.copy()) for k, a in optimizer.state_dict()["state"][0].items()}))
            optimizer.step()
        for old, copy, state in before:
            assert np.array_equal(old, copy)
            assert all(np.array_equal(a, b) for a, b in state.values())
    assert np.array_equal(data, kept[0])
    assert np.array_equal(gradient, kept[1])


def out_of_memory(*arguments):
    raise MemoryError


@on_the_host
@pytest.mark.parametrize("make", [lambda p: SGD(p, 0.1, momentum=0.9), Adam, AdamW])
def test_a_step_that_fails_leaves_everything_as_it_was(make, monkeypatch):
    x = cg.Tensor(random(30), requires_grad=True)
    install(monkeypatch)
    optimizer = make([x])
    for steps in range(2):
        x.grad = random(30)
        data, state = x.data, {key: array.copy() for key, array in optimizer.state[0].items()}
        with monkeypatch.context() as patch:
            patch.setattr(_kernels, "launch", out_of_memory)
            with pytest.raises(MemoryError):
                optimizer.step()
        assert x.data is data
        assert optimizer.state[0].keys() == state.keys()
        assert len(state) == (steps and len(optimizer.state[0]))
        assert all(np.array_equal(optimizer.state[0][key], state[key]) for key in state)
        optimizer.step()


@on_the_host
def test_state_that_is_not_whole_is_no_kernels(monkeypatch):
    x = cg.Tensor(random(3), requires_grad=True)
    x.grad = random(3)
    host = install(monkeypatch)
    optimizer = Adam([x])
    optimizer.state[0]["mean"] = random(3)
    with pytest.raises(KeyError):
        optimizer.step()
    assert not host.launched


@on_the_host
def test_a_step_of_ones_own_is_not_passed_over(monkeypatch):
    class Backwards(SGD):
        def _changed(self, data, gradient, state):
            return data + gradient

    host = install(monkeypatch)
    x = cg.Tensor(np.ones(3), requires_grad=True)
    x.grad = np.ones(3)
    Backwards([x], 0.1).step()
    assert np.array_equal(x.data, [2, 2, 2])
    assert not host.launched


@on_the_host
def test_a_library_of_kernels_is_built_once():
    assert built("scatter", "FLOAT32") is built("scatter", "FLOAT32")


WINDOWS = {
    "3 x 3": ((2, 3, 6, 7), (3, 3), {}),
    "one element": ((2, 1, 4, 4), (1, 1), {"stride": 2}),
    "stride": ((1, 2, 9, 8), (3, 2), {"stride": (2, 3)}),
    "padding": ((2, 2, 5, 4), (3, 3), {"padding": (2, 1)}),
    "dilation": ((1, 5, 9, 9), (2, 3), {"dilation": (3, 2)}),
    "all": ((3, 4, 11, 10), (3, 2), {"stride": (3, 2), "padding": (2, 3), "dilation": (2, 4)}),
    "gaps": ((1, 2, 8, 8), (1, 2), {"stride": 4}),
    "many channels": ((2, 130, 4, 3), (3, 3), {"padding": 1}),
}


@on_the_host
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("dtype", [*NUMPYS])
@pytest.mark.parametrize("name", WINDOWS)
def test_patches(name, dtype, channels_last, monkeypatch):
    shape, size, options = WINDOWS[name]
    window = _windows.window("test", shape, size, **options)
    n, channels, *sides = shape
    x = random(n, *sides, channels).astype(dtype).transpose(0, 3, 1, 2)
    x = x if channels_last else np.ascontiguousarray(x)
    expected = _windows.patches(x, window)
    host = install(monkeypatch)
    assert np.array_equal(_windows.patches(x, window), expected)
    assert host.launched == ["take_patches"]
    host.launched.clear()
    _windows.patches(x[:, :, :, ::-1], window)
    assert not host.launched or x.shape[-1] == 1, "with steps backwards in memory"


@on_the_host
def test_patches_of_each_element_alone_are_what_is_there(monkeypatch):
    host = install(monkeypatch)
    x = random(2, 4, 5, 3).transpose(0, 3, 1, 2)
    window = _windows.window("test", x.shape, 1)
    rows = _windows.patches(x, window)
    assert np.array_equal(rows, x.transpose(0, 2, 3, 1).reshape(-1, 3))
    assert np.array_equal(_windows.patches_added(rows, window, x.shape), x)
    assert np.shares_memory(rows, x)
    assert not host.launched


@on_the_host
@pytest.mark.parametrize("dtype", [*NUMPYS])
@pytest.mark.parametrize("name", WINDOWS)
def test_patches_are_added_back(name, dtype, monkeypatch):
    """The same sums in the same order, so the same bits (of 16 bits, sums of 32)."""
    shape, size, options = WINDOWS[name]
    window = _windows.window("test", shape, size, **options)
    rows = random(shape[0] * window.steps[0] * window.steps[1], window.area * shape[1]).astype(dtype)
    expected = _windows.patches_added(rows.astype(np.float32) if dtype == "float16" else rows, window, shape).astype(dtype)
    host = install(monkeypatch)
    found = _windows.patches_added(rows, window, shape)
    assert host.launched == ["add_patches"]
    assert found.shape == shape
    assert found.dtype == dtype
    assert np.array_equal(found, expected)
