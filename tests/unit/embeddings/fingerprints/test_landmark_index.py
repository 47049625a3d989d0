"""The index elects whom counting by hand elects."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.fingerprints.constellation import FRAMES_PER_S, Constellation
from embeddings.fingerprints.landmark_index import (
    MAX_SHIFT_S,
    SPEEDS,
    VOTE_FRAMES,
    build_landmark_index,
)
from embeddings.fingerprints.landmarks import QUERY_SKETCH, SKETCH, Sketch, sketch


def scattered(seed: int, n: int = 120) -> Constellation:
    rng = np.random.default_rng(seed)
    # Few places, so that landmarks are shared by chance too.
    return Constellation(np.sort(rng.integers(0, 100, n)) * 4.0, rng.integers(0, 12, n) / 12)


def by_hand(peaks: Constellation, known: list[Sketch]) -> dict[int, int]:
    """Return row → most votes for one speed and two neighbouring bins of the shift."""
    most: dict[int, int] = {}
    for speed in SPEEDS:
        own = sketch(peaks, QUERY_SKETCH, speed)
        for row, other in enumerate(known):
            bins: dict[int, int] = {}
            for one, two in np.argwhere(own.hashes[:, None] == other.hashes[None, :]):
                shift = float(other.frames[two]) - float(own.frames[one]) * speed
                if abs(shift) <= MAX_SHIFT_S * FRAMES_PER_S:
                    place = int(np.floor(shift / VOTE_FRAMES))
                    bins[place] = bins.get(place, 0) + 1
            votes = max((count + bins.get(at + 1, 0) for at, count in bins.items()), default=0)
            most[row] = max(most.get(row, 0), votes)
    return most


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_votes_are_those_counted_by_hand(seed: int) -> None:
    known = [sketch(scattered(seed * 7 + k), 60) for k in range(4)]
    asked = scattered(seed * 7)
    found = build_landmark_index(known).candidates(asked, limit=4, min_votes=2)
    expected = {row: votes for row, votes in by_hand(asked, known).items() if votes >= 2}
    assert {each.row: each.votes for each in found} == expected
    assert [each.votes for each in found] == sorted(expected.values(), reverse=True)


@pytest.mark.parametrize("speed", [1.0, 0.98, 1.015])
@pytest.mark.parametrize("shift", [0.0, -200.0, 90.0])
def test_a_copy_is_first_and_lies_where_it_was_cut(speed: float, shift: float) -> None:
    rng = np.random.default_rng(1)
    all_peaks = [
        Constellation(np.sort(rng.integers(300, 1500, 400)).astype(float), rng.uniform(0, 4.4, 400))
        for _ in range(20)
    ]
    index = build_landmark_index([sketch(peaks, SKETCH) for peaks in all_peaks])
    own = all_peaks[13]
    copy = Constellation((own.frames - shift) / speed, own.pitches + np.log2(speed))
    best = index.candidates(copy, limit=3, min_votes=4)[0]
    assert best.row == 13
    # The nearest of five speeds is half a percent off at most: 8 frames at the end.
    assert best.overlay.shift == pytest.approx(shift, abs=8.5)
    assert best.overlay.speed == pytest.approx(speed, abs=0.006)


def test_what_is_shifted_too_far_is_no_candidate() -> None:
    rng = np.random.default_rng(2)
    own = Constellation(np.sort(rng.integers(0, 900, 300)).astype(float), rng.uniform(0, 4.4, 300))
    index = build_landmark_index([sketch(own, SKETCH)])
    later = Constellation(own.frames + (MAX_SHIFT_S + 0.5) * FRAMES_PER_S, own.pitches)
    # A few landmarks of hundreds hash alike at another speed, where the shift is just small enough.
    assert index.candidates(later, limit=3, min_votes=20) == []
    assert index.candidates(own, limit=3, min_votes=SKETCH)


def test_nothing_is_found_in_nothing() -> None:
    none = Constellation(np.zeros(0), np.zeros(0))
    assert build_landmark_index([]).candidates(scattered(1), limit=3, min_votes=2) == []
    index = build_landmark_index([sketch(none, SKETCH), sketch(scattered(1), SKETCH)])
    assert index.candidates(none, limit=3, min_votes=2) == []
    assert index.candidates(scattered(1), limit=3, min_votes=2)[0].row == 1
