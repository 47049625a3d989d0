"""Sound as a lossy codec leaves it: written and read back in memory."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
import soundfile

from embeddings.audio.container import Samples
from embeddings.audio.waveform import SAMPLE_RATE_HZ


class Codec(NamedTuple):
    """A codec and how hard it squeezes.

    Attributes:
        container: libsndfile's name of the file format.
        subtype: And of the encoding.
        compression: 0 the best, 1 the smallest.
    """

    container: str
    subtype: str
    compression: float


# About 64 and 40 kb/s of mono at 22 kHz, and about 48 and 24: from hardly to plainly audible.
CODECS = (
    Codec("OGG", "VORBIS", 0.5),
    Codec("MP3", "MPEG_LAYER_III", 0.5),
    Codec("OGG", "VORBIS", 1.0),
    Codec("MP3", "MPEG_LAYER_III", 0.9),
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
        np.clip(samples, -1.0, 1.0),
        SAMPLE_RATE_HZ,
        format=codec.container,
        subtype=codec.subtype,
        compression_level=codec.compression,
    )
    buffer.seek(0)
    heard, _ = soundfile.read(buffer, dtype="float32")
    return np.resize(heard, len(samples))
