"""Everything that is measured in one recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from core.errors import AudioDecodeError
from embeddings.audio.container import Samples
from embeddings.audio.waveform import SAMPLE_RATE_HZ, SILENCE_PEAK
from embeddings.measures.character import brightness_of, energy_of, find_traits
from embeddings.measures.clipping import clipped_share
from embeddings.measures.key import Key, find_key
from embeddings.measures.loudness import integrated_lufs, true_peak_db
from embeddings.measures.silence import Silence, find_silence
from embeddings.measures.sound import Sound, read_sound
from embeddings.measures.tempo import Tempo, estimate_tempo

HEARD_S = 120.0  # tempo, key and character come from the middle of a recording, up to this length


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """What can be said of a recording without knowing its score.

    Attributes:
        duration_s: Length.
        lufs: Integrated loudness, EBU R128.
        true_peak_db: dB against full scale.
        clipped_share: Share of samples in runs at full scale.
        silence: Where nothing is heard.
        tempo: The beat.
        key: The key.
        energy: 0 calm to 1 driving.
        brightness: 0 dark to 1 bright.
    """

    duration_s: float
    lufs: float
    true_peak_db: float
    clipped_share: float
    silence: Silence
    tempo: Tempo
    key: Key
    energy: float
    brightness: float


def measure(path: Path) -> Measures:
    """Measure a recording.

    Args:
        path: Any file that libsndfile reads.

    Raises:
        AudioDecodeError: If the file is missing, empty, too short, truncated, silent, not finite
            or no audio.
    """
    sound = read_sound(path)
    if float(np.abs(sound.samples).max(initial=0.0)) < SILENCE_PEAK:
        raise AudioDecodeError(path, "is silent")
    return measure_sound(sound)


def measure_sound(sound: Sound) -> Measures:
    """Measure a recording that was read and is not silent."""
    heard = _heard(sound)
    traits = find_traits(heard, SAMPLE_RATE_HZ)
    return Measures(
        duration_s=sound.duration_s,
        lufs=integrated_lufs(sound.samples, sound.rate_hz),
        true_peak_db=true_peak_db(sound.samples),
        clipped_share=clipped_share(sound.samples),
        silence=find_silence(sound.samples, sound.rate_hz),
        tempo=estimate_tempo(heard, SAMPLE_RATE_HZ),
        key=find_key(heard, SAMPLE_RATE_HZ),
        energy=energy_of(traits),
        brightness=brightness_of(traits),
    )


def _heard(sound: Sound) -> Samples:
    """Return (n,) the middle of a recording, mono at `SAMPLE_RATE_HZ`."""
    size = round(HEARD_S * sound.rate_hz)
    start = max(0, (len(sound.samples) - size) // 2)
    mono = sound.samples[start : start + size].mean(axis=1)
    return np.asarray(soxr.resample(mono, sound.rate_hz, SAMPLE_RATE_HZ), dtype=np.float32)
