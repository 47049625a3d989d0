"""A cursor says what was shown, and only what this service wrote is read."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cursor import MAX_SHOWN, MAX_TEXT, Cursor, feed_seed, next_cursor, read_cursor
from service.problems import ProblemError


def test_what_was_written_is_read_page_after_page() -> None:
    first = next_cursor(None, "r1", "ada", "home", ["a", "b"])
    assert first is not None
    read = read_cursor(first, "ada", "home")
    second = next_cursor(read, "r2", "ada", "home", ["é🎧"])
    assert second is not None
    found = read_cursor(second, "ada", "home")
    assert (found.feed, found.shown) == ("r1", ("a", "b", "é🎧"))
    assert found.goes_on() == (feed_seed("r1"), 3)


def test_a_feed_ends_with_its_most_slots_or_an_empty_page() -> None:
    many = [f"{number:032x}-{number:03d}" for number in range(MAX_SHOWN - 1)]
    longest = next_cursor(None, "r", "u" * 36, "home", many)
    assert longest is not None
    assert len(longest) < MAX_TEXT
    read = read_cursor(longest, "u" * 36, "home")
    assert next_cursor(read, "r2", "u" * 36, "home", ["last"]) is None
    assert next_cursor(read, "r2", "u" * 36, "home", []) is None


@pytest.mark.parametrize("mark", ["x", "é"])
def test_every_cursor_that_is_given_is_taken_back_however_long_the_ids(mark: str) -> None:
    rng = np.random.default_rng(1)
    ended = 0
    for length in (8, 36, 100, 128):
        letters = rng.integers(0, 10, (MAX_SHOWN - 1, length - 1))
        ids = [mark + "".join(map(str, row)) for row in letters.tolist()]
        given = next_cursor(None, "r", "ada", "home", ids)
        ended += given is None
        if given is not None:
            assert len(given) <= MAX_TEXT
            assert read_cursor(given, "ada", "home").shown == tuple(ids)
    assert 0 < ended < 4


def _packed(text: bytes) -> str:
    return base64.urlsafe_b64encode(zlib.compress(text)).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "not base64!",
        base64.urlsafe_b64encode(b"not packed").decode(),
        _packed(b"not json"),
        _packed(b'{"feed": "r", "user_id": "ada", "surface": "home", "shown": []}'),
        _packed(b'{"feed": "r", "user_id": "ada", "surface": "home", "shown": ["a"], "more": 1}'),
        _packed(b" " * 10_000_000),  # unfolds to far more than it may
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ProblemError, match="none that this service gave") as refused:
        read_cursor(text, "ada", "home")
    assert refused.value.status == 422
    assert [fault.field for fault in refused.value.errors or ()] == ["cursor"]


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    with pytest.raises(ProblemError):
        read_cursor(text or "-", "ada", "home")


@pytest.mark.parametrize(("user_id", "surface"), [("ben", "home"), ("ada", "radio")])
def test_nobody_goes_on_with_the_feed_of_another(user_id: str, surface: str) -> None:
    text = Cursor(feed="r", user_id="ada", surface="home", shown=("a",)).write()
    assert text is not None
    with pytest.raises(ProblemError, match="is of 'ada' on 'home'"):
        read_cursor(text, user_id, surface)
