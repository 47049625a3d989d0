"""Sound as a lossy codec leaves it: written and read back in memory."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from embeddings.audio.container import Samples
from embeddings.audio.waveform import SAMPLE_RATE_HZ


class Codec(NamedTuple):
    """A codec and how hard it squeezes.

    Attributes:
        container: libsndfile's name of the file format.
        subtype: And of the encoding.
        compression: 0 the best, 1 the smallest.
        rate_hz: Rate the file is written at: what resampling does near the top is heard too.
    """

    container: str
    subtype: str
    compression: float
    rate_hz: int


# From hardly to plainly audible.
CODECS = (
    Codec("OGG", "VORBIS", 0.5, SAMPLE_RATE_HZ),
    Codec("MP3", "MPEG_LAYER_III", 0.5, 44_100),
    Codec("OGG", "VORBIS", 1.0, 44_100),
    Codec("MP3", "MPEG_LAYER_III", 0.9, SAMPLE_RATE_HZ),
)


def reencoded(samples: Samples, codec: Codec) -> Samples:
    """Return sound after one pass through a codec.

    Args:
        samples: (n,) float32 mono at `SAMPLE_RATE_HZ`, some seconds of it.
        codec: Which.

    Returns:
        (n,) float32; what a codec adds before the beginning pushes the end out.
    """
    buffer = io.BytesIO()
    soundfile.write(
        buffer,
        np.clip(_resampled(samples, SAMPLE_RATE_HZ, codec.rate_hz), -1.0, 1.0),
        codec.rate_hz,
        format=codec.container,
        subtype=codec.subtype,
        compression_level=codec.compression,
    )
    buffer.seek(0)
    heard, _ = soundfile.read(buffer, dtype="float32")
    return np.resize(_resampled(heard, codec.rate_hz, SAMPLE_RATE_HZ), len(samples))


def _resampled(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    if from_hz == to_hz:
        return samples
    return np.asarray(soxr.resample(samples, from_hz, to_hz), dtype=np.float32)
