"""Random tensors: one seed, the same numbers on every library and device; and the distributions that are promised."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import clumsygrad as cg
from clumsygrad.random import Generator

DRAWS = {
    "normal": lambda g: g.normal((3, 4), mean=1.0, std=2.0),
    "uniform": lambda g: g.uniform((3, 4), low=-1.0, high=3.0),
    "integers": lambda g: g.integers((20,), low=-2, high=5),
    "permutation": lambda g: g.permutation(10),
    "he": lambda g: g.he((3, 4)),
    "glorot": lambda g: g.glorot((3, 4)),
    "normal of no dimension": lambda g: g.normal(()),
}


def values(x):
    return x.detach().numpy()


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("library", ["array_api_strict", "torch", "jax", "dask"])
def test_one_seed_gives_the_same_numbers_everywhere(name, library):
    module = pytest.importorskip(library)
    if library == "jax":
        module.config.update("jax_enable_x64", True)
    device = module.Device("device1") if library == "array_api_strict" else None
    here, there = Generator(7), Generator(7, library=library, device=device)
    for _ in range(2):
        a, b = DRAWS[name](here), DRAWS[name](there)
        np.testing.assert_array_equal(values(a), values(b))
        assert str(a.dtype).rpartition(".")[2] in str(b.dtype)
        if device is not None:
            assert b.device == device


def test_a_library_may_be_given_as_a_module():
    strict = pytest.importorskip("array_api_strict")
    assert type(Generator(0, library=strict).normal((2,)).data) is type(strict.ones(1))
    assert type(Generator(0, library=np).normal((2,)).data) is np.ndarray


@pytest.mark.parametrize("name", DRAWS)
def test_streams(name):
    draw = DRAWS[name]
    g = Generator(1)
    first, second = values(draw(g)), values(draw(g))
    np.testing.assert_array_equal(values(draw(Generator(1))), first)
    assert not np.array_equal(first, second)
    assert not np.array_equal(values(draw(Generator(2))), first)


def test_no_seed_gives_fresh_numbers():
    assert not np.array_equal(values(Generator().normal((8,))), values(Generator().normal((8,))))


def test_moments():
    g = Generator(0)
    normal = values(g.normal((200, 100), mean=3.0, std=2.0))
    assert abs(normal.mean() - 3.0) < 0.05
    assert abs(normal.std() - 2.0) < 0.05
    uniform = values(g.uniform((200, 100), low=-1.0, high=3.0))
    assert -1.0 <= uniform.min() < -0.99
    assert 2.99 < uniform.max() < 3.0
    assert abs(uniform.mean() - 1.0) < 0.05
    integers = values(g.integers((1000,), low=-2, high=5))
    assert set(integers.tolist()) == set(range(-2, 5))
    assert integers.dtype == np.int64
    assert sorted(values(g.permutation(50)).tolist()) == list(range(50))


def test_initialisations():
    g = Generator(0)
    he, glorot = g.he((300, 100)), g.glorot((300, 100))
    assert abs(values(he).var() - 2 / 300) < 2e-4
    assert abs(values(glorot).var() - 2 / 400) < 2e-4
    assert np.abs(values(glorot)).max() <= np.sqrt(6 / 400)
    for weights in (he, glorot):
        assert weights.requires_grad
        assert weights.is_leaf
        assert weights.shape == (300, 100)
    assert not g.he((2, 2), requires_grad=False).requires_grad


def test_initialisations_of_kernels():
    """As torch counts the inputs of a kernel (outputs, inputs, height, width)."""
    g = Generator(0)
    he, glorot = g.he((64, 32, 3, 3)), g.glorot((64, 32, 3, 3))
    assert abs(values(he).var() / (2 / (32 * 9)) - 1) < 0.05
    assert abs(values(glorot).var() / (2 / ((32 + 64) * 9)) - 1) < 0.05
    for draw in (g.he, g.glorot):
        with pytest.raises(ValueError, match=r"not \(3,\); for a bias take zeros"):
            draw((3,))


@pytest.mark.parametrize("dtype", ["float32", "float64", np.float32, np.dtype("float64")])
def test_dtypes_on_numpy(dtype):
    x = Generator(0).normal((3,), dtype=dtype, requires_grad=True)
    assert x.dtype == np.dtype(dtype)
    assert x.requires_grad
    assert Generator(0).he((2, 3), dtype=dtype).dtype == np.dtype(dtype)


@pytest.mark.parametrize("library", ["array_api_strict", "torch", "jax"])
def test_dtypes_of_other_libraries(library):
    module = pytest.importorskip(library)
    float32 = module.numpy.float32 if library == "jax" else module.float32
    for dtype in (float32, "float32"):
        x = Generator(0, library=library).uniform((3,), dtype=dtype)
        assert x.dtype == float32
        np.testing.assert_array_equal(values(x), values(Generator(0).uniform((3,), dtype="float32")))


def test_numpys_own_state_is_left_alone():
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    Generator(3).normal((10,))
    cg.random.Generator().permutation(4)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


# A library's own generator --------------------------------------------------------------------------------------------------------------

OWN = ["numpy", "torch", "jax", "dask", "cupy"]


def stand_for_cupy(module, monkeypatch):
    namespace_of_library, optional = cg.xp.namespace_of_library, cg.xp.optional
    cupy = ModuleType("array_api_compat.cupy")
    monkeypatch.setattr(cg.xp, "namespace_of_library", lambda library: cupy if library == "cupy" else namespace_of_library(library))
    monkeypatch.setattr(cg.xp, "optional", lambda name: module if name == "cupy" else optional(name))


@pytest.fixture(params=OWN)
def own(request, monkeypatch):
    """The name of a library that has a generator; NumPy stands for CuPy, whose generator has its form."""
    if request.param == "cupy":
        stand_for_cupy(np, monkeypatch)
    else:
        pytest.importorskip(request.param)
    return request.param


@pytest.mark.parametrize("name", DRAWS)
def test_own_streams(name, own):
    draw = DRAWS[name]
    g = Generator(1, library=own, native=True)
    first, second = draw(g), draw(g)
    here = draw(Generator(1))
    assert first.shape == here.shape
    assert first.requires_grad == here.requires_grad
    assert cg.xp.library_of(first.data) == ("numpy" if own == "cupy" else own)
    np.testing.assert_array_equal(values(draw(Generator(1, library=own, native=True))), values(first))
    assert not np.array_equal(values(second), values(first))
    assert not np.array_equal(values(draw(Generator(2, library=own, native=True))), values(first))


def test_own_moments(own):
    g = Generator(0, library=own, native=True)
    normal = values(g.normal((200, 100), mean=3.0, std=2.0, dtype="float32"))
    assert normal.dtype == np.float32
    assert abs(normal.mean() - 3.0) < 0.05
    assert abs(normal.std() - 2.0) < 0.05
    uniform = values(g.uniform((200, 100), low=-1.0, high=3.0, dtype="float32"))
    assert uniform.dtype == np.float32
    assert -1.0 <= uniform.min() < -0.99
    assert 2.99 < uniform.max() <= 3.0
    assert set(values(g.integers((1000,), low=-2, high=5)).tolist()) == set(range(-2, 5))
    assert sorted(values(g.permutation(50)).tolist()) == list(range(50))
    assert values(g.uniform((3,), dtype="float16")).dtype == np.float16
    assert not np.array_equal(
        values(Generator(library=own, native=True).normal((8,))), values(Generator(library=own, native=True).normal((8,)))
    )


def test_own_numbers_have_the_dtype_that_is_asked_for(own):
    """A deviation of NumPy's own float64 too."""
    g = Generator(0, library=own, native=True)
    normal = g.normal((3,), mean=np.float64(1), std=np.sqrt(0.5), dtype="float32")
    uniform = g.uniform((3,), low=np.float64(-1), high=np.float64(2), dtype="float32")
    assert values(normal).dtype == values(uniform).dtype == np.float32


