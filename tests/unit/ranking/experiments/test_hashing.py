from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.experiments.bucketing.hashing import (
    PLACES,
    encode_ids,
    fnv1a_32,
    hash_bucket,
    hash_buckets,
)

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=30)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0x811C9DC5),
        ("a", 0xE40C292C),
        ("foobar", 0xBF9CF968),
        ("chongo was here!\n", 0xD49930D5),
    ],
)
def test_the_authors_own_test_values(text: str, expected: int) -> None:
    """Source: Landon Curt Noll, test_fnv.c, http://www.isthe.com/chongo/src/fnv/test_fnv.c."""
    assert fnv1a_32(text) == expected


# From the JavaScript SDK 1.8.0: the bucket that `run` tells, with the seed "séed-🎛".
JAVASCRIPT = [
    ("user-1", 0.477, 0.2221),
    ("naïve", 0.709, 0.767),
    ("Ünï-😀", 0.271, 0.6076),
    ("日本語", 0.779, 0.8334),
    ("👩‍🎤", 0.575, 0.3185),
    ("\ud83d", 0.441, 0.1606),  # half an emoji
    ("a\0b", 0.871, 0.1702),
    ("  ", 0.662, 0.9134),
    ("🎧🎶🎵", 0.91, 0.5576),
]


@pytest.mark.parametrize(("text", "first", "second"), JAVASCRIPT)
def test_ids_stand_where_javascript_puts_them(text: str, first: float, second: float) -> None:
    assert hash_bucket("séed-🎛", text, 1) == first
    assert hash_bucket("séed-🎛", text, 2) == second


def test_unknown_versions_have_no_place() -> None:
    assert hash_bucket("seed", "a", 3) is None


def test_half_an_emoji_in_the_seed_meets_its_other_half() -> None:
    assert hash_bucket("s\ud83d", "\ude00", 2) == hash_bucket("", "s😀", 2)


@given(seed=ANY_TEXT, texts=st.lists(ANY_TEXT, max_size=20))
def test_all_at_once_is_one_by_one(seed: str, texts: list[str]) -> None:
    assert hash_buckets(seed, encode_ids(texts)).tolist() == [
        hash_bucket(seed, text, 2) for text in texts
    ]


@given(one=ANY_TEXT, other=ANY_TEXT)
def test_a_hash_goes_on_where_it_stopped(one: str, other: str) -> None:
    assert fnv1a_32(other, fnv1a_32(one)) == fnv1a_32(one + other)


def test_places_are_evenly_filled() -> None:
    """Chi-square over 100 cells: 99 degrees of freedom, and 1 in 10,000 lies above 159.6."""
    n_ids = 100_000
    places = hash_buckets("even", encode_ids([f"user-{number}" for number in range(n_ids)]))
    counts = [0] * 100
    for place in (places * PLACES[2]).round().astype(int) // 100:
        counts[place] += 1
    expected = n_ids / 100
    assert sum((count - expected) ** 2 / expected for count in counts) < 159.6
