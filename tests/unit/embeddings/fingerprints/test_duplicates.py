"""Copies are one recording; remixes, takes and other pieces are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np
import pytest
import soxr
from scipy import signal

from embeddings.audio.waveform import SAMPLE_RATE_HZ
from embeddings.fingerprints.alignment import Agreement, Overlay
from embeddings.fingerprints.duplicates import (
    DuplicateConfig,
    DuplicateIndex,
    Match,
    build_duplicate_index,
    canonical_tracks,
    is_same,
)
from embeddings.fingerprints.fingerprint import fingerprint
from pipelines.world.catalogue import draw_catalogue
from tests.support.tunes import tune

KNOWN = (0, 1, 2, 3, 5, 8)
CONFIG = DuplicateConfig()


@cache
def index() -> DuplicateIndex:
    return build_duplicate_index({str(n): fingerprint(tune(n)).to_bytes() for n in KNOWN})


def matched(samples: np.ndarray, config: DuplicateConfig = CONFIG) -> dict[str, Match]:
    """Return what is taken for the same recording once both are heard."""
    samples = np.asarray(samples, dtype=np.float32)

    def hear(track_id: str) -> np.ndarray:
        return samples if track_id == "fresh" else tune(int(track_id))

    matches = index().matches("fresh", fingerprint(samples), config, hear)
    assert all(match.was_heard for match in matches)
    return {match.known_id: match for match in matches}


def unheard(samples: np.ndarray) -> set[str]:
    """Return what is taken for the same recording by fingerprints alone."""
    described = fingerprint(np.asarray(samples, dtype=np.float32))
    return {match.known_id for match in index().matches("fresh", described, CONFIG)}


def noisy(samples: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).standard_normal(len(samples))
    return samples + noise * np.sqrt(np.mean(samples**2)) * 0.1  # 20 dB below


def dulled(samples: np.ndarray) -> np.ndarray:
    return signal.lfilter([0.3], [1.0, -0.7], samples)


def faded(samples: np.ndarray) -> np.ndarray:
    ramp = np.minimum(1.0, np.arange(len(samples)) / SAMPLE_RATE_HZ)
    return samples * ramp * ramp[::-1]


def sped(samples: np.ndarray) -> np.ndarray:
    return soxr.resample(samples, SAMPLE_RATE_HZ * 1.013, SAMPLE_RATE_HZ)


CHANGES = [lambda x: 0.25 * x, noisy, dulled, lambda x: x[66_150:], sped, faded]


@pytest.mark.parametrize("number", [1, 5, 8])
@pytest.mark.parametrize("change", CHANGES)
def test_a_copy_is_known(number: int, change: Callable[[np.ndarray], np.ndarray]) -> None:
    assert set(matched(change(tune(number)))) == {str(number)}


@pytest.mark.parametrize("number", [0, 2, 3])
@pytest.mark.parametrize("change", CHANGES[:-1])
def test_a_copy_is_known_where_its_original_is_gone(
    number: int, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    assert unheard(change(tune(number))) == {str(number)}


@pytest.mark.parametrize("number", [4, 6, 7, 9])
def test_another_piece_is_not(number: int) -> None:
    assert matched(tune(number)) == {}
    assert unheard(tune(number)) == set()


@pytest.mark.parametrize("number", [1, 2, 5])
@pytest.mark.parametrize("aspect", ["lead", "tempo_bpm", "seed", "key"])
def test_a_remix_or_another_take_is_not(number: int, aspect: str) -> None:
    own = draw_catalogue(number + 1, seed=5).attributes[number]
    other = {
        "lead": "flute" if own.lead != "flute" else "square",
        "tempo_bpm": own.tempo_bpm * 1.08,
        "seed": own.seed + 1,
        "key": (own.key + 1) % 12,
    }
    remix = tune(number, **{aspect: other[aspect]})
    assert str(number) not in matched(remix)
    assert str(number) not in unheard(remix)


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (1, {"kit": "orchestra"}),
        (8, {"kit": "orchestra"}),
        (0, {"bass": "sub"}),
        (2, {"bass": "synth bass"}),
    ],
)
def test_another_kit_or_bass_alone_is_told_apart_by_hearing_it(
    number: int, change: dict[str, str]
) -> None:
    remix = tune(number, **change)
    assert unheard(remix) == {str(number)}  # fingerprints cannot
    assert matched(remix) == {}
    allowing = CONFIG.model_copy(update={"max_foreign": 1.0})
    assert matched(remix, allowing)[str(number)].foreign > 10 * CONFIG.max_foreign


def test_a_track_does_not_match_itself() -> None:
    assert index().matches("1", fingerprint(tune(1)), CONFIG) == ()


@pytest.mark.parametrize("which", ["fresh", "known"])
def test_what_was_clipped_is_compared_with_the_other_clipped_alike(which: str) -> None:
    own = tune(8) / np.abs(tune(8)).max()
    clipped = np.clip(own * np.float32(6.0), -1.0, 1.0)
    fresh, known = (clipped, own) if which == "fresh" else (own, clipped)
    one = build_duplicate_index({"known": fingerprint(known).to_bytes()})

    def matches(clipped_db: float) -> tuple[Match, ...]:
        config = CONFIG.model_copy(update={"clipped_db": clipped_db})
        sounds = {"fresh": fresh, "known": known}
        return one.matches("fresh", fingerprint(fresh), config, sounds.get)

    assert [match.known_id for match in matches(2.0)] == ["known"]
    assert matches(60.0) == ()  # taken for unclipped: what clipping added is foreign


def test_recordings_are_read_only_where_fingerprints_are_alike_and_the_fresh_one_once() -> None:
    twice = {"a": tune(1), "b": tune(1) * np.float32(0.5), "c": tune(2), "fresh": tune(1)}
    stored = {name: fingerprint(sound).to_bytes() for name, sound in twice.items()}
    read: list[str] = []

    def hear(track_id: str) -> np.ndarray:
        read.append(track_id)
        return twice[track_id]

    described = fingerprint(tune(1))
    found = build_duplicate_index(stored).matches("fresh", described, CONFIG, hear)
    assert {match.known_id for match in found} == {"a", "b"}
    assert sorted(read) == ["a", "b", "fresh"]


@pytest.mark.parametrize("gone", ["fresh", "known"])
def test_where_a_recording_is_gone_fingerprints_decide_and_the_match_says_so(gone: str) -> None:
    remix = tune(2, bass="synth bass")
    one = build_duplicate_index({"known": fingerprint(tune(2)).to_bytes()})
    sounds = {"fresh": remix, "known": tune(2)}
    assert one.matches("fresh", fingerprint(remix), CONFIG, sounds.get) == ()
    del sounds[gone]
    (match,) = one.matches("fresh", fingerprint(remix), CONFIG, sounds.get)
    assert not match.was_heard


def agreeing(**values: float) -> Agreement:
    whole = Agreement(Overlay(1.0, 0.0), 30.0, 0.0, 1.0, 1.0, 1.0)
    return replace(whole, **values)


def test_every_condition_is_needed() -> None:
    assert is_same(agreeing(), CONFIG)
    assert is_same(agreeing(levels=float("nan"), weakest=float("nan")), CONFIG)
    assert not is_same(agreeing(peaks=CONFIG.min_peaks - 0.01), CONFIG)
    assert not is_same(agreeing(levels=CONFIG.min_levels - 0.01), CONFIG)
    assert not is_same(agreeing(weakest=CONFIG.min_weakest - 0.01), CONFIG)
    assert not is_same(agreeing(uncovered_s=7.0), CONFIG)


def test_at_another_speed_levels_may_agree_less() -> None:
    less = {"levels": CONFIG.min_levels_sped + 0.01, "weakest": CONFIG.min_weakest_sped + 0.01}
    assert not is_same(agreeing(**less), CONFIG)
    assert is_same(replace(agreeing(**less), overlay=Overlay(1.01, 0.0)), CONFIG)


def matches(*pairs: str) -> list[Match]:
    return [Match(pair[0], pair[1], agreeing()) for pair in pairs]


def test_the_known_track_stands_for_a_copy() -> None:
    assert canonical_tracks(matches("ax", "bx"), "ab", {}) == {"a": "x", "b": "x"}
    assert canonical_tracks(matches("ax"), "ab", {"x": "w"}) == {"a": "w"}


def test_among_fresh_tracks_the_first_stands_for_the_others_in_any_order() -> None:
    for order in permutations(matches("ab", "cb", "cd")):
        assert canonical_tracks(order, "dcba", {}) == {"b": "a", "c": "a", "d": "a"}


def test_one_known_match_decides_for_the_whole_cluster() -> None:
    assert canonical_tracks(matches("ab", "bz", "cy"), "abc", {}) == {"a": "z", "b": "z", "c": "y"}
    assert canonical_tracks([], "abc", {}) == {}