def test_torchs_first_gpu_is_no_default(monkeypatch):
    """Its number, 0, counts as false."""
    torch = pytest.importorskip("torch")
    named = []
    monkeypatch.setattr(torch, "Generator", lambda device: named.append(device) or SimpleNamespace(manual_seed=lambda seed: None))
    Generator(0, library="torch", device=0, native=True)
    assert named == [0]


def test_numbers_are_drawn_on_the_device_that_was_named(monkeypatch):
    """CuPy draws on the current device: it is entered for each draw."""
    entered = []

    class Device:
        def __init__(self, number):
            self.number = number

        def __enter__(self):
            entered.append(self.number)

        def __exit__(self, *error):
            entered.append(None)

    fake = SimpleNamespace(random=np.random, argsort=np.argsort, cuda=SimpleNamespace(Device=Device))
    stand_for_cupy(fake, monkeypatch)
    g = Generator(0, library="cupy", device="cuda:1", native=True)
    assert entered == [1, None]
    for draw in DRAWS.values():
        entered.clear()
        draw(g)
        assert entered == [1, None]


def test_a_library_without_a_generator():
    pytest.importorskip("array_api_strict")
    with pytest.raises(ValueError, match="array_api_strict has no random generator of its own"):
        Generator(0, library="array_api_strict", native=True)
