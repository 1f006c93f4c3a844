"""The table of operations on CuPy, against NumPy in float64: values, first and second order, dtypes, devices.

Run with `python -m pytest tests/gpu`. Derivatives are compared with NumPy's, which tests/test_derivatives.py compares with finite
differences: on a GPU those would be many small launches that prove nothing more. What takes time is the compiling of CuPy's kernels,
each once for each combination of dtypes: so rows that differ from others in shape only are left out, second order and single
precision are asked of one kind of dtype each, and single precision of few special functions.
"""

from __future__ import annotations

import numpy as np
import pytest
from backends import BACKENDS
from cases import CASES
from checks import SINGLE_TOLERANCE, Derivatives, assert_agree, directions_like
from numpy_functions import ROWS as NUMPY_ROWS
from on_gpu import STANDIN, VALUE_TOLERANCE, cotangent_of, differentiated, rows_here, second_device
from test_layers import OF_16_BITS, check_16_bits
from test_rules import RULES

import clumsygrad as cg

# Special functions whose dtype CuPy, or a formula of clumsygrad's, decides in a way of its own.
SINGLE_SPECIAL = (
    *("digamma", "polygamma", "lambertw", "spherical_yn", "expn", "gammainc", "betainc", "multigammaln"),
    *("erf", "xlogy", "i0e", "zeta", "kl_div", "logit"),
)


def is_special(case) -> bool:
    return case.name.startswith("special.")


def in_single(case) -> bool:
    return not is_special(case) or case.name.removeprefix("special.").partition("-")[0].partition("_der")[0] in SINGLE_SPECIAL


MAJOR = [case for case in CASES if not case.minor]


def runnable(case, gpu):
    reason = case.cannot_run_on(gpu)
    if reason is not None:
        pytest.skip(reason)
    return Derivatives(case, gpu), Derivatives(case, BACKENDS["numpy"])


@pytest.mark.parametrize("case", rows_here(MAJOR), ids=str)
def test_value_and_first_order(case, gpu):
    """And that gradients are arrays of the operands' type, shape, dtype and device, and no operand is written."""
    here, numpys = runnable(case, gpu)
    for kind in case.kinds:
        arrays = case.operands(kind)
        cotangent = cotangent_of(numpys, arrays)
        raw = here.raw(arrays)
        value, gradients = differentiated(here, raw, gpu.array(cotangent))
        expected = numpys.value(arrays)
        assert value.dtype == expected.dtype
        assert_agree(gpu.host(value), expected, VALUE_TOLERANCE, f"{case.name}, value")
        for x, values, g, e in zip(raw, arrays, gradients, numpys.gradients(arrays, cotangent), strict=True):
            assert type(g) is type(x)
            assert g.shape == x.shape
            assert g.dtype == e.dtype
            assert g.device == x.device
            assert_agree(gpu.host(g), e, VALUE_TOLERANCE, f"{case.name}, first order")
            assert np.array_equal(gpu.host(x), values)


@pytest.mark.parametrize("case", rows_here([case for case in MAJOR if case.order > 1]), ids=str)
def test_second_order(case, gpu):
    here, numpys = runnable(case, gpu)
    arrays = case.operands(case.kinds[0])
    cotangent, weights = cotangent_of(numpys, arrays), directions_like(arrays, seed=4)
    expected = numpys.second(arrays, cotangent, weights)
    for g, e in zip(here.second(arrays, cotangent, weights), expected, strict=True):
        assert g.dtype == e.dtype
        assert_agree(g, e, VALUE_TOLERANCE, f"{case.name}, second order")


@pytest.mark.parametrize("case", rows_here([case for case in MAJOR if in_single(case)]), ids=str)
def test_single_precision(case, gpu):
    here, numpys = runnable(case, gpu)
    kind = case.kinds[0]
    arrays = case.operands(kind, single=True)
    wide = [x.astype(np.complex128 if kind == "complex" else np.float64) for x in arrays]
    cotangent = cotangent_of(here, arrays)
    expected = numpys.gradients(wide, cotangent.astype(numpys.value(wide).dtype))
    for x, g, e in zip(arrays, here.gradients(arrays, cotangent), expected, strict=True):
        assert g.dtype == x.dtype
        assert_agree(g, e, SINGLE_TOLERANCE, f"{case.name}, float32")


@pytest.mark.parametrize("name", rows_here(list(OF_16_BITS)))
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_floats_of_16_bits(dtype, name, gpu):
    if STANDIN and dtype == "bfloat16":
        pytest.skip("the stand-in has no bfloat16")
    narrow = np.dtype(dtype if dtype == "float16" else pytest.importorskip("ml_dtypes").bfloat16)
    check_16_bits(gpu, narrow, name)


@pytest.mark.parametrize("case", rows_here([case for case in NUMPY_ROWS if not case.minor]), ids=str)
def test_numpys_functions(case, gpu):
    """NumPy's functions called on Tensors of CuPy's arrays."""
    here, numpys = runnable(case, gpu)
    arrays = case.operands(case.kinds[0])
    cotangent = cotangent_of(numpys, arrays)
    value, gradients = differentiated(here, here.raw(arrays), gpu.array(cotangent))
    assert gpu.owns(value)
    assert_agree(gpu.host(value), numpys.value(arrays), VALUE_TOLERANCE, f"{case.name}, value")
    for g, e in zip(gradients, numpys.gradients(arrays, cotangent), strict=True):
        assert gpu.owns(g)
        assert_agree(gpu.host(g), e, VALUE_TOLERANCE, f"{case.name}, first order")


@pytest.mark.parametrize("rule", rows_here(RULES), ids=str)
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


def constant_of(c):
    """Numbers as a tensor: of plain arrays alone clumsygrad's functions are the library's, on the current device."""
    return cg.Tensor(c) if cg.xp.is_floating(c) else c


@pytest.mark.parametrize("case", rows_here([case for case in MAJOR if not is_special(case)]), ids=str)
def test_on_the_second_gpu(case, gpu):
    """Arrays of the second GPU while the first is the current one: everything stays there, in first and second order."""
    other = second_device(gpu)
    here, _ = runnable(case, gpu)
    arrays = case.operands(case.kinds[0])
    cotangent, weights = cotangent_of(here, arrays), directions_like(arrays, seed=4)
    expected = here.gradients(arrays, cotangent)
    with other:
        there = Derivatives(case, gpu)
        there.constants = [constant_of(c) for c in there.constants]
        raw, seed, vectors = there.raw(arrays), gpu.array(cotangent), there.raw(weights)
    value, gradients = differentiated(there, raw, seed)
    assert value.device == other
    for g, e in zip(gradients, expected, strict=True):
        assert g.device == other
        assert_agree(gpu.host(g), e, VALUE_TOLERANCE, f"{case.name}, first order")
    if case.order > 1:
        assert all(g.device == other for g in there._raw_second(*raw, seed, *vectors))
