"""Music of the built-in composer as samples, for tests that need something to recognise."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from embeddings.audio.waveform import SAMPLE_RATE_HZ
from pipelines.music.renderer import render_track
from pipelines.world.catalogue import draw_catalogue

_RENDERED_HZ = 16_000  # half of what worlds are rendered at, and twice as fast


@cache
def tune(number: int, seconds: float = 12.0, **changes: Any) -> NDArray[np.float32]:
    """Return (n,) mono samples of a piece; `changes` of its attributes make a remix of it."""
    attributes = draw_catalogue(number + 1, seed=5).attributes[number]
    rendered = render_track(replace(attributes, duration_s=seconds, **changes), _RENDERED_HZ)
    samples = soxr.resample(rendered.mean(axis=1), _RENDERED_HZ, SAMPLE_RATE_HZ)
    samples = samples.astype(np.float32)
    samples.flags.writeable = False  # shared between tests
    return samples
