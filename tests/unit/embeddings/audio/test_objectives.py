"""The contrastive loss by its definition, and augmentation by its promises."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from embeddings.audio.objectives import augmented, nt_xent


def test_nt_xent_is_its_definition():
    rng = np.random.default_rng(0)
    views = rng.normal(size=(8, 5))
    views /= np.linalg.norm(views, axis=1, keepdims=True)
    expected = []
    for i in range(8):
        partner = (i + 4) % 8
        others = [np.exp(views[i] @ views[k] / 0.3) for k in range(8) if k != i]
        expected.append(-np.log(np.exp(views[i] @ views[partner] / 0.3) / np.sum(others)))
    first, second = torch.from_numpy(views).chunk(2)
    assert np.isclose(nt_xent(first, second, 0.3).item(), np.mean(expected))


def test_nt_xent_is_lower_for_matching_views():
    rows = functional.normalize(torch.randn(16, 8, generator=torch.Generator().manual_seed(0)))
    assert nt_xent(rows, rows, 0.1) < nt_xent(rows, rows.roll(1, dims=0), 0.1)


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
