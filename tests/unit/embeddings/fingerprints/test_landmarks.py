"""Landmarks survive a change of speed once it is undone, and their sample is consistent."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embeddings.fingerprints.constellation import Constellation
from embeddings.fingerprints.landmarks import HASH_BITS, sketch


def scattered(seed: int, n: int = 300) -> Constellation:
    rng = np.random.default_rng(seed)
    return Constellation(np.sort(rng.integers(0, 1300, n)).astype(float), rng.uniform(0, 4.4, n))


@given(st.integers(0, 1000), st.integers(1, 400))
def test_a_smaller_sketch_is_the_beginning_of_a_larger_one(seed: int, size: int) -> None:
    peaks = scattered(seed)
    small, large = sketch(peaks, size), sketch(peaks, 2 * size)
    assert np.array_equal(small.hashes, large.hashes[:size])
    assert np.array_equal(small.frames, large.frames[:size])


def test_hashes_are_ascending_distinct_and_small() -> None:
    found = sketch(scattered(1), 10_000)
    assert len(found.hashes) > 1000
    assert (np.diff(found.hashes.astype(np.int64)) > 0).all()
    assert found.hashes.max() < 1 << HASH_BITS
    assert np.isin(found.frames, scattered(1).frames).all()


@given(st.sampled_from([0.98, 0.99, 1.01, 1.02]), st.integers(0, 50))
def test_a_change_of_speed_is_undone(speed: float, seed: int) -> None:
    peaks = scattered(seed)
    faster = Constellation(peaks.frames / speed, peaks.pitches + np.log2(speed))
    own, other = sketch(peaks, 256), sketch(faster, 256, speed)
    shared = np.intersect1d(own.hashes, other.hashes)
    # Some triples at the rim of the zone go missing: frames there are farther or nearer.
    assert len(shared) >= 0.8 * len(own.hashes)
    assert len(np.intersect1d(own.hashes, sketch(faster, 256).hashes)) < len(shared)


def test_a_shift_in_time_keeps_every_hash() -> None:
    peaks = scattered(2)
    later = Constellation(peaks.frames + 100, peaks.pitches)
    own, other = sketch(peaks, 256), sketch(later, 256)
    assert np.array_equal(own.hashes, other.hashes)


def test_few_peaks_have_few_landmarks_or_none() -> None:
    none = Constellation(np.zeros(0), np.zeros(0))
    assert len(sketch(none, 256).hashes) == 0
    three = Constellation(np.array([0.0, 10.0, 20.0]), np.array([1.0, 1.2, 0.9]))
    assert len(sketch(three, 256).hashes) == 1
    assert len(sketch(Constellation(three.frames * 10, three.pitches), 256).hashes) == 0
