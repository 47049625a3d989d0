"""The composer as a generator: what was asked is what is played, and siblings are no twins."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.measures.key import estimate_key
from embeddings.measures.tempo import estimate_tempo_bpm
from pipelines.music.attributes import NOTE_NAMES
from pipelines.music.composer import compose
from pipelines.music.style import STYLES
from pipelines.supply.generators.palette import style_of
from pipelines.supply.generators.protocol import Delivered, Order
from pipelines.supply.generators.synth import Synth, _combination, attributes_for
from tests.support.supply import brief


def _order(number: int = 0, brief_id: str = "b", **changes: object) -> Order:
    return Order(f"{brief_id}-{number}", brief_id, number, brief(**changes))


@pytest.mark.parametrize("name", STYLES)
def test_a_style_is_known_by_its_name_wherever_it_stands(name: str) -> None:
    assert style_of(brief(tags=["night", name.upper(), "calm"])).name == name
    assert style_of(brief(tags=[f"dark {name}"])).name == name


@pytest.mark.parametrize("name", STYLES)
def test_without_a_tag_the_nearest_in_movement_is_taken(name: str) -> None:
    style = STYLES[name]
    asked = {
        "tempo_bpm": style.tempo_bpm[0], "energy": style.energy, "brightness": style.brightness
    }  # fmt: skip
    assert style_of(brief(tags=["nobody knows"], **asked)).name == name


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        (["techno", "house"], "techno"),  # the first counts most
        (["muted trumpet"], "jazz"),
        (["gallop", "distorted guitar"], "metal"),
        (["house", "muted trumpet"], "house"),  # a name counts more than an instrument
    ],
)
def test_tags_tell_the_style(tags: list[str], name: str) -> None:
    assert style_of(brief(tags=tags)).name == name


@given(
    tempo=st.floats(40, 220),
    key=st.sampled_from([f"{n} {m}" for n in NOTE_NAMES for m in ("major", "minor")]),
    energy=st.floats(0, 1),
    brightness=st.floats(0, 1),
    name=st.sampled_from(sorted(STYLES)),
    number=st.integers(0, 999),
)
@settings(max_examples=60, deadline=None)
def test_what_is_asked_is_what_is_composed(
    tempo: float, key: str, energy: float, brightness: float, name: str, number: int
) -> None:
    order = _order(
        number, tempo_bpm=tempo, key=key, energy=energy, brightness=brightness, tags=[name],
        seconds=(20, 60),
    )  # fmt: skip
    made = attributes_for(order, 7)
    assert (made.tempo_bpm, made.key_name, made.style) == (tempo, key, name)
    assert (made.energy, made.brightness) == (energy, brightness)
    assert 20 <= made.duration_s <= 60
    style = STYLES[name]
    assert made.progression in (style.minor if made.mode == "minor" else style.major)
    assert made.lead in style.leads
    assert made.rhythm in style.rhythms
    assert attributes_for(order, 7) == made


@pytest.mark.parametrize("name", STYLES)
def test_siblings_differ_in_seed_and_neighbours_in_parts(name: str) -> None:
    made = [attributes_for(_order(n, tags=[name], key=None), 7) for n in range(12)]
    assert len({one.seed for one in made}) == 12
    parts = [(m.progression, m.lead, m.rhythm, m.pad, m.bass) for m in made]
    assert len(set(parts)) == 12
    style = STYLES[name]
    only = [style.leads, style.rhythms, style.pads, style.basses]
    shared = [sum(a == b for a, b in zip(*two, strict=True)) for two in pairwise(parts)]
    chosen = 1 + sum(len(palette) > 1 for palette in only)
    assert np.mean(shared) - (5 - chosen) <= chosen / 2  # parts with two choices share one in two
    melodies = [tuple(compose(replace(m, duration_s=8)).notes.pitch[:24]) for m in made[:4]]
    assert len(set(melodies)) == 4


def test_no_combination_returns_before_all_were_taken() -> None:
    parts = [["a", "b", "c"], ["x"], ["1", "2"], ["p", "q", "r", "s"]]
    made = {_combination(parts, n, np.random.default_rng(1)) for n in range(24)}
    assert len(made) == 24


def test_the_same_number_of_another_brief_is_another_track() -> None:
    assert attributes_for(_order(0, "a"), 7).seed != attributes_for(_order(0, "b"), 7).seed
    assert attributes_for(_order(0), 7).seed != attributes_for(_order(0), 8).seed


def test_an_instrument_that_is_asked_for_leads_every_sibling() -> None:
    made = [attributes_for(_order(n, tags=["jazz", "vibraphone"]), 7) for n in range(5)]
    assert {one.lead for one in made} == {"vibraphone"}


def test_it_has_no_voice() -> None:
    assert "instrumentals only" in Synth().refuses(brief(language="en", lyrics="la"))
    assert "instrumentals only" in Synth().refuses(brief(language="en"))


@pytest.mark.parametrize("name", ["techno", "folk", "jazz"])
def test_tempo_and_key_are_heard(name: str, tmp_path: Path) -> None:
    """Of forty briefs, docs/generators.md tells; these three are quick to render."""
    tempo = STYLES[name].tempo_bpm[0]
    order = _order(tags=[name], tempo_bpm=tempo, key="D minor", seconds=(12, 12))
    answer = Synth().poll(order, order.key)
    assert isinstance(answer, Delivered)
    (track,) = answer.tracks
    assert track.save(tmp_path / "a.ogg") is None
    assert track.save(tmp_path / "b.ogg") is None
    assert (tmp_path / "a.ogg").read_bytes() == (tmp_path / "b.ogg").read_bytes()
    sound, rate = soundfile.read(tmp_path / "a.ogg", dtype="float32")
    assert abs(len(sound) / rate - 12) < 0.01
    assert abs(estimate_tempo_bpm(sound, rate) / tempo - 1) <= 0.03
    assert estimate_key(sound, rate) == (NOTE_NAMES.index("D"), "minor")
    assert np.isfinite(sound).all()
    assert track.metadata["attributes"]["style"] == name
