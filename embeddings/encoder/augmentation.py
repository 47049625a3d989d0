"""Changes that leave a track the same track: level, tone, noise, small shifts of pitch and tempo.

They work on spectrograms, where each is a matter of adding or stretching; what a lossy codec does
is heard through a real one, see `reencoding`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

# Shifts of log10 power are in units of a band's standard deviation over the training tracks.
GAIN_SD = 0.3
TONE_SD = 0.3
TONE_POINTS = 8  # knots of the equaliser: about one an octave
NOISE_SD = (-3.0, -0.5)  # level of the quietest and the loudest noise against a band's mean
NOISE_SHARE = 0.3
TEMPO_SHARE = 0.06  # ±6 %: a semitone of a turntable's pitch slider
PITCH_BANDS = 1.0  # in bands of 0.4 to 1 semitone above 300 Hz
MAX_MASKED_BANDS = 8
MAX_MASKED_FRAMES = 24  # 0.56 s


def augmented(mels: Tensor, rng: torch.Generator) -> Tensor:
    """Change crops independently of one another.

    Args:
        mels: (b, frames, bands) normalised log mel power, on the CPU.
        rng: Where every draw comes from.

    Returns:
        (b, frames, bands); masked spans are 0, the mean.
    """
    n, frames, bands = mels.shape
    changed = _stretched(mels, rng)
    changed = changed + GAIN_SD * torch.randn(n, 1, 1, generator=rng)
    changed = changed + _tone(n, bands, rng)
    changed = _noisy(changed, rng)
    gaps = _spans(n, frames, min(MAX_MASKED_FRAMES, frames // 4), rng)[:, :, None]
    notches = _spans(n, bands, min(MAX_MASKED_BANDS, bands // 4), rng)[:, None, :]
    return changed.masked_fill(gaps | notches, 0.0)


def _stretched(mels: Tensor, rng: torch.Generator) -> Tensor:
    """Play a crop a little faster or slower, and a little higher or lower."""
    n, frames, bands = mels.shape
    tempo = 1 + TEMPO_SHARE * _between(n, rng)
    pitch = PITCH_BANDS * 2 / bands * _between(n, rng)
    at_time = torch.linspace(-1, 1, frames) * tempo[:, None]
    at_band = torch.linspace(-1, 1, bands) + pitch[:, None]
    grid = torch.stack(
        [
            at_band[:, None, :].expand(n, frames, bands),
            at_time[:, :, None].expand(n, frames, bands),
        ],
        dim=3,
    )
    shifted = functional.grid_sample(
        mels[:, None], grid, padding_mode="reflection", align_corners=True
    )
    return shifted[:, 0]


def _tone(n: int, bands: int, rng: torch.Generator) -> Tensor:
    knots = TONE_SD * torch.randn(n, 1, TONE_POINTS, generator=rng)
    return functional.interpolate(knots, size=bands, mode="linear", align_corners=True)


def _noisy(mels: Tensor, rng: torch.Generator) -> Tensor:
    """Add a steady noise of random level to some crops, as power adds."""
    n, frames, bands = mels.shape
    low, high = NOISE_SD
    level = (low + (high - low) * torch.rand(n, generator=rng))[:, None, None]
    noise = level + 0.1 * torch.randn(n, frames, bands, generator=rng)
    chosen = torch.rand(n, 1, 1, generator=rng) < NOISE_SHARE
    # log10 of a sum of powers, in units of one standard deviation: about 1 in log10 power.
    summed = torch.logaddexp(mels * math.log(10), noise * math.log(10)) / math.log(10)
    return torch.where(chosen, summed, mels)


def _between(n: int, rng: torch.Generator) -> Tensor:
    """Return (n,) evenly drawn from [-1, 1)."""
    return 2 * torch.rand(n, generator=rng) - 1


def _spans(n: int, length: int, longest: int, rng: torch.Generator) -> Tensor:
    starts = torch.randint(0, length - longest, (n, 1), generator=rng)
    widths = torch.randint(0, longest + 1, (n, 1), generator=rng)
    at = torch.arange(length)[None]
    return (at >= starts) & (at < starts + widths)
