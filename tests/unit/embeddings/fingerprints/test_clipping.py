"""Crest factors, and clipping one recording as flat as another."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings.fingerprints.clipping import clipped_to, crest_db
from tests.support.tunes import tune


def test_the_crest_of_a_sine_is_three_decibels() -> None:
    sine = np.sin(np.linspace(0, 200 * np.pi, 100_000)).astype(np.float32)
    assert crest_db(sine) == pytest.approx(10 * np.log10(2), abs=0.01)


def test_a_square_has_none_and_silence_is_not_an_error() -> None:
    square = np.where(np.arange(1000) % 20 < 10, 0.5, -0.5).astype(np.float32)
    assert crest_db(square) == pytest.approx(0.0, abs=1e-4)
    assert crest_db(np.zeros(10, dtype=np.float32)) == pytest.approx(0.0)


@pytest.mark.parametrize("gain", [2.0, 4.0, 8.0])
def test_clipping_to_a_crest_finds_what_a_gain_had_clipped(gain: float) -> None:
    own = tune(1) / np.abs(tune(1)).max()
    clipped = np.clip(own * np.float32(gain), -1.0, 1.0)
    again = clipped_to(own, crest_db(clipped))
    # The crest at hand is a quantile's, so the ceiling is found to a few thousandths.
    assert np.allclose(again * gain, clipped, atol=0.01)


def test_what_is_flatter_stays() -> None:
    assert np.array_equal(clipped_to(tune(1), 60.0), tune(1))
