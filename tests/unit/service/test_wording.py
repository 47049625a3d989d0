"""Reasons in words."""

from __future__ import annotations

import pytest

from service.cards import Card, stream_url
from service.wording import FALLBACK, in_words, seed_id

CARDS = {
    "42": Card("42", "Blue Hour", "Ada", "c1", "human", "active", 1, None),
    "43": Card("43", None, "Ada", "c1", "human", "active", 1, None),
}


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("similar_to:42", "Sounds like Blue Hour"),
        ("similar_to", "Sounds like what you play"),
        ("similar_to:43", "Sounds like what you play"),
        ("similar_to:gone", "Sounds like what you play"),
        ("listeners_like_you", "Listeners like you play it"),
        ("often_heard_together:42", "Often heard together with Blue Hour"),
        ("popular_now", "Popular now"),
        ("not_played_yet", "Waiting for its first listeners"),
        ("from_creator_you_follow", "From Bo, whom you follow"),
        ("new_for_you", "New, for you to try"),
        ("new_for_you:42", "New, and close to Blue Hour"),
        ("a_code_of_tomorrow", FALLBACK),
    ],
)
def test_a_code_becomes_words(reason: str, words: str) -> None:
    assert in_words(reason, "Bo", CARDS) == words


def test_a_creator_without_a_name_is_still_followed() -> None:
    assert in_words("from_creator_you_follow", None, {}) == "From a creator you follow"


def test_an_id_with_a_colon_stays_whole() -> None:
    assert seed_id("similar_to:a:b") == "a:b"


def test_a_stream_url_cannot_leave_its_route() -> None:
    assert stream_url("../x?y#z é") == "/v1/tracks/..%2Fx%3Fy%23z%20%C3%A9/audio"
