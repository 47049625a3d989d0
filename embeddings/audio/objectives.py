"""What the contrastive part learns: two crops of one track are alike, whatever was done to them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

# In units of a band's standard deviation over the training tracks.
GAIN_SD = 0.3
TILT_SD = 0.3
NOISE_SD = 0.1
MAX_MASKED_BANDS = 8
MAX_MASKED_FRAMES = 24  # 0.56 s


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Return the contrastive loss of two views of the same tracks.

    Args:
        first: (b, dim) unit rows.
        second: (b, dim) unit rows; row i is another view of the same track.
        temperature: Softmax temperature, above 0.

    Returns:
        The mean cross-entropy of finding the other view among 2b - 1 rows.

    Source:
        Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", 2020,
        equation 1; for music, Spijkervet and Burgoyne, "Contrastive Learning of Musical
        Representations", 2021.
    """
    n = len(first)
    rows = torch.cat([first, second])
    itself = torch.eye(2 * n, dtype=torch.bool, device=rows.device)
    logits = (rows @ rows.T / temperature).masked_fill(itself, -torch.inf)
    other = torch.arange(2 * n, device=rows.device).roll(n)
    return functional.cross_entropy(logits, other)


def augmented(mels: Tensor, rng: torch.Generator) -> Tensor:
    """Change crops as recording and mastering would: gain, tone, noise, gaps in time and pitch.

    Args:
        mels: (b, frames, bands) normalised log mel power, on the CPU.
        rng: Where every draw comes from.

    Returns:
        (b, frames, bands), changed independently in each row.
    """
    n, frames, bands = mels.shape
    gain = GAIN_SD * torch.randn(n, 1, 1, generator=rng)
    tilt = TILT_SD * torch.randn(n, 1, 1, generator=rng) * torch.linspace(-1, 1, bands)
    noise = NOISE_SD * torch.randn(mels.shape, generator=rng)
    gaps = _spans(n, frames, min(MAX_MASKED_FRAMES, frames // 4), rng)[:, :, None]
    notches = _spans(n, bands, min(MAX_MASKED_BANDS, bands // 4), rng)[:, None, :]
    return (mels + gain + tilt + noise).masked_fill(gaps | notches, 0.0)


def _spans(n: int, length: int, longest: int, rng: torch.Generator) -> Tensor:
    starts = torch.randint(0, length - longest, (n, 1), generator=rng)
    widths = torch.randint(0, longest + 1, (n, 1), generator=rng)
    at = torch.arange(length)[None]
    return (at >= starts) & (at < starts + widths)
