"""Hash a seed and an id to a place in [0, 1), exactly as GrowthBook's client SDKs do.

FNV-1a with 32 bits (Fowler, Noll and Vo; http://www.isthe.com/chongo/tech/comp/fnv), over the
UTF-16 code units of the text: that is what JavaScript's `charCodeAt` gives, so an emoji counts as
two units, and a client and this server put every id in the same place.

Source: GrowthBook, "Build Your Own SDK", specification 0.8.0, https://docs.growthbook.io/lib/build-your-own
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

OFFSET_BASIS = 0x811C9DC5  # of FNV with 32 bits
PRIME = 0x01000193
MASK = 0xFFFFFFFF
PLACES = {1: 1_000, 2: 10_000}
"""Hash version → how many places it tells apart; version 1 is biased and only understood."""
MAX_DIGITS = 10  # of a number with 32 bits


def fnv1a_32(text: str, state: int = OFFSET_BASIS) -> int:
    """Return the FNV-1a hash of a text's UTF-16 code units.

    Args:
        text: What is hashed.
        state: The hash of what stands before it.

    >>> fnv1a_32("a")
    3826002220
    >>> fnv1a_32("b", state=fnv1a_32("a")) == fnv1a_32("ab")
    True
    """
    units = _units(text)
    pairs = iter(units)
    # Two units a turn: this loop is most of what an assignment costs, and the remainder of a
    # product is the remainder of the product of remainders.
    for one, other in zip(pairs, pairs, strict=False):
        state = ((state ^ one) * PRIME ^ other) * PRIME & MASK
    return (state ^ units[-1]) * PRIME & MASK if len(units) & 1 else state


def hash_bucket(seed: str, text: str, version: int) -> float | None:
    """Return where an id stands in [0, 1).

    Args:
        seed: What the places are drawn from; experiments with different seeds are independent.
        text: The id.
        version: 2, or 1 for experiments that clients began long ago: there neighbouring ids
            stand together more often than chance.

    Returns:
        A multiple of 1 / PLACES[version], or None for a version that is not known.

    >>> hash_bucket("seed", "a", 2)
    0.0505
    """
    if version == 2:
        return fnv1a_32(str(fnv1a_32(text, _after(seed)))) % 10_000 / 10_000
    if version == 1:
        return fnv1a_32(text + seed) % 1_000 / 1_000
    return None


@dataclass(frozen=True)
class EncodedIds:
    """Many ids, made ready to be hashed with one seed after another.

    Args:
        units: UTF-16 code units, zeros after an id's end, (longest, n_ids) uint32.
        lengths: How many units each id has, (n_ids,).
    """

    units: NDArray[np.uint32]
    lengths: NDArray[np.int64]


def encode_ids(texts: Sequence[str]) -> EncodedIds:
    """Return ids ready to be hashed."""
    encoded = [text.encode("utf-16-le", "surrogatepass") for text in texts]
    lengths = np.array([len(one) // 2 for one in encoded], dtype=np.int64)
    longest = int(lengths.max(initial=0))
    padded = b"".join(one.ljust(2 * longest, b"\0") for one in encoded)
    units = np.frombuffer(padded, dtype="<u2").reshape(len(texts), longest)
    return EncodedIds(np.ascontiguousarray(units.T, dtype=np.uint32), lengths)


def hash_buckets(seed: str, ids: EncodedIds) -> NDArray[np.float64]:
    """Return where many ids stand in [0, 1) by version 2, all at once.

    Args:
        seed: As for `hash_bucket`.
        ids: The ids.

    Returns:
        What `hash_bucket` gives for each, (n_ids,).
    """
    values = np.full(len(ids.lengths), fnv1a_32(seed), dtype=np.uint32)
    shortest = int(ids.lengths.min(initial=0))
    for place, units in enumerate(ids.units):
        if place < shortest:
            _mix(values, units)
        else:
            _mix_some(values, units, place < ids.lengths)
    return _of_decimal(values) % 10_000 / 10_000


@lru_cache(maxsize=4096)  # few seeds meet every listener
def _after(seed: str) -> int:
    return fnv1a_32(seed)


def _units(text: str) -> bytes | array[int]:
    if text.isascii():  # its bytes are its units, and come without a copy
        return text.encode("ascii")
    # JavaScript's strings may hold half a surrogate pair, and JSON may bring one here.
    units = array("H", text.encode("utf-16-le", "surrogatepass"))
    if _BIG_ENDIAN:
        units.byteswap()
    return units


_BIG_ENDIAN = array("H", b"\x01\x00")[0] != 1


def _mix(values: NDArray[np.uint32], units: NDArray[np.uint32]) -> None:
    values ^= units
    values *= np.uint32(PRIME)  # unsigned numbers wrap, which is the modulus


def _mix_some(
    values: NDArray[np.uint32], units: NDArray[np.uint32], chosen: NDArray[np.bool_]
) -> None:
    mixed = values ^ units
    mixed *= np.uint32(PRIME)
    np.copyto(values, mixed, where=chosen)


def _of_decimal(numbers: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the hashes of the numbers written in decimal."""
    values = np.full(len(numbers), OFFSET_BASIS, dtype=np.uint32)
    rest, written = numbers.copy(), np.zeros(len(numbers), dtype=bool)
    for power in reversed(range(MAX_DIGITS)):
        digits = rest // np.uint32(10**power)
        rest -= digits * np.uint32(10**power)
        written |= digits > 0
        digits += np.uint32(ord("0"))
        if power:
            _mix_some(values, digits, written)
        else:  # zero is written too
            _mix(values, digits)
    return values
