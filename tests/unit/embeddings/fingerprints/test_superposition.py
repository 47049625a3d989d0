"""Recordings are laid over one another to the sample, from a guess that is milliseconds off."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from scipy import signal

from embeddings.audio.waveform import SAMPLE_RATE_HZ
from embeddings.fingerprints.alignment import Overlay
from embeddings.fingerprints.constellation import FRAMES_PER_S
from embeddings.fingerprints.superposition import EDGE_S, SHORTEST, superposed
from tests.support.tunes import tune

EDGE = round(EDGE_S * SAMPLE_RATE_HZ)


def overlay(samples: float, *, speed: float = 1.0, off_ms: float = 0.0) -> Overlay:
    """Return where the first lies over the second, wrong by some milliseconds."""
    seconds = samples / SAMPLE_RATE_HZ + off_ms / 1000.0
    return Overlay(speed, seconds * FRAMES_PER_S)


def misfit(one: np.ndarray, other: np.ndarray) -> float:
    """Return the energy of the difference as a share of that of the second."""
    return float(np.square(one - other).sum() / np.square(other).sum())


@pytest.mark.parametrize("cut", [-30_000, 0, 7, 61_234])
@pytest.mark.parametrize("off_ms", [-40.0, 12.0])
def test_a_cut_recording_lies_exactly_where_it_was_cut_from(cut: int, off_ms: float) -> None:
    whole = tune(1)
    one, other = (whole[cut:], whole) if cut >= 0 else (whole, whole[-cut:])
    laid = superposed(one, other, overlay(cut, off_ms=off_ms))
    assert laid is not None
    shared = len(whole) - abs(cut)
    assert len(laid[0]) == len(laid[1]) == shared - 2 * min(EDGE, shared // 10)
    assert misfit(*laid) < 1e-9


@pytest.mark.parametrize(
    ("speed", "off"), [(0.98, 4e-4), (0.9934, -4e-4), (1.0004, -4e-4), (1.02, -4e-4)]
)
def test_a_change_of_speed_is_undone_however_roughly_it_is_known(speed: float, off: float) -> None:
    whole = tune(2)
    sped = np.asarray(soxr.resample(whole, SAMPLE_RATE_HZ * speed, SAMPLE_RATE_HZ))
    laid = superposed(sped, whole, overlay(0, speed=speed + off, off_ms=5.0))
    assert laid is not None
    one, other = laid
    # Half a sample is what rounding leaves; an error of 1e-5 of speed would be 2 at the end.
    for part in (slice(0, 40_000), slice(-40_000, None)):
        cross = signal.correlate(one[part], other[part], method="fft")
        assert abs(int(cross.argmax()) - (40_000 - 1)) <= 1


def test_windows_that_were_replaced_do_not_move_the_others() -> None:
    whole = tune(1)
    strange = whole.copy()
    strange[60_000:150_000] = tune(3)[60_000:150_000]
    laid = superposed(strange[5_000:], whole, overlay(5_000, off_ms=20.0))
    assert laid is not None
    differ = ~np.isclose(laid[0], laid[1], atol=1e-6)
    assert differ.sum() == pytest.approx(90_000, rel=0.01)


def test_what_shares_too_little_cannot_be_placed() -> None:
    short = tune(1)[: SHORTEST + 4_000]
    assert superposed(short, tune(1), overlay(0)) is None
    assert superposed(tune(1), tune(1), overlay(len(tune(1)) - 1_000)) is None
    assert superposed(tune(1)[:0], tune(1), overlay(0)) is None
