"""Scenarios of assignment and views, each written twice: with assignment, and with stack, where and concat alone.

A scenario takes a clumsygrad namespace and two differentiated tensors, x and y, and returns one tensor. Both writings must give the
same value and the same derivatives to any order. Where `like_numpy` is true, the first writing, run on plain NumPy arrays, must give
that value too: views then read as they read in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Writing = Callable[[Any, Any, Any], Any]


@dataclass
class Scenario:
    name: str
    assigned: Writing
    x: tuple[int, ...]
    y: tuple[int, ...]
    like_numpy: bool
    jit: bool  # False where a shape depends on data, or a mask does (which JAX does not compile)
    mask_beside_slices: bool  # a key that the standard does not have
    written: Writing | None = None

    def without_assignment(self, function: Writing) -> Writing:
        self.written = function
        return function


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    *,
    x: tuple[int, ...] = (6,),
    y: tuple[int, ...] = (6,),
    like_numpy: bool = True,
    jit: bool = True,
    mask_beside_slices: bool = False,
) -> Callable[[Writing], Scenario]:
    """Decorator: the writing with assignment. The other one follows, under `@NAME.without_assignment`."""

    def register(function: Writing) -> Scenario:
        made = Scenario(function.__name__, function, x, y, like_numpy, jit, mask_beside_slices)
        SCENARIOS[made.name] = made
        return made

    return register


def place(xp: Any, x: Any, axis: int = 0) -> Any:
    """The index of every element of x along an axis, in a shape that broadcasts with x."""
    shape = [1] * len(x.shape)
    shape[axis] = x.shape[axis]
    return xp.reshape(xp.arange(x.shape[axis], device=x.device), tuple(shape))


def with_one(xp: Any, x: Any, index: int, value: Any) -> Any:
    """x with the element (or row) at `index` replaced."""
    return xp.where(place(xp, x) == index, value, x)


def with_slice(xp: Any, x: Any, start: int, stop: int, values: Any) -> Any:
    """x with x[start:stop] replaced."""
    return xp.concat([x[:start], values, x[stop:]])


# Use before and after a write -------------------------------------------------------------------------------------------------


@scenario()
def used_assigned_used_again(xp, x, y):
    before = x * x
    x[2] = y[0]
    return before + 3 * x * y


@used_assigned_used_again.without_assignment
def _(xp, x, y):
    return x * x + 3 * with_one(xp, x, 2, y[0]) * y


@scenario()
def assigned_twice_at_one_place_and_read_between(xp, x, y):
    x[1] = y[0] * x[0]
    between = x * y
    x[1] = y[1] * x[1]
    return between + x * x


@assigned_twice_at_one_place_and_read_between.without_assignment
def _(xp, x, y):
    first = with_one(xp, x, 1, y[0] * x[0])
    second = with_one(xp, first, 1, y[1] * first[1])
    return first * y + second * second


@scenario()
def written_over_and_lost(xp, x, y):
    x[0] = y[0]
    x[0] = y[1]
    x[:] = y * y
    return x * y


@written_over_and_lost.without_assignment
def _(xp, x, y):
    return y * y * y


@scenario()
def aliases_are_one_tensor(xp, x, y):
    a = x
    before = a * y
    x += 1
    return before + a * a


@aliases_are_one_tensor.without_assignment
def _(xp, x, y):
    return x * y + (x + 1) * (x + 1)


@scenario(like_numpy=False)
def detached_keeps_the_old_value(xp, x, y):
    old = x.detach()
    x[0] = y[0]
    return old * x


@detached_keeps_the_old_value.without_assignment
def _(xp, x, y):
    return x.detach() * with_one(xp, x, 0, y[0])


@scenario(like_numpy=False)
def writing_to_the_detached_leaves_the_tensor(xp, x, y):
    d = x.detach()
    d[0] = 7.0
    return d * y + x * x


@writing_to_the_detached_leaves_the_tensor.without_assignment
def _(xp, x, y):
    return with_one(xp, x.detach(), 0, 7.0) * y + x * x


@scenario(like_numpy=False)
def data_replaced(xp, x, y):
    z = x * 2
    before = z * y
    z.data = (x * 0 + 3.0).detach().data
    return before + z * x


@data_replaced.without_assignment
def _(xp, x, y):
    return x * 2 * y + 3.0 * x


# Views ------------------------------------------------------------------------------------------------------------------------


@scenario()
def a_view_sees_the_write_to_its_base(xp, x, y):
    v = x[1:4]
    x[2] = y[0] * 2
    return v * v


@a_view_sees_the_write_to_its_base.without_assignment
def _(xp, x, y):
    v = xp.stack([x[1], y[0] * 2, x[3]])
    return v * v


@scenario()
def a_base_sees_the_write_to_its_view(xp, x, y):
    v = x[1:4]
    v[0] = y[0] * y[1]
    return x * x * y


@a_base_sees_the_write_to_its_view.without_assignment
def _(xp, x, y):
    z = xp.stack([x[0], y[0] * y[1], x[2], x[3], x[4], x[5]])
    return z * z * y


@scenario()
def views_read_before_and_after_writes_to_either_side(xp, x, y):
    v = x[1:4]
    first = v * v
    x[1] = y[0]
    second = v * y[:3]
    v[1] = y[1] * v[0]
    third = x[:3] * v
    return xp.concat([first, second, third, x])


@views_read_before_and_after_writes_to_either_side.without_assignment
def _(xp, x, y):
    a = with_one(xp, x, 1, y[0])
    b = with_one(xp, a, 2, y[1] * y[0])
    return xp.concat([x[1:4] * x[1:4], a[1:4] * y[:3], b[:3] * b[1:4], b])


@scenario()
def overlapping_slices(xp, x, y):
    a = x[:4]
    b = x[2:]
    a[3] = y[0]
    b[0] = y[1] * a[3]
    a *= y[1:5]
    b += a
    return xp.concat([a, b, x])


@overlapping_slices.without_assignment
def _(xp, x, y):
    x1 = with_one(xp, x, 3, y[0])
    x2 = with_one(xp, x1, 2, y[1] * x1[3])
    x3 = with_slice(xp, x2, 0, 4, x2[:4] * y[1:5])
    x4 = with_slice(xp, x3, 2, 6, x3[2:] + x3[:4])
    return xp.concat([x4[:4], x4[2:], x4])


@scenario()
def nested_slices(xp, x, y):
    v = x[1:]
    w = v[::2]
    w[1] = y[2]
    v[0] = w[1] * y[1]
    x[5] = w[0] * y[0]
    return xp.concat([x, v, w]) ** 2


@nested_slices.without_assignment
def _(xp, x, y):
    a = with_one(xp, x, 3, y[2])
    b = with_one(xp, a, 1, y[2] * y[1])
    c = with_one(xp, b, 5, b[1] * y[0])
    return xp.concat([c, c[1:], xp.stack([c[1], c[3], c[5]])]) ** 2


@scenario()
def three_levels_written_at_the_deepest(xp, x, y):
    u = x[1:]
    v = u[:4]
    w = v[1:3]
    w[:] = y[:2] * u[:2]
    return xp.concat([x, u, v, w]) * 2


@three_levels_written_at_the_deepest.without_assignment
def _(xp, x, y):
    z = xp.concat([x[:2], y[:2] * x[1:3], x[4:]])
    return xp.concat([z, z[1:], z[1:5], z[2:4]]) * 2


@scenario()
def siblings_see_each_other(xp, x, y):
    a, b, c = x[:3], x[2:5], x[::2]
    b[0] = y[0]
    c[0] = y[1] * a[2]
    a[2] = a[0] * b[0]
    return xp.concat([a, b, c])


@siblings_see_each_other.without_assignment
def _(xp, x, y):
    x0, x2 = y[1] * y[0], y[1] * y[0] * y[0]
    z = xp.stack([x0, x[1], x2, x[3], x[4], x[5]])
    return xp.concat([z[:3], z[2:5], z[::2]])


@scenario()
def a_view_outlives_the_name_of_its_base(xp, x, y):
    v = (x * 2)[1:4]
    v[0] = y[0]
    w = v[:2]
    v[1] = w[0] * y[1]
    return w * v[:2] * y[:2]


@a_view_outlives_the_name_of_its_base.without_assignment
def _(xp, x, y):
    w = xp.stack([y[0], y[0] * y[1]])
    return w * w * y[:2]


@scenario()
def a_view_that_died_was_still_written_through(xp, x, y):
    v = x[2:4]
    v *= y[:2]
    del v
    x[2] = x[2] + x[3]
    return x * y


@a_view_that_died_was_still_written_through.without_assignment
def _(xp, x, y):
    z = with_slice(xp, x, 2, 4, x[2:4] * y[:2])
    return with_one(xp, z, 2, z[2] + z[3]) * y


@scenario()
def negative_and_stepped_slices(xp, x, y):
    back = x[::-1]
    x[::-2] = y[:3]
    back[0] = back[1] * y[3]
    x[4:1:-1] = x[1:4] * 1
    return xp.concat([x, back]) ** 2


@negative_and_stepped_slices.without_assignment
def _(xp, x, y):
    a = xp.stack([x[0], y[2], x[2], y[1], x[4], y[0]])
    b = with_one(xp, a, 5, a[4] * y[3])
    c = xp.stack([b[0], b[1], b[3], b[2], b[1], b[5]])
    return xp.concat([c, xp.flip(c)]) ** 2


@scenario()
def stepped_views(xp, x, y):
    even, odd = x[::2], x[1::2]
    even += odd
    odd *= even * y[:3]
    return xp.concat([x, even, odd])


@stepped_views.without_assignment
def _(xp, x, y):
    even = [x[0] + x[1], x[2] + x[3], x[4] + x[5]]
    odd = [x[1] * even[0] * y[0], x[3] * even[1] * y[1], x[5] * even[2] * y[2]]
    return xp.stack([even[0], odd[0], even[1], odd[1], even[2], odd[2], *even, *odd])


@scenario(x=(3, 4), y=(4,))
def ellipsis_and_newaxis_views(xp, x, y):
    v = x[..., None]
    v[1, :, 0] = y
    w = x[None, ..., 1:3]
    w[0, 0, :] = x[2, :2] * y[:2]
    u = x[...]
    u[2, 3] = y[0]
    return v[..., 0] * x + xp.sum(w) * u


@ellipsis_and_newaxis_views.without_assignment
def _(xp, x, y):
    row0 = xp.concat([x[0, :1], x[2, :2] * y[:2], x[0, 3:]])
    row2 = xp.concat([x[2, :3], y[:1]])
    z = xp.stack([row0, y, row2])
    return z * z + xp.sum(z[:, 1:3]) * z


@scenario(x=(3, 4), y=(3,))
def blocks_rows_and_columns(xp, x, y):
    block = x[1:, 1:]
    column = x[:, 1:2]
    column[:, 0] = y
    block[0, :] = block[1, :] * y[0]
    x[2, ...] = 1.0
    return xp.concat([xp.reshape(block, (-1,)), xp.reshape(column, (-1,)), xp.reshape(x, (-1,))])


@blocks_rows_and_columns.without_assignment
def _(xp, x, y):
    a = xp.concat([x[:, :1], xp.reshape(y, (3, 1)), x[:, 2:]], axis=1)
    row1 = xp.concat([a[1, :1], a[2, 1:] * y[0]])
    z = xp.stack([a[0, :], row1, xp.ones_like(row1)])
    return xp.concat([xp.reshape(z[1:, 1:], (-1,)), z[:, 1], xp.reshape(z, (-1,))])


@scenario()
def the_two_halves_exchanged_through_views(xp, x, y):
    x[:3], x[3:] = x[3:] * y[3:], x[:3]  # the second right side is a view, and reads what the first write left
    return x * y


@the_two_halves_exchanged_through_views.without_assignment
def _(xp, x, y):
    half = x[3:] * y[3:]
    return xp.concat([half, half]) * y


# Other views: integer keys, reshape, transposes -----------------------------------------------------------------------------------


@scenario()
def what_reshape_gives_is_a_view(xp, x, y):
    r = xp.reshape(x, (2, 3))
    r[0, 0] = y[0]
    x[1] = y[1]
    return xp.concat([x, xp.reshape(r, (6,))])


@what_reshape_gives_is_a_view.without_assignment
def _(xp, x, y):
    z = with_one(xp, with_one(xp, x, 1, y[1]), 0, y[0])
    return xp.concat([z, z])


@scenario(like_numpy=False)  # NumPy writes nothing but NumPy's own 0-d arrays
def a_copy_in_another_shape_and_an_element_are_no_views(xp, x, y):
    r, first = xp.reshape(x, (2, 3), copy=True), x[0]
    r[0, 0] = y[0]
    first += y[1]
    return xp.concat([x, xp.reshape(r, (6,)), xp.reshape(first, (1,))])


@a_copy_in_another_shape_and_an_element_are_no_views.without_assignment
def _(xp, x, y):
    return xp.concat([x, with_one(xp, x, 0, y[0]), xp.reshape(x[0] + y[1], (1,))])


@scenario(x=(3, 4), y=(4,))
def transposes_and_rows_by_integer_are_views(xp, x, y):
    row, turned, permuted = x[1, :], x.T, xp.permute_dims(x, (1, 0))
    row[0] = y[0]
    turned[0, 0] = y[1]
    permuted[3, 2] = y[2]
    x[2, :] = y
    return xp.concat([xp.reshape(z, (-1,)) for z in (x, row, turned, permuted)]) ** 2


@transposes_and_rows_by_integer_are_views.without_assignment
def _(xp, x, y):
    row = with_one(xp, x[1, :], 0, y[0])
    z = xp.stack([with_one(xp, x[0, :], 0, y[1]), row, y])
    turned = xp.reshape(xp.matrix_transpose(z), (-1,))
    return xp.concat([xp.reshape(z, (-1,)), row, turned, turned]) ** 2


@scenario(x=(3, 2), y=(2, 2))
def what_unstack_and_rows_give_are_views(xp, x, y):
    first, _, last = xp.unstack(x)
    first[:] = y[0, :]
    for row in (x[1, :], last):
        row *= y[1, :]
    return xp.reshape(x * x, (-1,))


@what_unstack_and_rows_give_are_views.without_assignment
def _(xp, x, y):
    z = xp.stack([y[0, :], x[1, :] * y[1, :], x[2, :] * y[1, :]])
    return xp.reshape(z * z, (-1,))


@scenario()
def a_view_of_a_view_of_views(xp, x, y):
    turned = xp.matrix_transpose(xp.reshape(x, (2, 3)))
    part = xp.squeeze(xp.expand_dims(turned, axis=0), axis=0)[1:, :]
    part += y[:2]
    seen = xp.moveaxis(turned, 0, 1)
    seen[0, :] = 2 * seen[0, :]
    return x * x


@a_view_of_a_view_of_views.without_assignment
def _(xp, x, y):
    z = xp.concat([2 * x[:1], 2 * (x[1:3] + y[0]), x[3:4], x[4:] + y[1]])
    return z * z


@scenario(x=(2, 3, 2), y=(2, 2))
def axes_in_an_order_that_is_not_its_own_inverse(xp, x, y):
    turned = xp.permute_dims(x, (1, 2, 0))
    moved = xp.moveaxis(x, (2, 0), (0, -1))
    turned[0, :, :] = y
    moved[1, 2, :] = y[0, :]
    return xp.concat([xp.reshape(z, (-1,)) ** 2 for z in (x, turned, moved)])


@axes_in_an_order_that_is_not_its_own_inverse.without_assignment
def _(xp, x, y):
    first = xp.expand_dims(xp.matrix_transpose(y), axis=1)
    last = xp.stack([x[:, 2, 0], y[0, :]], axis=-1)
    z = xp.concat([first, x[:, 1:2, :], xp.expand_dims(last, axis=1)], axis=1)
    return xp.concat([xp.reshape(w, (-1,)) ** 2 for w in (z, xp.permute_dims(z, (1, 2, 0)), xp.permute_dims(z, (2, 1, 0)))])


@scenario()
def two_elements_exchanged(xp, x, y):
    a, b = x[0] * 1, x[1] * 1
    x[0], x[1] = b * y[0], a
    return x * x


@two_elements_exchanged.without_assignment
def _(xp, x, y):
    z = xp.stack([x[1] * y[0], x[0], x[2], x[3], x[4], x[5]])
    return z * z


# Masks and integer arrays -----------------------------------------------------------------------------------------------------


@scenario()
def a_mask_assigned_a_number(xp, x, y):
    before = x * y
    x[x > 0] = 0.5
    return before + x * y


@a_mask_assigned_a_number.without_assignment
def _(xp, x, y):
    return x * y + xp.where(x > 0, 0.5, x) * y


@scenario(jit=False)
def a_mask_assigned_what_the_mask_reads(xp, x, y):
    mask = x > 0
    x[mask] = y[mask] * x[mask]
    return x * x


@a_mask_assigned_what_the_mask_reads.without_assignment
def _(xp, x, y):
    z = xp.where(x > 0, y * x, x)
    return z * z


@scenario()
def a_mask_over_a_view(xp, x, y):
    v = x[1:5]
    v[y[:4] > 0] = y[5]
    return x * v[0]


@a_mask_over_a_view.without_assignment
def _(xp, x, y):
    v = xp.where(y[:4] > 0, y[5], x[1:5])
    return xp.concat([x[:1], v, x[5:]]) * v[0]


@scenario(x=(3, 4), y=(4,), jit=False, mask_beside_slices=True)
def a_mask_of_rows(xp, x, y):
    chosen = xp.asarray([True, False, True], device=x.device)
    x[chosen, :] = y
    return x * y


@a_mask_of_rows.without_assignment
def _(xp, x, y):
    return xp.stack([y, x[1, :], y]) * y


@scenario()
def integer_keys_with_repeats_last_write_wins(xp, x, y):
    key = xp.asarray([0, 2, 2, 5, 2], device=x.device)
    x[key] = y[:5] * y[1:]
    return x * x


@integer_keys_with_repeats_last_write_wins.without_assignment
def _(xp, x, y):
    v = y[:5] * y[1:]
    z = xp.stack([v[0], x[1], v[4], x[3], x[4], v[3]])
    return z * z


@scenario()
def integer_keys_read_with_repeats_then_written(xp, x, y):
    key = xp.asarray([1, 1, 4], device=x.device)
    read = x[key]
    x[key] = read * 3 + y[:3]
    return xp.concat([read, x]) ** 2


@integer_keys_read_with_repeats_then_written.without_assignment
def _(xp, x, y):
    z = xp.stack([x[0], x[1] * 3 + y[1], x[2], x[3], x[4] * 3 + y[2], x[5]])
    return xp.concat([xp.stack([x[1], x[1], x[4]]), z]) ** 2


@scenario()
def negative_integer_keys(xp, x, y):
    x[xp.asarray([-1, 0, -1, 5], device=x.device)] = y[:4]
    x[-2] = y[4] * x[-1]
    return x * y


@negative_integer_keys.without_assignment
def _(xp, x, y):
    return xp.stack([y[1], x[1], x[2], x[3], y[4] * y[3], y[3]]) * y


@scenario(x=(3, 4), y=(3,))
def two_integer_arrays(xp, x, y):
    rows = xp.asarray([0, 2, 0], device=x.device)
    columns = xp.asarray([1, 3, 1], device=x.device)
    x[rows, columns] = y
    return x * x


@two_integer_arrays.without_assignment
def _(xp, x, y):
    row0 = xp.stack([x[0, 0], y[2], x[0, 2], x[0, 3]])
    row2 = xp.stack([x[2, 0], x[2, 1], x[2, 2], y[1]])
    z = xp.stack([row0, x[1, :], row2])
    return z * z


@scenario()
def a_number_written_by_repeated_keys(xp, x, y):
    x[xp.asarray([3, 3, 1], device=x.device)] = y[0]
    return x * y


@a_number_written_by_repeated_keys.without_assignment
def _(xp, x, y):
    return xp.stack([x[0], y[0], x[2], y[0], x[4], x[5]]) * y


# In-place operators -----------------------------------------------------------------------------------------------------------


@scenario()
def in_place_on_the_whole(xp, x, y):
    before = x * y
    x += y
    x *= x
    x -= before
    x /= 2 + y * y
    return x


@in_place_on_the_whole.without_assignment
def _(xp, x, y):
    z = x + y
    return (z * z - x * y) / (2 + y * y)


@scenario()
def in_place_on_views(xp, x, y):
    v = x[2:5]
    v *= y[:3]
    x += 1
    v -= y[1]
    return x * v[2]


@in_place_on_views.without_assignment
def _(xp, x, y):
    a = with_slice(xp, x, 2, 5, x[2:5] * y[:3]) + 1
    b = with_slice(xp, a, 2, 5, a[2:5] - y[1])
    return b * b[4]


@scenario()
def in_place_on_elements_and_slices(xp, x, y):
    x[1] += y[0]
    x[1:3] *= 2
    x[-1] **= 2
    return x * y


@in_place_on_elements_and_slices.without_assignment
def _(xp, x, y):
    return xp.stack([x[0], 2 * (x[1] + y[0]), 2 * x[2], x[3], x[4], x[5] ** 2]) * y


@scenario(x=(3, 4), y=(3, 3))
def in_place_matrix_product(xp, x, y):
    top = x[:1, :]
    y @= y
    z = y @ x
    z[:1, :] += top
    return z


@in_place_matrix_product.without_assignment
def _(xp, x, y):
    z = (y @ y) @ x
    return xp.concat([z[:1, :] + x[:1, :], z[1:, :]])


@scenario()
def in_place_with_itself(xp, x, y):
    x *= x
    y[:] = y
    y += y
    v = x[:3]
    v -= v
    x += x
    return x * y


@in_place_with_itself.without_assignment
def _(xp, x, y):
    return xp.concat([xp.zeros_like(x[:3]), 2 * x[3:] * x[3:]]) * 2 * y


@scenario(jit=False)
def all_written_over_by_itself_at_a_mask(xp, x, y):
    x[x == x] = x
    return x * x * y


@all_written_over_by_itself_at_a_mask.without_assignment
def _(xp, x, y):
    return x * x * y


# A tensor assigned from its own earlier value -----------------------------------------------------------------------------------


@scenario()
def shifted_within_itself(xp, x, y):
    x[1:] = x[:-1] * 1
    return x * y


@shifted_within_itself.without_assignment
def _(xp, x, y):
    return xp.concat([x[:1], x[:5]]) * y


@scenario()
def an_overlapping_view_assigned_to_itself(xp, x, y):
    v = x[:-1]
    x[1:] = v
    return x * y[0] + xp.sum(v)


@an_overlapping_view_assigned_to_itself.without_assignment
def _(xp, x, y):
    z = xp.concat([x[:1], x[:5]])
    return z * y[0] + xp.sum(z[:5])


@scenario()
def running_sums_in_place(xp, x, y):
    for i in range(1, 6):
        x[i] += x[i - 1] * y[i]
    return x


@running_sums_in_place.without_assignment
def _(xp, x, y):
    sums = [x[0]]
    for i in range(1, 6):
        sums.append(x[i] + sums[-1] * y[i])
    return xp.stack(sums)


@scenario()
def the_whole_assigned_from_itself(xp, x, y):
    x[...] = x * x + y
    x[...] = x * y
    return x


@the_whole_assigned_from_itself.without_assignment
def _(xp, x, y):
    return (x * x + y) * y


# Buffers and untracked tensors --------------------------------------------------------------------------------------------------


@scenario()
def a_loop_fills_a_buffer(xp, x, y):
    buffer = xp.zeros((6,), dtype=x.dtype, device=x.device)
    for i in range(6):
        buffer[i] = x[i] * y[i] + (buffer[i - 1] if i else 0.0)
    return buffer * buffer


@a_loop_fills_a_buffer.without_assignment
def _(xp, x, y):
    values = [x[0] * y[0]]
    for i in range(1, 6):
        values.append(x[i] * y[i] + values[-1])
    buffer = xp.stack(values)
    return buffer * buffer


@scenario(y=(3,))
def a_loop_fills_the_rows_of_a_buffer(xp, x, y):
    buffer = xp.zeros((4, 3), dtype=x.dtype, device=x.device)
    first = buffer[:2, :]
    for i in range(4):
        buffer[i, :] = x[i] * y
    return xp.concat([buffer, first]) ** 2


@a_loop_fills_the_rows_of_a_buffer.without_assignment
def _(xp, x, y):
    rows = [x[i] * y for i in range(4)]
    return xp.stack([*rows, rows[0], rows[1]]) ** 2


@scenario()
def untracked_tensors_behave_alike(xp, x, y):
    c = xp.zeros((6,), dtype=x.dtype, device=x.device)
    v = c[1:4]
    before = c * x
    c[2] = 2.0
    v[0] = 5.0
    v *= 3
    return before + c * x + xp.sum(v) * y


@untracked_tensors_behave_alike.without_assignment
def _(xp, x, y):
    c = xp.asarray([0.0, 15.0, 6.0, 0.0, 0.0, 0.0], dtype=x.dtype, device=x.device)
    return c * x + 21.0 * y


@scenario()
def a_view_of_an_untracked_tensor_assigned_a_tracked_value(xp, x, y):
    c = xp.zeros((6,), dtype=x.dtype, device=x.device)
    v = c[1:3]
    other = c[2:]
    before = c + x
    v[1] = y[1] * x[0]
    c[0] = y[0]
    return xp.concat([before, c * x, v * v, other])


@a_view_of_an_untracked_tensor_assigned_a_tracked_value.without_assignment
def _(xp, x, y):
    zero = xp.zeros((), dtype=x.dtype, device=x.device)
    c = xp.stack([y[0], zero, y[1] * x[0], zero, zero, zero])
    return xp.concat([x, c * x, c[1:3] * c[1:3], c[2:]])


@scenario()
def a_tracked_tensor_overwritten_with_constants(xp, x, y):
    z = x * y
    v = z[:3]
    z[:] = 2.0
    z[1] = 3.0
    return v * x[:3]


@a_tracked_tensor_overwritten_with_constants.without_assignment
def _(xp, x, y):
    return xp.asarray([2.0, 3.0, 2.0], dtype=x.dtype, device=x.device) * x[:3] + 0 * y[:3]


@scenario()
def rows_written_one_by_one_each_from_views_of_the_one_before(xp, x, y):
    z = xp.reshape(x * y, (3, 2))
    first, last, column = z[0, :], z[-1, :], z[:, 1]
    for i in range(1, 3):
        before = z[i - 1, :]
        z[i, 0] = before[1] * y[i]
        z[i, 1:] = before[:1] + z[i, :1] * x[i]
    z[-2, :] = z[2, :] * first
    return xp.concat([xp.reshape(z, (-1,)), first * last, column])


@rows_written_one_by_one_each_from_views_of_the_one_before.without_assignment
def _(xp, x, y):
    a, b = x[0] * y[0], x[1] * y[1]
    c = b * y[1]
    d = a + c * x[1]
    e = d * y[2]
    f = c + e * x[2]
    g, h = e * a, f * b
    return xp.stack([a, b, g, h, e, f, a * e, b * f, b, h, f])


# Shapes of values ---------------------------------------------------------------------------------------------------------------


@scenario(x=(3, 4), y=(4,))
def values_broadcast(xp, x, y):
    x[:2, :] = y
    x[:, 1:3] = y[0]
    x[2:, :] = xp.reshape(y, (1, 4))
    return x * x


@values_broadcast.without_assignment
def _(xp, x, y):
    top = xp.stack([y[0], y[0], y[0], y[3]])
    z = xp.stack([top, top, y])
    return z * z


@scenario()
def lists_as_keys(xp, x, y):
    z = x[[2, 0, 2, -1]]
    x[[1, 1, -2]] = y[:3]
    w = xp.zeros_like(x)
    w[[0, 0]] = y[3]
    return xp.concat([z * z, x[range(1, 6)] * w[[0, 0, 0, 1, 0]]])


@lists_as_keys.without_assignment
def _(xp, x, y):
    z = xp.stack([x[2], x[0], x[2], x[5]])
    return xp.concat([z * z, xp.stack([y[1], x[2], x[3], 0 * x[4], x[5]]) * y[3]])


@scenario()
def nothing_is_written_to_an_empty_slice(xp, x, y):
    x[3:3] = y[3:3]
    v = x[6:]
    v += 1
    return x * y


@nothing_is_written_to_an_empty_slice.without_assignment
def _(xp, x, y):
    return x * y


@scenario(x=(), y=())
def tensors_of_no_dimension(xp, x, y):
    v = x[...]
    before = x * y
    x[()] = y * y
    v *= y
    return before + x * x


@tensors_of_no_dimension.without_assignment
def _(xp, x, y):
    return x * y + y**6
