"""Remixes that stayed apart are counted pair by pair, in all and kind by kind."""

from __future__ import annotations

from pipelines.audio_evaluation.intervals import wilson
from pipelines.audio_evaluation.remixes import Remix, remix_results

REMIXES = (
    Remix("b", "a", "kit"),
    Remix("c", "a", "kit"),
    Remix("d", "a", "bass"),
    Remix("e", "a"),
    Remix("gone", "a", "lead"),
)
READABLE = {"a", "b", "c", "d", "e", "f"}


def test_pairs_are_counted_in_all_and_by_kind() -> None:
    merged = {frozenset("ab"), frozenset("fa"), frozenset("bc")}
    found = {each.kind: each for each in remix_results(REMIXES, READABLE, merged)}
    assert {kind: each.pairs for kind, each in found.items()} == {"all": 4, "bass": 1, "kit": 2}
    assert {kind: each.merged for kind, each in found.items()} == {
        "all": ("b",),
        "bass": (),
        "kit": ("b",),
    }
    assert found["all"].apart == wilson(3, 4)
    assert found["kit"].apart == wilson(1, 2)


def test_a_pair_is_the_same_whichever_was_known_first() -> None:
    assert Remix("a", "b").pair == Remix("b", "a").pair


def test_where_there_is_no_remix_to_hear_there_is_no_figure() -> None:
    assert remix_results((), READABLE, set()) == ()
    assert remix_results(REMIXES[-1:], READABLE, set()) == ()
