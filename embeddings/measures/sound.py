"""A whole recording in memory, channel by channel, at the rate it was made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from embeddings.audio.container import Samples, opened

LIMIT_S = 900.0  # what is longer is measured by its beginning; 15 min of 48 kHz stereo are 345 MB


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Samples as a converter plays them.

    Attributes:
        samples: (n, channels) float32, full scale ±1.
        rate_hz: Samples a second.
        duration_s: Length of the whole recording, of which `samples` may be the beginning.
    """

    samples: Samples
    rate_hz: int
    duration_s: float

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.duration_s <= len(self.samples) / self.rate_hz + 0.06  # a Vorbis block's end


def read_sound(path: Path, limit_s: float = LIMIT_S) -> Sound:
    """Read a recording.

    Args:
        path: Any file that libsndfile reads.
        limit_s: Seconds after which reading stops.

    Raises:
        AudioDecodeError: If the file is missing, empty, too short, truncated, not finite or no
            audio.
    """
    with opened(path) as recording:
        duration_s = recording.frames / recording.rate_hz
        size = min(recording.frames, round(limit_s * recording.rate_hz))
        return Sound(recording.read_channels(size), recording.rate_hz, duration_s)
