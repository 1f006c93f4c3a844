"""clumsygrad.fft: its names and signatures, what is bound to each library, and what the table of operations does not say."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType

import numpy as np
import pytest
from backends import NUMPY
from test_standard import parameters_of, written

import clumsygrad as cg
from clumsygrad import fft

ONE_AXIS = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
SEVERAL_AXES = ("fftn", "ifftn", "rfftn", "irfftn")
SIGNATURES = {
    **dict.fromkeys(ONE_AXIS, "x, /, *, n, axis, norm"),
    **dict.fromkeys(SEVERAL_AXES, "x, /, *, s, axes, norm"),
    **dict.fromkeys(("fftshift", "ifftshift"), "x, /, *, axes"),
    **dict.fromkeys(("fftfreq", "rfftfreq"), "n, /, *, d, dtype, device"),
}
FREQUENCIES = ("fftfreq", "rfftfreq")


@pytest.mark.parametrize("name", SIGNATURES)
def test_functions_have_the_parameters_of_the_standard(name, backend):
    function = getattr(backend.namespace.fft, name)
    assert written(parameters_of(function)) == SIGNATURES[name]
    assert inspect.getdoc(function)


def test_names():
    assert set(fft.__all__) == set(SIGNATURES)
    assert cg.fft is fft is importlib.import_module("clumsygrad.fft")


def test_a_submodule_for_each_library(backend):
    found = backend.namespace.fft
    assert isinstance(found, ModuleType)
    assert found is cg.over(backend.library).fft
    assert (found is fft) == (backend.library == "numpy")
    shared = set(SIGNATURES) - set(FREQUENCIES)
    assert all(getattr(found, name) is getattr(fft, name) for name in shared)
    library = backend.library.partition(".")[0]
    assert found.__name__ == ("clumsygrad.fft" if library == "numpy" else f"clumsygrad.over_{library}.fft")


@pytest.mark.parametrize("name", FREQUENCIES)
@pytest.mark.parametrize("n", [1, 4, 5])
def test_frequencies(name, n, backend):
    made = getattr(backend.namespace.fft, name)(n, d=0.5)
    assert type(made) is cg.Tensor
    assert not made.requires_grad
    assert cg.xp.library_of(made.data) == backend.library.partition(".")[0]
    np.testing.assert_allclose(backend.host(made), getattr(np.fft, name)(n, d=0.5), rtol=1e-6)


@pytest.mark.parametrize("name", FREQUENCIES)
def test_frequencies_of_a_dtype_on_a_device(name, backend):
    xp = backend.namespace
    device = backend.strict_device if backend.library == "array_api_strict" else None
    made = getattr(xp.fft, name)(4, dtype=xp.float32, device=device)
    assert made.dtype == xp.float32
    assert backend.owns(made.data) or device is None


@pytest.mark.parametrize("name", [*ONE_AXIS, *SEVERAL_AXES])
def test_numpy_arrays_stay_numpy_arrays(name):
    x = np.asarray([[1.0, 2.0, 4.0], [3.0, 5.0, 8.0]])
    z = getattr(fft, name)(x)
    assert type(z) is np.ndarray
    np.testing.assert_array_equal(z, getattr(np.fft, name)(x))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128", "int64", "int8"])
@pytest.mark.parametrize("name", ["fftn", "ifftn"])
def test_transforms_along_several_axes_are_numpys(name, dtype):
    """To the last bit, in dtype and layout, though they run in one array; and the operand is not that array."""
    ours, numpys = getattr(fft, name), getattr(np.fft, name)
    for x in (np.arange(24, dtype=dtype).reshape(2, 3, 4), np.arange(24, dtype=dtype).reshape(4, 3, 2).T):
        before = x.copy()
        for options in ({}, {"axes": (0, 2)}, {"axes": (-1,)}, {"axes": (2, 2)}, {"s": (2, 5), "axes": (1, 2)}, {"norm": "ortho"}):
            z, expected = ours(x, **options), numpys(x, **options)
            np.testing.assert_array_equal(z, expected)
            assert z.dtype == expected.dtype
            assert z.strides == expected.strides or NUMPY < (2, 1), "which laid them out otherwise"
            assert not np.shares_memory(z, x)
        np.testing.assert_array_equal(x, before)


def test_norm_none_is_backward():
    """NumPy, torch and JAX take None for the default; so does the rule."""
    x = cg.Tensor([1.0, 2.0, 4.0], requires_grad=True)
    gradients = []
    for norm in (None, "backward"):
        x.grad = None
        cg.sum(cg.abs(cg.fft.rfft(x, norm=norm)) ** 2).backward()
        gradients.append(x.grad)
    np.testing.assert_array_equal(*gradients)


def test_numpys_length_minus_one():
    """In NumPy, −1 in s leaves an axis as it is; the rule reads it so."""
    x = np.asarray([[1.0, 2.0, 4.0], [3.0, 5.0, 8.0]])

    def gradient(s):
        return cg.func.grad(lambda t: cg.sum(cg.abs(cg.fft.rfftn(t, s=s, axes=(0, 1))) ** 2))(x)

    np.testing.assert_allclose(gradient((2, -1)), gradient((2, 3)), rtol=1e-14)


def test_what_irfft_ignores_has_no_gradient():
    """The imaginary part at the frequency 0, and at n/2 of an even n."""
    for n, ignored in ((4, [0, 2]), (5, [0])):
        x = cg.Tensor([1.0 + 2.0j, 3.0 - 1.0j, 2.0 + 2.0j], requires_grad=True)
        cg.sum(cg.fft.irfft(x, n=n) ** 3).backward()
        assert [i for i in range(3) if x.grad[i].imag == 0] == ignored


def test_an_inverse_undoes_a_transform_and_its_gradient():
    x = np.random.default_rng(0).standard_normal((4, 5))
    for there, back in (
        (fft.fft, fft.ifft),
        (fft.fftn, fft.ifftn),
        (fft.rfft, lambda z: fft.irfft(z, n=5)),
        (fft.ihfft, lambda z: fft.hfft(z, n=5)),
        (fft.rfftn, lambda z: fft.irfftn(z, s=(4, 5), axes=(0, 1))),
        (fft.fftshift, fft.ifftshift),
    ):
        value, pullback = cg.func.vjp(lambda t, there=there, back=back: cg.real(back(there(t))), x)
        np.testing.assert_allclose(value, x, atol=1e-14)
        np.testing.assert_allclose(pullback(x)[0], x, atol=1e-14)


def test_integers_are_transformed_and_have_no_gradient():
    z = cg.fft.fft(cg.asarray([1, 2, 3]))
    assert z.dtype == cg.complex128
    assert not z.requires_grad


def test_what_the_library_refuses_it_refuses_itself():
    """Its own error, with a note that says where."""
    x = cg.over("array_api_strict").asarray([1.0, 2.0])
    with pytest.raises(TypeError, match="complex floating-point") as caught:
        cg.fft.fft(x)
    assert caught.value.__notes__ == ["in clumsygrad's fft, operands of shape (2,)"]
    with pytest.raises(ValueError, match="norm"):
        cg.fft.fft(cg.asarray([1.0, 2.0]), norm="both")
