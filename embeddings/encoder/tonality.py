"""Which intervals sound together and follow one another, whatever the key."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from embeddings.audio.spectrogram import N_MELS, mel_edges_hz

CLASSES = 36  # a third of a semitone each: tunings and bends show
MIN_HZ = 200.0  # below it a mel band is wider than two semitones
REFERENCE_HZ = 440.0  # any other turns the circle, and nothing here depends on that
# Frames of 23 ms after which chords are compared: within one, and one to two seconds on.
CHORD_LAGS = (1, 2, 4, 8, 16, 32, 64, 96)
N_TONALITY = CLASSES // 2 + 1 + CLASSES // 2 + len(CHORD_LAGS)
_SILENT = 1e-3  # of a frame's length: one without any peak has no chord


def tonality(mels: Tensor) -> Tensor:
    """Describe crops by their pitch classes, blind to transposition.

    Spectral peaks are gathered on a circle of `CLASSES` an octave. Turning the circle changes
    neither the magnitudes of its Fourier transform nor its correlation with itself.

    Args:
        mels: (b, frames, N_MELS) float32 log mel power.

    Returns:
        (b, N_TONALITY): Fourier magnitudes of the mean chroma, mean correlation of each frame's
        chroma with itself turned by 1 to CLASSES / 2, and its mean cosine with later frames.

    Source:
        Fujishima, "Realtime Chord Recognition of Musical Sound", 1999; for the circle's Fourier
        transform Quinn, "General Equal-Tempered Harmony", 2006.
    """
    circle, cosines, sines, turns = (part.to(mels) for part in _banks())
    above = functional.relu(mels[:, :, 1:-1] - (mels[:, :, :-2] + mels[:, :, 2:]) / 2)
    chroma = functional.pad(above, (1, 1)) @ circle
    mean = chroma.mean(1)
    scaled = mean / (mean.norm(dim=1, keepdim=True) + _SILENT / 10)
    harmony = torch.sqrt((scaled @ cosines) ** 2 + (scaled @ sines) ** 2 + 1e-12)
    unit = chroma / (chroma.norm(dim=2, keepdim=True) + _SILENT)
    frames = int(mels.shape[1])
    intervals = (unit.transpose(1, 2) @ unit / frames).flatten(1) @ turns
    lags = [min(lag, frames - 1) for lag in CHORD_LAGS]
    later = [(unit[:, lag:] * unit[:, : frames - lag]).sum(2).mean(1) for lag in lags]
    return torch.cat([harmony, intervals, torch.stack(later, dim=1)], dim=1)


@cache
def _banks() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return bands to circle (N_MELS, CLASSES), cosines and sines, and pairs to turns."""
    middles = mel_edges_hz()[1:-1]
    places = np.log2(middles / REFERENCE_HZ) * CLASSES
    circle = np.zeros((N_MELS, CLASSES))
    for band in np.flatnonzero(middles > MIN_HZ):
        below = math.floor(places[band])
        circle[band, below % CLASSES] += below + 1 - places[band]
        circle[band, (below + 1) % CLASSES] += places[band] - below
    at = np.arange(CLASSES)
    angles = 2 * math.pi * at[:, None] * np.arange(CLASSES // 2 + 1) / CLASSES
    apart = (at[None] - at[:, None]) % CLASSES
    turns = np.stack([(apart == turn).ravel() for turn in range(1, CLASSES // 2 + 1)], axis=1)
    made = (circle, np.cos(angles), np.sin(angles), turns)
    return (
        torch.from_numpy(np.float32(made[0])),
        torch.from_numpy(np.float32(made[1])),
        torch.from_numpy(np.float32(made[2])),
        torch.from_numpy(np.float32(made[3])),
    )
