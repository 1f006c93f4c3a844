"""Random bits by counting: Philox 4x32-10, whose bits depend on a seed and a position alone, the same in every library.

Source: Salmon, Moraes, Dror and Shaw 2011, Parallel random numbers: as easy as 1, 2, 3, section 3.3. The kernel `dropout` in
_cuda/elements.cu draws the same bits.
"""

from __future__ import annotations

import math
from typing import Any

from .xp import Array, array_namespace, device, is_wrapper, numpy

__all__ = ["keep_mask", "least_kept", "words_of"]

_MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
_WEYL = 0x9E3779B9, 0xBB67AE85
_ROUNDS = 10
_LOW = 0xFFFFFFFF
_BLOCK = 2**13  # counters that are worked at together: what they take fits a processor's cache

Number = int | Array


def keep_mask(like: Array, p: float, seed: Number, step: Number) -> Array:
    """Which elements of an array are kept, each with probability 1 − p: booleans of its shape, in its library, on its device.

    Element i of n, counted row by row, takes word ⌊i / m⌋ of the block of counter i mod m, m = ⌈n / 4⌉.
    """
    if is_wrapper(like):
        like = like.data
    xp = array_namespace(like)
    shape = tuple(like.shape)
    n = math.prod(shape)
    if not n:
        return xp.ones(shape, dtype=xp.bool, device=device(like))
    blocks = -(-n // 4)
    least = least_kept(p)
    if xp is numpy:
        words = _words_of_numpy(blocks, words_of(int(seed)), words_of(int(step)))
        return (words.reshape(-1)[:n] >> 8 >= least).reshape(shape)
    words = xp.concat(_words(xp, blocks, _words_of(xp, seed), _words_of(xp, step), like))[:n]
    return xp.reshape(((words >> 8) & 0xFFFFFF) >= least, shape)


def least_kept(p: float) -> int:
    """What 24 random bits must reach for an element to be kept."""
    return round(p * 2**24)


def words_of(number: int) -> tuple[int, int]:
    """The low and the high 32 bits of an integer modulo 2⁶⁴."""
    return number & _LOW, number >> 32 & _LOW


def _words_of_numpy(blocks: int, key: tuple[int, int], step: tuple[int, int]) -> Array:
    """The words of the blocks 0, 1, ... as an array (4, blocks). Products of 32 bits are done in 64."""
    words = numpy.empty((4, blocks), dtype=numpy.uint32)
    low, half = numpy.uint64(_LOW), numpy.uint64(32)
    multipliers = [numpy.uint64(m) for m in _MULTIPLIERS]
    for start in range(0, blocks, _BLOCK):
        count = min(_BLOCK, blocks - start)
        c0 = numpy.arange(start, start + count, dtype=numpy.uint64)
        c1 = c0 >> half
        c0 &= low
        c2, c3 = (numpy.full(count, word, dtype=numpy.uint64) for word in step)
        for k0, k1 in _keys_of_rounds(key):
            c0 *= multipliers[0]
            c2 *= multipliers[1]
            c1 ^= c2 >> half
            c1 ^= numpy.uint64(k0)
            c3 ^= c0 >> half
            c3 ^= numpy.uint64(k1)
            c0 &= low
            c2 &= low
            c0, c1, c2, c3 = c1, c2, c3, c0
        for word, values in zip(words, (c0, c1, c2, c3), strict=True):
            word[start : start + count] = values
    return words


def _keys_of_rounds(key: tuple[int, int]) -> list[tuple[int, int]]:
    return [((key[0] + i * _WEYL[0]) & _LOW, (key[1] + i * _WEYL[1]) & _LOW) for i in range(_ROUNDS)]


# In nothing but functions of the standard --------------------------------------------------------------------------------------------
#
# In int32, which every library has and whose sums and products wrap; its bits are read as those of an unsigned number.


def _words(xp: Any, blocks: int, key: tuple[Array, Array], step: tuple[Array, Array], like: Array) -> list[Array]:
    """The four words of the blocks 0, 1, ... (fewer than 2³¹)."""
    place = device(like)
    c0 = xp.arange(blocks, dtype=xp.int32, device=place)
    c1 = xp.zeros_like(c0)
    c2, c3 = (xp.zeros_like(c0) + word for word in step)
    k0, k1 = key
    for _ in range(_ROUNDS):
        high0, low0 = _product(c0, _MULTIPLIERS[0])
        high2, low2 = _product(c2, _MULTIPLIERS[1])
        c0, c1, c2, c3 = high2 ^ c1 ^ k0, low2, high0 ^ c3 ^ k1, low0
        k0, k1 = _wrapped(k0 + _signed(_WEYL[0])), _wrapped(k1 + _signed(_WEYL[1]))
    return [c0, c1, c2, c3]


def _product(x: Array, m: int) -> tuple[Array, Array]:
    """The high and the low word of x m, from products of 16 bits with 16."""
    x_low, x_high = x & 0xFFFF, _upper_half(x)
    m_low, m_high = m & 0xFFFF, m >> 16
    first, second = x_high * m_low, x_low * m_high
    carried = _upper_half(x_low * m_low) + (first & 0xFFFF) + (second & 0xFFFF)
    return x_high * m_high + _upper_half(first) + _upper_half(second) + _upper_half(carried), x * _signed(m)


def _upper_half(x: Array) -> Array:
    return (x >> 16) & 0xFFFF


def _signed(word: int) -> int:
    """The signed number of the same 32 bits."""
    return word - 2**32 if word >= 2**31 else word


def _wrapped(x: Number) -> Number:
    return _signed(x & _LOW) if type(x) is int else x


def _words_of(xp: Any, number: Number) -> tuple[Number, Number]:
    """The two words of an integer, or of an integer array of one element, which is not read."""
    if type(number) is int:
        low, high = words_of(number)
        return _signed(low), _signed(high)
    number = xp.reshape(number, (1,))
    if number.dtype in (xp.int64, xp.uint64):
        low = ((number & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000
    else:
        low = number
    return xp.astype(low, xp.int32), xp.astype(number >> 16 >> 16, xp.int32)
