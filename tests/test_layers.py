"""Layers beyond the table: what they refuse, special operands, memory, and the ways to add rows."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from cases import CASES

import clumsygrad as cg
from clumsygrad import _keys, _pieces, _windows, nn


def gradient(function, *arrays):
    """Of the sum of what a function gives, in its operands."""
    leaves = [cg.Tensor(np.asarray(x), requires_grad=True) for x in arrays]
    cg.sum(function(*leaves)).backward()
    return [leaf.grad for leaf in leaves]


# Special operands -------------------------------------------------------------------------------------------------------------------


def test_gelu_at_zero_and_far_from_it():
    x = np.array([-1e3, -1e-3, -1e-18, -0.0, 0.0, 1e-300, 1e-18, 1e-3, 1e3])
    (g,) = gradient(nn.gelu, x)
    expected = np.where(np.abs(x) < 1, 0.5 + np.sqrt(2 / np.pi) * x, x > 0)
    assert np.allclose(g, expected, rtol=0, atol=2e-6)
    assert np.all(g[2:7] == 0.5)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_gelu_of_each_dtype(dtype):
    x = np.linspace(-12, 12, 49).astype(dtype)
    (g,) = gradient(nn.gelu, x)
    (wide,) = gradient(nn.gelu, x.astype("float64"))
    assert g.dtype == x.dtype
    assert np.max(np.abs(g - wide)) <= 60 * np.finfo(dtype).eps


FAR_OUT = [-30_000, -300, -20, -5, -3, -1, -1e-3, 0, 6e-8, 1e-3, 1, 3, 5, 20, 300, 30_000]
_draw = np.random.default_rng(0).standard_normal

# A function of which sums or squares pass the largest float16, or have more terms than 16 bits count; and its operands
OF_16_BITS = {
    "gelu": (nn.gelu, [FAR_OUT]),
    "silu": (nn.silu, [FAR_OUT]),
    "sigmoid": (nn.sigmoid, [FAR_OUT]),
    "softmax of many": (nn.softmax, [np.ones(70_000)]),
    "log_softmax of many": (nn.log_softmax, [np.ones(70_000)]),
    "softmax": (nn.softmax, [4 * _draw((3, 5))]),
    "log_softmax": (nn.log_softmax, [4 * _draw((3, 5))]),
    "layer_norm of large numbers": (nn.layer_norm, [100 * _draw((2, 40)), _draw(40), _draw(40)]),
    "layer_norm of many": (nn.layer_norm, [30 + 2 * _draw((2, 4000))]),
    "mse of many": (nn.mse_loss, [np.ones(100_000), np.zeros(100_000)]),
    "mse of large numbers": (nn.mse_loss, [np.full(1000, 20.0), np.zeros(())]),
    "mae": (nn.mae_loss, [np.ones(100_000), np.zeros(())]),
    "cross_entropy": (lambda x: nn.cross_entropy(x, cg.xp.array_namespace(x).asarray([5, 7])), [np.ones((2, 70_000))]),
    "binary_cross_entropy": (lambda x: nn.binary_cross_entropy(x, 1.0), [3 * _draw(100_000)]),
    "mean": (cg.mean, [np.ones(100_000)]),
    "max of many": (cg.max, [np.ones(70_000)]),
    "linear": (nn.linear, [np.ones((5000, 1)), np.ones((1, 2)), np.zeros(2)]),
}


def check_16_bits(backend, narrow, name):
    """What is made of them is what is made of the same numbers in float64, but for rounding, to second order."""
    function, operands = OF_16_BITS[name]
    xp = backend.raw_namespace

    def wide(x):
        return backend.host(xp.astype(x.data if type(x) is cg.Tensor else x, xp.float64))

    def found(*operands):
        """The value, the gradients both ways, and a product with the Hessian; for a loss times 64."""

        def along(shape):
            numbers = backend.array(np.linspace(-1, 1, math.prod(shape)).reshape(shape) if shape else np.asarray(64.0))
            return xp.astype(xp.astype(numbers, narrow), operands[0].dtype)

        weights = along(function(*operands).shape)

        def loss(*operands):
            with np.errstate(over="ignore"):  # of the sum alone, which NumPy 2.0 made in 16 bits
                return cg.sum(function(*operands) * weights)

        every = tuple(range(len(operands)))
        directions = [along(x.shape) for x in operands]
        leaves = [cg.Tensor(x, requires_grad=True) for x in operands]
        loss(*leaves).backward(create_graph=True)
        first = cg.func.grad(loss, argnums=every)(*operands)
        second = cg.func.jvp(cg.func.grad(loss, argnums=every), tuple(operands), tuple(directions))[1]
        return [function(*operands), *first, *[leaf.grad for leaf in leaves], *second]

    given = [xp.astype(backend.array(np.asarray(x, np.float64)), narrow) for x in operands]
    expected = found(*[xp.astype(x, xp.float64) for x in given])
    eps = 2**-7 if "bfloat16" in str(narrow) else 2**-10
    for i, (a, e) in enumerate(zip(found(*given), map(wide, expected), strict=True)):
        assert a.dtype == narrow
        units = 3 if i <= 2 * len(operands) else 16  # in the last place; a second derivative is a sum of several
        np.testing.assert_allclose(wide(a), e, rtol=0, atol=units * eps * np.max(np.abs(e)) + 1e-6)


@pytest.mark.parametrize("name", OF_16_BITS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.filterwarnings("error")
def test_floats_of_16_bits(backend, dtype, name):
    narrow = getattr(backend.module, dtype, None)
    if backend.library == "numpy" and dtype == "bfloat16" and name != "linear":  # NumPy's product of such matrices is float32
        narrow = np.dtype(pytest.importorskip("ml_dtypes").bfloat16)
    if backend.library not in ("numpy", "torch", "jax.numpy") or narrow is None or backend.compiled:
        pytest.skip("has no such dtype, or compiles what is tested elsewhere")
    check_16_bits(backend, narrow, name)


def test_the_logarithm_of_a_sum_past_the_largest_number_of_16_bits():
    z = cg.logsumexp(np.zeros(70_000, np.float16))
    assert z.dtype == np.float16
    assert abs(float(z) - np.log(70_000)) < 0.005


def test_the_mean_of_a_large_window_in_16_bits():
    assert nn.avg_pool2d(np.ones((1, 1, 80, 80), np.float16), 80) == 1


@pytest.mark.parametrize("shape", [(3, 2), (2, 3, 2), (3, 1), (2, 1, 2)])
def test_a_bias_that_does_not_fit_is_refused_at_once(shape):
    with pytest.raises(ValueError, match="broadcast"):
        nn.linear(cg.Tensor(np.ones((2, 3, 4)), requires_grad=True), np.ones((4, 2)), np.ones(shape))


def test_a_convolution_lays_its_kernels_out_once(monkeypatch):
    laid_out = []
    monkeypatch.setattr(_windows, "kernel_matrix", lambda w, plain=_windows.kernel_matrix: laid_out.append(w) or plain(w))
    x, w = np.ones((1, 2, 4, 4)), np.ones((3, 2, 3, 3))
    gradient(nn.conv2d, x, w)
    assert len(laid_out) == 1


@pytest.mark.parametrize("zeros", [0, 10])
def test_gelu_in_pieces_is_gelu(zeros, monkeypatch):
    x = np.random.default_rng(0).standard_normal(1000)
    x[100 : 100 + zeros] = 0  # for whose sake a piece, or the whole, is computed otherwise
    expected = gradient(nn.gelu, x)[0]
    monkeypatch.setattr(_pieces, "_PIECE", 512)
    assert np.array_equal(gradient(nn.gelu, x)[0], expected)
    assert np.all(expected[100 : 100 + zeros] == 0.5)


def test_relu_stops_gradients_that_are_not_finite():
    """sqrt has an infinite slope at 0: where relu is off, that must not become nan."""
    with np.errstate(divide="ignore"):
        (g,) = gradient(lambda x: cg.sqrt(nn.relu(x)), [-1.0, 4.0])
    assert np.array_equal(g, [0, 0.25])


def test_equal_largest_elements_of_a_window_share():
    (g,) = gradient(lambda x: nn.max_pool2d(x, 2), np.ones((1, 1, 2, 2)))
    assert np.array_equal(g, np.full((1, 1, 2, 2), 0.25))


def test_a_query_that_may_look_at_nothing_gets_nothing():
    q = np.ones((2, 3))
    mask = np.array([[True, True], [False, False]])
    z = nn.scaled_dot_product_attention(q, q, q, mask)
    assert np.array_equal(z, [[1, 1, 1], [0, 0, 0]])
    g = gradient(lambda q, k, v: nn.scaled_dot_product_attention(q, k, v, mask), q, q, q)
    assert all(np.all(np.isfinite(part)) for part in g)
    assert np.array_equal(g[0][1], [0, 0, 0])


def test_the_largest_scores_do_not_overflow():
    q = np.full((2, 2), 1e3)
    assert np.array_equal(nn.scaled_dot_product_attention(q, q, np.eye(2), scale=1.0), [[0.5, 0.5], [0.5, 0.5]])


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64"])
@pytest.mark.parametrize("axis", [0, 1])
def test_labels_that_count_from_the_last_class(backend, dtype, axis):
    """On every way to a gradient, and of a dtype that does not hold the number of classes."""
    if "gather" in backend.lacks:
        pytest.skip(backend.lacks["gather"])
    xp, shape, labels = backend.namespace, (200, 3) if axis == 0 else (3, 200), np.asarray([-1, -90, 7])
    x, v = (backend.array(a) for a in np.random.default_rng(0).standard_normal((2, *shape)))

    def derivatives(labels):
        def loss(x):
            return nn.cross_entropy(x, labels, axis=axis)

        leaf = cg.Tensor(x, requires_grad=True)
        loss(leaf).backward(create_graph=True)
        return loss(x), cg.func.grad(loss)(x), leaf.grad, cg.func.jvp(loss, (x,), (v,))[1], cg.func.hvp(loss, x, v)

    compiled = backend.compile(lambda labels: [a.data if type(a) is cg.Tensor else a for a in derivatives(labels)])
    expected = compiled(backend.array(labels % 200))
    for found, other in zip(compiled(backend.array(labels.astype(dtype))), expected, strict=True):
        np.testing.assert_allclose(backend.host(found), backend.host(other), rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(backend.host(xp.sum(cg.Tensor(expected[1]), axis=axis)), 0, atol=1e-15)


def test_plain_arrays_in_plain_arrays_out():
    x = np.ones((2, 3, 4, 4), dtype=np.float32)
    for z in (
        nn.layer_norm(x),
        nn.conv2d(x, np.ones((2, 3, 2, 2), dtype=np.float32)),
        nn.max_pool2d(x, 2),
        nn.scaled_dot_product_attention(x, x, x),
    ):
        assert type(z) is np.ndarray
        assert z.dtype == np.float32


OF_SEVERAL = {"linear", "layer_norm", "attention", "conv2d", "mse", "mae"}


@pytest.mark.parametrize("case", [case for case in CASES if OF_SEVERAL & set(case.rules) and len(case.shapes) > 1], ids=str)
def test_plain_arrays_promote_as_tensors_do(case):
    """One operand of other digits than the rest: a bias, a gain, the keys ..."""
    for index in range(len(case.shapes)):
        for one, others in (("float64", "float32"), ("float32", "float64")):
            operands = [x.astype(one if i == index else others) for i, x in enumerate(case.operands())]
            plain = case.function(cg, *operands, *case.constants)
            z = case.function(cg, *[cg.Tensor(x) for x in operands], *case.constants)
            assert plain.dtype == z.dtype == np.float64
            np.testing.assert_allclose(plain, z.data, rtol=1e-5, atol=1e-6)


def test_a_bias_of_more_digits(backend):
    x, w, b = (backend.array(a) for a in (np.ones((2, 3), np.float32), np.ones((3, 2), np.float32), np.full(2, 1e-9)))
    for rows in (x, backend.array(np.ones((4, 2, 3), np.float32))):
        z = nn.linear(rows, w, b)
        np.testing.assert_array_equal(backend.host(z), np.full((*rows.shape[:-1], 2), 3 + 1e-9))
        assert z.dtype == nn.linear(cg.Tensor(rows), w, b).dtype == b.dtype


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_squared_differences_of_many_numbers(dtype, reduction):
    """So many that NumPy goes piece by piece, of which the last is short."""
    random = np.random.default_rng(0)
    x, y = random.standard_normal((2, 501, 701)).astype(dtype)
    x, y = (x, y) if dtype in (np.float32, np.float64) else (x + 1j * y, y - 2j * x)
    before = x.copy(), y.copy()
    leaves = [cg.Tensor(a, requires_grad=True) for a in (x, y)]
    loss = nn.mse_loss(*leaves, reduction=reduction)
    expected = np.abs(x.astype(complex) - y) ** 2
    precision = {"rtol": 1e-4 if dtype in (np.float32, np.complex64) else 1e-11, "atol": 0}
    assert loss.dtype == np.abs(x).dtype
    np.testing.assert_allclose(loss.data, {"mean": np.mean, "sum": np.sum, "none": np.asarray}[reduction](expected), **precision)
    cg.sum(loss).backward()
    g = 2 * (x - y) / (x.size if reduction == "mean" else 1)
    np.testing.assert_allclose(leaves[0].grad, g, **precision)
    np.testing.assert_allclose(leaves[1].grad, -g, **precision)
    assert leaves[0].grad.dtype == dtype
    assert np.array_equal(x, before[0])
    assert np.array_equal(y, before[1])


def test_squared_differences_of_many_numbers_differentiated_twice():
    x, y, v = np.random.default_rng(0).standard_normal((3, 500, 700))
    hvp = cg.func.hvp(lambda x: nn.mse_loss(x, y, reduction="sum"), x, v)
    np.testing.assert_allclose(hvp, 2 * v, rtol=1e-12)


def test_operands_are_not_written():
    random = np.random.default_rng(0)
    q, x = random.standard_normal((2, 3, 4)), random.standard_normal((4, 3))
    before = q.copy(), x.copy()
    nn.scaled_dot_product_attention(q, q, q)
    nn.softmax(q)
    nn.gelu(q)
    nn.silu(q)
    nn.cross_entropy(x, np.array([0, 1, 2, 0]))
    nn.mse_loss(q, 0.0 * q)
    nn.layer_norm(q)
    assert np.array_equal(q, before[0])
    assert np.array_equal(x, before[1])


def test_a_retained_graph_can_be_passed_twice():
    """Nothing that the forward pass kept is used up by the backward pass."""
    random = np.random.default_rng(0)
    x = cg.Tensor(random.standard_normal((4, 6)), requires_grad=True)
    h = nn.layer_norm(x)
    h = nn.scaled_dot_product_attention(h, h, h)
    loss = nn.cross_entropy(nn.gelu(nn.relu(nn.silu(nn.softmax(h)))), np.array([0, 5, 2, 2]))
    loss.backward(retain_graph=True)
    first, x.grad = x.grad, None
    loss.backward()
    assert np.array_equal(x.grad, first)


# Memory ---------------------------------------------------------------------------------------------------------------------------


def peak_over(function, *arrays):
    """The peak of a forward and backward pass, in sizes of the first operand."""
    leaf, *others = [cg.Tensor(x, requires_grad=True) for x in arrays]
    function(leaf, *others).backward()
    leaf.grad = None
    tracemalloc.start()
    try:
        function(leaf, *others).backward()
        return tracemalloc.get_traced_memory()[1] / leaf.data.nbytes
    finally:
        tracemalloc.stop()


def test_what_layers_keep():
    x = np.random.default_rng(0).standard_normal((1000, 500))
    assert (
        peak_over(lambda x: cg.sum(nn.gelu(x)), x) < 3.3
    )  # the result, the gradient that arrives, the one that leaves, and blocks
    assert peak_over(lambda x: cg.sum(nn.relu(x)), x) < 2.5
    assert peak_over(lambda x: cg.sum(nn.layer_norm(x)), x) < 4.5
    assert peak_over(lambda x: nn.cross_entropy(x, np.zeros(1000, dtype=int)), x) < 2.2  # its slope, and a leaf's copy of it
    assert peak_over(lambda x: nn.cross_entropy(2 * x, np.zeros(1000, dtype=int)), x) < 3.2  # which a computed tensor does without
    assert peak_over(lambda x: nn.mse_loss(x, 0.0), x) < 1.5
    assert peak_over(lambda x: nn.mse_loss(x, 2 * x.data), x) < 2.2  # the target, and the gradient


def test_a_border_is_laid_around_in_one_new_array(monkeypatch):
    pytest.importorskip("torch")
    xp, made = cg.xp.namespace_of_library("torch"), []
    full = xp.full
    monkeypatch.setattr(xp, "full", lambda *args, **kwargs: made.append(full(*args, **kwargs)) or made[-1])
    x = xp.ones((1, 1, 2, 2))
    z = _windows.padded(x, _windows.window("conv2d", x.shape, 3, padding=1))
    assert made[0] is z
    assert z.tolist() == [[[[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]]]


# What is refused ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: nn.conv2d(x[0], x), ValueError, r"conv2d: the images must have the shape \(N, C, H, W\), got \(2, 4, 4\)"),
        (lambda x: nn.conv2d(x, x[:, :1]), ValueError, r"conv2d: .* same C, got \(3, 1, 4, 4\)"),
        (lambda x: nn.conv2d(x, cg.ones((1, 2, 5, 5))), ValueError, r"window of \(5, 5\), .* does not fit \(4, 4\)"),
        (lambda x: nn.conv2d(x, x, stride=0), ValueError, r"stride \(0, 0\) .* must be positive"),
        (lambda x: nn.conv2d(x, x, padding=-1), ValueError, r"padding \(-1, -1\) not negative"),
        (lambda x: nn.max_pool2d(x, 2.0), TypeError, r"an integer or a pair of integers, got 2.0"),
        (lambda x: nn.avg_pool2d(x, 5), ValueError, r"avg_pool2d: a window of \(5, 5\)"),
        (lambda x: nn.embedding(x, cg.ones(2)), TypeError, "embedding: the indices must be integers"),
        (lambda x: nn.embedding(x, np.array([3])), IndexError, "out of bounds"),
        (lambda x: nn.embedding(x, [0, 1]), TypeError, "embedding: the indices must be integers, in an array, got a list"),
        (
            lambda x: nn.cross_entropy(x, cg.ones(2)),
            TypeError,
            "cross_entropy: the labels must be integers, .* of rows that are one-hot",
        ),
        (
            lambda x: nn.cross_entropy(x[0, 0], [0, 1, 1]),
            TypeError,
            "cross_entropy: the labels must be integers, in an array, got a list",
        ),
        (
            lambda x: nn.layer_norm(x, np.ones(3)),
            ValueError,
            r"layer_norm: the gain has shape \(3,\), and must have the lengths of the axes -1 of x, of shape \(3, 2, 4, 4\): 4 elements",
        ),
        (
            lambda x: nn.cross_entropy(pytest.importorskip("array_api_strict").ones((1, 4)), np.asarray([3])),
            TypeError,
            "cross_entropy: the logits are an array of array_api_strict, the labels of numpy; move the labels",
        ),
        (lambda x: nn.layer_norm(x, None, np.ones(1)), ValueError, r"layer_norm: the shift has shape \(1,\), and must have"),
        (
            lambda x: nn.binary_cross_entropy(x, np.ones((3, 1))),
            ValueError,
            r"binary_cross_entropy: labels of shape \(3, 1\) do not fit logits \(3, 2, 4, 4\)",
        ),
        (
            lambda x: nn.binary_cross_entropy(x[0, 0, 0], [0, 1, 1, 0]),
            TypeError,
            "binary_cross_entropy: the labels must be real numbers, in an array or one for all, got a list",
        ),
        (
            lambda x: nn.binary_cross_entropy(x, np.ones((3, 2, 4, 4), complex)),
            TypeError,
            "binary_cross_entropy: the labels must be real numbers, .* got dtype complex128",
        ),
        (lambda x: nn.binary_cross_entropy(0.5, np.ones(2)), TypeError, "a float is no array"),
        (lambda x: nn.sigmoid(0.5), TypeError, "a float is no array"),
        (
            lambda x: nn.binary_cross_entropy(np.ones(2, int), np.ones(2, int)),
            TypeError,
            "binary_cross_entropy: the logits have dtype int64, and must be real floats",
        ),
        (
            lambda x: nn.binary_cross_entropy(x, x, reduction="all"),
            ValueError,
            "binary_cross_entropy: reduction must be 'mean', 'sum' or 'none', got 'all'",
        ),
        (
            lambda x: nn.mse_loss(cg.ones((3, 1)) * x[0, 0, 0, 0], np.ones(3)),
            ValueError,
            r"mse_loss: .* each with each, in shape \(3, 3\)",
        ),
        (
            lambda x: nn.mae_loss(cg.ones(3) * x[0, 0, 0, 0], np.ones((3, 1))),
            ValueError,
            r"mae_loss: .* each with each, in shape \(3, 3\)",
        ),
        (lambda x: nn.linear(x, cg.ones((3, 2))), ValueError, "mismatch"),
        (lambda x: nn.linear(x, cg.ones(4)), ValueError, r"linear: w must have the shape \(n, m\), got \(4,\)"),
        (
            lambda x: nn.layer_norm(x, axis=4),
            IndexError,
            "layer_norm: axis 4 is not one axis of x, or several different ones; x has 4",
        ),
        (lambda x: nn.layer_norm(x, axis=(3, -1)), IndexError, r"axis \(3, -1\) is not"),
        (lambda x: nn.scaled_dot_product_attention(x, x, x, heads=3), ValueError, "3 heads cannot share a width of 4"),
        (lambda x: nn.scaled_dot_product_attention(x, x, x, heads=0), ValueError, "0 heads cannot"),
    ],
)
def test_what_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call(cg.ones((3, 2, 4, 4)))


# Adding rows --------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["as installed", "without SciPy"])
def scipy_or_not(request, monkeypatch):
    if request.param == "without SciPy":
        monkeypatch.setattr(_keys, "_scipy_sparse", lambda: None)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "float16"])
@pytest.mark.parametrize(
    ("length", "count", "width"), [(50, 30, 4), (1000, 2000, 40), (1000, 9000, 4), (7, 900, 50), (3, 12000, 3), (4, 0, 3)]
)
def test_rows_are_added(length, count, width, dtype, scipy_or_not):
    random = np.random.default_rng(0)
    rows = random.integers(-2, 3, (count, width)).astype(dtype)  # whose sums are exact in any order
    where = random.integers(-length, length, count)
    wide = np.complex128 if dtype == "complex64" else np.float64
    expected = np.zeros((length, width), dtype=wide)
    np.add.at(expected, where, rows.astype(wide))
    sums = _keys.scatter_add(rows, where, (length, width))
    assert sums.dtype == rows.dtype
    assert np.array_equal(sums, expected.astype(dtype))


def test_rows_of_more_axes_are_added(scipy_or_not):
    random = np.random.default_rng(0)
    x, where = random.integers(-9, 9, (40, 50, 5, 7)) * 1.0, random.integers(-100, 100, (40, 50))
    expected = np.zeros((100, 5, 7))
    np.add.at(expected, where, x)
    assert np.array_equal(_keys.scatter_add(x, where, (100, 5, 7)), expected)


def test_layers_under_torchs_own_transforms():
    """What is written in place over torch is not where torch maps or differentiates the function itself."""
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    x, w, b = (torch.asarray(random.standard_normal(shape)) for shape in ((5, 2, 4), (4, 3), (5, 3)))

    def loss(x, b):
        return cg.sum(nn.gelu(nn.layer_norm(nn.linear(x, w, b))) ** 2)

    each = torch.stack([loss(*pair) for pair in zip(x, b, strict=True)])
    np.testing.assert_allclose(torch.func.vmap(loss)(x, b), each, rtol=1e-12)
    np.testing.assert_allclose(torch.func.vmap(loss, (None, 0))(x[0], b)[0], each[0], rtol=1e-12)
    expected = cg.func.grad(loss)(x[0], b[0])
    np.testing.assert_allclose(torch.func.grad(loss)(x[0], b[0]), expected, rtol=1e-10)
    np.testing.assert_allclose(torch.func.vmap(cg.func.grad(loss))(x, b)[0], expected, rtol=1e-10)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize(
    "layer",
    [
        lambda x: nn.scaled_dot_product_attention(x, x, x, scale=1 / np.sqrt(4.0)),
        lambda x: nn.layer_norm(x, eps=np.float64(1e-3)),
        lambda x: nn.dropout(x, np.float64(0.5), seed=1),
    ],
    ids=["attention", "layer_norm", "dropout"],
)
def test_numbers_of_numpys_do_not_promote(layer, dtype):
    """1 / np.sqrt(n) is a float64 of NumPy's, which beside an array counts as one."""
    x = cg.Tensor(np.ones((3, 4), dtype), requires_grad=True)
    z = layer(x)
    cg.sum(z).backward()
    assert z.dtype == x.grad.dtype == dtype


@pytest.mark.parametrize("make", [cg.optimizer.SGD, cg.optimizer.Adam, cg.optimizer.AdamW])
def test_a_learning_rate_of_numpys_does_not_promote(make):
    """As schedules give it; one that is set later too."""
    x = cg.Tensor(np.ones(3, np.float32), requires_grad=True)
    optimizer = make([x], learning_rate=np.float64(0.1))
    for _ in range(2):
        x.grad = np.ones(3, np.float32)
        optimizer.step()
        assert x.dtype == np.float32
        optimizer.learning_rate = np.float64(0.05)
    assert type(optimizer.learning_rate) is float
