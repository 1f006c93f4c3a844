"""The ways out of the graph again, by which other libraries take values: from tensors over any library, into any other. None is silent."""

from __future__ import annotations

import array
import copy
import decimal
import fractions
import io
import json
import math
import operator
import pickle
import statistics
import struct
from collections.abc import Iterator

import numpy as np
import pytest

import clumsygrad as cg

HOMES = ["numpy", "torch", "jax", "array_api_strict", "dask.array"]


@pytest.fixture(params=HOMES)
def vector(request):
    """1, 2, 3 over each library, computed."""
    pytest.importorskip(request.param)
    xp = cg.over(request.param)
    x = xp.asarray([1.0, 2.0, 3.0], dtype=xp.float32)
    x.requires_grad = True
    return x * 1.0


def texts(error: BaseException | None) -> Iterator[str]:
    """What an error says, and what those say that it came from."""
    while error is not None:
        yield str(error)
        error = error.__cause__ or error.__context__


def refused(way, x) -> None:
    """It raises, and somewhere in what is raised the way out is named."""
    with pytest.raises((RuntimeError, TypeError, ValueError)) as caught:
        way(x)
    assert "detach()" in " ".join(texts(caught.value))


def refused_by_either(way, x, over_numpy: bool) -> None:
    """As above over NumPy; what knows NumPy's dtypes alone may stumble over another library's before it asks for values."""
    if over_numpy:
        refused(way, x)
    else:
        with pytest.raises((RuntimeError, TypeError, ValueError, AttributeError)):
            way(x)


# From any library, to the host --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "way",
    [
        np.asarray,
        lambda t: np.array([t]),
        lambda t: np.array([t[0], t[1]]),
        lambda t: np.zeros(3).__setitem__(slice(None), t),
        lambda t: np.testing.assert_allclose(t, [1.0, 2.0, 3.0]),
        np.from_dlpack,
        lambda t: t.numpy(),
        lambda t: t.tolist(),
        lambda t: float(t[0]),
        lambda t: int(t[0]),
        lambda t: complex(t[0]),
        lambda t: math.sin(t[0]),
        lambda t: math.floor(t[0]),
        lambda t: "%.3f" % t[0],  # noqa: UP031
        math.fsum,
        lambda t: array.array("d", t),
    ],
)
def test_refused(way, vector):
    refused(way, vector)


@pytest.mark.parametrize(
    "way",
    [
        operator.index,
        range,
        math.trunc,
        json.dumps,
        decimal.Decimal,
        fractions.Fraction,
        lambda t: struct.pack("d", t),
        lambda t: statistics.mean([t, t]),
    ],
)
def test_what_takes_numbers_only(way, vector):
    """They know nothing of tensors, and say so themselves."""
    with pytest.raises((TypeError, struct.error)):
        way(vector[0])


def test_files_are_said_to_take_values(vector):
    for way in (np.save, np.savetxt, np.savez):
        with pytest.raises(TypeError, match=r"does not take Tensors: use x\.detach\(\)\.numpy\(\) for the values alone"):
            way(io.BytesIO(), vector)


def test_copies(vector):
    """What goes through pickle is a constant; a copy of what was computed stays in the graph."""
    for twin, tracked in ((pickle.loads(pickle.dumps(vector)), False), (copy.deepcopy(vector), True)):
        assert type(twin.data) is type(vector.data)
        assert twin.requires_grad == tracked
        assert twin.is_leaf != tracked


def test_text(vector):
    assert str(vector) == f"{vector}" == repr(vector)
    assert repr(vector).endswith("requires_grad=True)")
    assert f"{vector[1]:.2f}" == "2.00"


# Into torch, JAX, array-api-strict and Dask ----------------------------------------------------------------------------------------------


def not_of_dask(vector) -> None:
    if vector.__array_namespace__().library_name == "dask":
        pytest.skip("Dask's arrays have no DLPack")


def test_into_torch(vector):
    torch = pytest.importorskip("torch")
    not_of_dask(vector)
    for way in (torch.tensor, torch.as_tensor, torch.asarray, torch.Tensor, torch.from_dlpack):
        refused(way, vector)
    for way in (torch.sin, torch.from_numpy, lambda t: torch.tensor([t[0], t[1]]), lambda t: torch.stack([t, t])):
        with pytest.raises(TypeError):
            way(vector)
    plain = torch.zeros(3)
    for way in (lambda t: plain.__setitem__(0, t[0]), lambda t: plain.__setitem__(slice(None), t), plain.copy_, plain.add_):
        with pytest.raises(TypeError):
            way(vector)
    assert plain.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.filterwarnings("ignore:You are comparing a array_api_strict dtype")  # which JAX does
