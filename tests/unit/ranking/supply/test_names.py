"""No creator's name enters a prompt, and ordinary words are no names."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.supply.names import MUSIC_WORDS, NameIndex, fold, words

NAMES = (
    "Björk", "Sigur Rós", "AC/DC", "Jay-Z", "The Beatles", "The Who", "U2", "M", "Ambient",
    "宇多田ヒカル", "Mø", "Straße", "Guns N' Roses", "Drum", "Ada Alder",
)  # fmt: skip
INDEX = NameIndex.of(NAMES)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("like BJORK at sea", "Björk"),
        ("like Bjo\u0308rk at sea", "Björk"),
        ("as sigur-ros would", "Sigur Rós"),
        ("loud acdc riffs", "AC/DC"),
        ("loud AC/DC riffs", "AC/DC"),
        ("rhymes of jay z", "Jay-Z"),
        ("rhymes of JayZ", "Jay-Z"),
        ("harmonies of beatles", "The Beatles"),
        ("the who, at Leeds", "The Who"),
        ("宇多田ヒカルのような曲", "宇多田ヒカル"),
        ("STRASSE at night", "Straße"),
        ("ada\u200b alder", "Ada Alder"),
        ("Guns N Roses", "Guns N' Roses"),
    ],
)
def test_a_name_is_found_however_it_is_written(text: str, named: str) -> None:
    assert {INDEX.names[hit] for hit in INDEX.within(text)} == {named}


@pytest.mark.parametrize(
    "text",
    [
        "calm ambient drum music in U2 rooms, M major",  # too short, or words of the trade
        "people who dance",
        "a bjorkish voice, beatlesque and alderwood ada",  # parts of other words, other orders
        "",
    ],
)
def test_ordinary_words_are_no_names(text: str) -> None:
    assert INDEX.within(text) == ()


def test_an_operator_may_call_a_name_ordinary() -> None:
    assert NameIndex.of(["Love"]).within("about love") == ("love",)
    assert NameIndex.of(["Love"], ["LOVE"]).within("about love") == ()


NAME = st.text(st.characters(categories=("L", "N")), min_size=5, max_size=12)


@given(NAME, st.sampled_from(["a %s tune", "%s", "so,%s!"]))
@settings(max_examples=150, deadline=None)
def test_a_long_name_is_found_in_any_case_as_a_word_of_its_own(name: str, frame: str) -> None:
    if " ".join(words(name)) in MUSIC_WORDS or not words(name):
        return
    index = NameIndex.of([name])
    for text in (name, name.upper(), name.lower()):
        if fold(text) == fold(name):  # some letters have no way back from their capital
            assert {index.names[hit] for hit in index.within(frame % text)} == {name}


def test_a_hundred_thousand_names_are_looked_for_within_seconds() -> None:
    names = [f"Märten {n:05d} Vale" for n in range(100_000)]
    started = time.process_time()
    index = NameIndex.of(names)
    found = index.within("some words " * 400 + "marten 77777 vale")
    assert [index.names[hit] for hit in found] == ["Märten 77777 Vale"]
    assert (
        time.process_time() - started < 10
    )  # about 1 s; a search for each name would take minutes
