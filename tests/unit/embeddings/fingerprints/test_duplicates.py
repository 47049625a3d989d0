"""Copies are one recording; remixes, takes and other pieces are not."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np
import pytest
from scipy import signal

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


def found(samples: np.ndarray) -> set[str]:
    described = fingerprint(np.asarray(samples, dtype=np.float32))
    return {match.known_id for match in index().matches("fresh", described, CONFIG)}


def noisy(samples: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).standard_normal(len(samples))
    return samples + noise * np.sqrt(np.mean(samples**2)) * 0.1  # 20 dB below


def dulled(samples: np.ndarray) -> np.ndarray:
    return signal.lfilter([0.3], [1.0, -0.7], samples)


@pytest.mark.parametrize("number", KNOWN)
@pytest.mark.parametrize("change", [lambda x: 0.25 * x, noisy, dulled, lambda x: x[66_150:]])
def test_a_copy_is_known(number: int, change: object) -> None:
    assert found(change(tune(number))) == {str(number)}  # type: ignore[operator]


@pytest.mark.parametrize("number", [4, 6, 7, 9])
def test_another_piece_is_not(number: int) -> None:
    assert found(tune(number)) == set()


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
    assert str(number) not in found(tune(number, **{aspect: other[aspect]}))


def test_a_track_does_not_match_itself() -> None:
    assert index().matches("1", fingerprint(tune(1)), CONFIG) == ()


def test_a_clipped_copy_is_known_once_both_are_heard_again() -> None:
    own = tune(8) / np.abs(tune(8)).max()
    clipped = np.clip(own * np.float32(6.0), -1.0, 1.0)
    described = fingerprint(clipped)
    strict = CONFIG.model_copy(update={"min_levels": 0.99, "clipped_db": 2.0})
    assert index().matches("fresh", described, strict) == ()
    heard: list[str] = []

    def hear(track_id: str) -> np.ndarray:
        heard.append(track_id)
        return own

    assert [match.known_id for match in index().matches("fresh", described, strict, hear)] == ["8"]
    assert heard == ["8"]


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
