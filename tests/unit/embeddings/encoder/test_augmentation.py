"""Augmentation by its promises."""

from __future__ import annotations

import torch

from embeddings.encoder.augmentation import _noisy, _stretched, augmented


def test_augmentation_is_reproducible_and_differs_between_rows():
    mels = torch.zeros(4, 128, 64)
    first, again = (augmented(mels, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == mels.shape
    assert not torch.equal(first[0], first[1])
    assert torch.equal(mels, torch.zeros(4, 128, 64)), "the input is left as it was"


def test_masks_stay_within_their_share():
    mels = torch.full((64, 128, 64), 50.0)
    gone = augmented(mels, torch.Generator().manual_seed(2)) == 0.0
    assert gone.any()
    assert gone.all(dim=2).sum(dim=1).max() <= 24
    assert gone.all(dim=1).sum(dim=1).max() <= 8


def test_noise_only_ever_fills_up_and_most_in_the_quietest_places():
    rng = torch.Generator().manual_seed(4)
    mels = torch.linspace(-3, 3, 64).expand(32, 128, 64)
    noisy = _noisy(mels, rng)
    assert torch.all(noisy >= mels - 1e-5)  # float32 rounding of a sum of powers
    touched = (noisy - mels).amax(dim=(1, 2)) > 1e-3
    assert 0 < touched.sum() < 32
    risen = (noisy - mels)[touched].mean(dim=(0, 1))
    assert torch.all(risen[1:] <= risen[:-1] + 1e-2)  # each frame's noise differs a little


def test_stretching_moves_a_tone_by_at_most_its_limits():
    mels = torch.zeros(200, 128, 64)
    mels[:, 96, 40] = 1.0
    moved = _stretched(mels, torch.Generator().manual_seed(3)).amax(dim=1).argmax(dim=1)
    assert set(moved.tolist()) <= {39, 40, 41}
    assert len(set(moved.tolist())) > 1
    times = _stretched(mels, torch.Generator().manual_seed(3)).amax(dim=2).argmax(dim=1)
    assert times.min() >= 96 - 4
    assert times.max() <= 96 + 4
    assert times.min() < 96 < times.max()