def test_into_jax(vector):
    jax = pytest.importorskip("jax")
    jnp = jax.numpy
    not_of_dask(vector)
    for way in (jnp.asarray, jnp.array, jnp.from_dlpack, lambda t: jnp.array([t[0], t[1]]), lambda t: jnp.zeros(3).at[0].set(t[0])):
        refused(way, vector)
    for way in (jnp.sin, jax.device_put, jax.jit(lambda x: x), lambda t: jnp.stack([t, t])):
        with pytest.raises((TypeError, ValueError)):
            way(vector)


def test_into_array_api_strict(vector):
    strict = pytest.importorskip("array_api_strict")
    plain = strict.zeros(3, dtype=strict.float64)
    for way in (strict.asarray, lambda t: strict.asarray([t[0], t[1]])):
        refused(way, vector)
    for way in (lambda t: strict.sin(t), lambda t: plain + t, lambda t: plain.__setitem__(0, t[0])):
        with pytest.raises((RuntimeError, TypeError, ValueError, AttributeError)):
            way(vector)
    assert np.asarray(plain).tolist() == [0.0, 0.0, 0.0]


def test_operators_join_or_name_both_libraries():
    """An array on the left asks the tensor: of its own library they give a tensor, of another an error with the move that joins them."""
    torch = pytest.importorskip("torch")
    x = cg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    with pytest.raises(TypeError, match=r"numpy and torch; move one, with x\.to\('numpy'\)"):
        torch.ones(3) * x
    assert (torch.ones(3) * x.to("torch")).requires_grad


def test_dask_keeps_the_tensor_as_its_chunk():
    dask = pytest.importorskip("dask.array")
    x = cg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = dask.from_array(x).compute()
    assert type(y) is cg.Tensor
    cg.sum(y * y).backward()
    assert x.grad.tolist() == [2.0, 4.0, 6.0]


# Into tables -----------------------------------------------------------------------------------------------------------------------------


def test_into_pandas(vector):
    pandas = pytest.importorskip("pandas")
    column = pandas.Series([1.0, 2.0, 3.0])
    ways = (
        pandas.Series,
        pandas.DataFrame,
        pandas.Index,
        pandas.array,
        lambda t: pandas.DataFrame({"x": t}),
        lambda t: column.__setitem__(0, t[0]),
        lambda t: column.add(t),
    )
    for way in ways:
        refused_by_either(way, vector, type(vector.data) is np.ndarray)
    assert column.tolist() == [1.0, 2.0, 3.0]


def test_pandas_keeps_a_list_of_tensors_as_it_is():
    """A column of objects, which still are what they were."""
    pandas = pytest.importorskip("pandas")
    x = cg.Tensor([1.0, 2.0], requires_grad=True)
    for kept in (pandas.Series([x[0], x[1]]), pandas.DataFrame([{"x": x[0]}, {"x": x[1]}])["x"]):
        assert kept.dtype == object
        x.grad = None
        (kept[0] * kept[1]).backward()
        assert x.grad.tolist() == [2.0, 1.0]


def test_xarray_keeps_the_tensor_and_refuses_to_convert_it(vector):
    xarray = pytest.importorskip("xarray")
    if vector.__array_namespace__().library_name == "dask":
        pytest.skip("xarray takes it for one of Dask's own arrays")
    kept = xarray.DataArray(vector, dims="x")
    assert type(kept.data) is cg.Tensor
    assert kept.data.requires_grad
    assert "requires_grad=True" in str(kept)
    assert not pickle.loads(pickle.dumps(kept)).data.requires_grad
    ways = (
        lambda a: a.values,
        lambda a: a.to_numpy(),
        lambda a: a.to_pandas(),
        lambda a: a.to_dict(),
        lambda a: float(a[0]),
        lambda a: xarray.DataArray(np.zeros(3), coords={"x": a.data}, dims="x"),
        lambda a: xarray.DataArray(np.zeros(3), dims="x").__setitem__(0, a.data[0]),
        np.asarray,
    )
    for way in ways:
        refused_by_either(way, kept, type(vector.data) is np.ndarray)
