"""Every operation's forward and backward inside a stream's capture, which refuses whatever waits for the GPU or uploads to it.

What cannot be captured, because the library behind CuPy's function waits or CuPy refuses to call it there, is listed below: such a row
may be refused for that reason and for no other.
"""

from __future__ import annotations

import contextlib
import re

import numpy as np
import pytest
from cases import CASES
from checks import Derivatives, assert_agree
from on_gpu import VALUE_TOLERANCE, cotangent_of, differentiated, rows_here

import clumsygrad as cg

# (the message of the refusal, why, and whose: backward functions, or rows of the table)
REFUSED = (
    (
        "cuBLAS API during stream capture",
        "CuPy (14.2) calls no function of cuBLAS while the stream is capturing; what reaches cuBLAS by another way is captured",
        "matmul tensordot vecdot linear einsum conv2d convolve correlate attention layer_norm outer cholesky pinv lstsq matrix_power "
        "expm inv_quad_logdet times_adjoint adjoint_times matrix_norm-nuc-of-rank matrix_norm-nuc-of-rank-4x2-2x3",
    ),
    (
        "(cuSOLVER|cuBLAS) API during stream capture|capturing",
        "CuPy calls no function of cuSOLVER while the stream is capturing",
        "cholesky eigh eig qr svd det slogdet inv adjugate pinv solve lstsq solve_triangular inv_quad_logdet "
        "matrix_norm-nuc-2x3x2 matrix_norm-2-2x3x2 matrix_norm--2-2x3x2 matrix_norm-nuc-of-rank matrix_norm-nuc-of-rank-4x2-2x3",
    ),
    (
        "StreamCapture|capturing",
        "thrust, which sorts, waits for its work; and how many elements a mask or an array of counts chooses, or are distinct, is read on "
        "the host",
        "sort repeat-array repeat-array-axis getitem-mask assign-mask-values assign-mask-rows unique_all unique_counts unique_inverse "
        "unique_values bincount",
    ),
    ("StreamCapture|capturing", "the array leaves the GPU", "to-another-library"),
)


@pytest.fixture(scope="module")
def stream(gpu):
    return gpu.module.cuda.Stream(non_blocking=True)


@contextlib.contextmanager
def captured(stream):
    """The calls inside go into a graph, a list of one once the capture is over; after an exception the capture is ended all the same."""
    graphs = []
    stream.begin_capture()
    try:
        yield graphs
    except BaseException:
        with contextlib.suppress(RuntimeError):
            stream.end_capture()
        raise
    graphs.append(stream.end_capture())


def refusals_of(case):
    """The messages with which a row may be refused."""
    return [message for message, _, names in REFUSED if {case.name, *case.rules} & set(names.split())]


@pytest.mark.parametrize("case", rows_here([case for case in CASES if not case.minor]), ids=str)
def test_forward_and_backward_are_captured(case, gpu, stream):
    reason = case.cannot_run_on(gpu)
    if reason is not None:
        pytest.skip(reason)
    arrays = case.operands(case.kinds[0])
    with stream:
        here = Derivatives(case, gpu)
        raw = here.raw(arrays)
        cotangent = gpu.array(cotangent_of(here, arrays))
        for _ in range(2):  # kernels are compiled, plans made, memory fetched
            value, gradients = differentiated(here, raw, cotangent)
        expected = [gpu.host(x) for x in (value, *gradients)]
        refusals = refusals_of(case)
        try:
            with captured(stream) as graphs:
                value, gradients = differentiated(here, raw, cotangent)
        except Exception as error:
            if not any(re.search(message, str(error)) for message in refusals):
                raise
            return
        graphs[0].launch(stream)
        stream.synchronize()
        for found, e in zip((value, *gradients), expected, strict=True):
            assert_agree(gpu.host(found), e, VALUE_TOLERANCE, f"{case.name}, from its graph")


def assert_replayed(step, first, second, weights, gpu, stream):
    """A graph of `step` of the first input and the weights, launched when the input holds the second, gives the step of that."""
    with stream:
        x, w, other = (gpu.array(a) for a in (first, weights, second))
        for _ in range(2):
            step(x, w)
        for _ in range(2):  # the first capture makes the handles of libraries that serve captures only
            with captured(stream) as graphs:
                found = step(x, w)
        x[...] = other
        graphs[0].launch(stream)
        stream.synchronize()
        found = [gpu.host(g) for g in found]
    for g, e in zip(found, step(second, weights), strict=True):
        assert_agree(g, e, VALUE_TOLERANCE, "a graph's gradient of another input")


def test_a_graph_computes_with_what_its_inputs_hold_when_it_is_launched(gpu, stream):
    """So all of forward and backward ran on the caller's stream: what runs elsewhere is in no graph."""
    random = np.random.default_rng(3)
    first, second, weights = (random.uniform(0.2, 1.0, (2, 64)) for _ in range(3))

    def step(x, w):
        leaf = cg.Tensor(x, requires_grad=True)
        weight = cg.Tensor(w, requires_grad=True)
        h = cg.tanh(leaf * weight) + leaf[..., ::-1]
        cg.sum(cg.nn.gelu(h) * cg.nn.softmax(leaf)).backward()
        return leaf.grad, weight.grad

    assert_replayed(step, first, second, weights, gpu, stream)


def test_products_are_captured_through_nvmath(gpu, stream):
    """CuPy refuses its own binding of cuBLAS in a capture."""
    pytest.importorskip("nvmath.bindings.cublas", reason="nvmath-python is not installed")
    random = np.random.default_rng(4)
    first, second, weights = (random.uniform(-1, 1, shape) for shape in ((2, 6, 8), (2, 6, 8), (8, 8)))

    def step(x, w):
        leaf = cg.Tensor(x, requires_grad=True)
        weight = cg.Tensor(w, requires_grad=True)
        h = cg.nn.linear(leaf, weight)
        cg.sum(cg.nn.scaled_dot_product_attention(h, leaf, h, heads=2) ** 2).backward()
        return leaf.grad, weight.grad

    assert_replayed(step, first, second, weights, gpu, stream)
