"""Losses by their definitions."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from embeddings.encoder.objectives import Alignment, Tags, Views, nt_xent


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


def views(n: int, dim: int) -> Views:
    rows = functional.normalize(torch.randn(2 * n, dim, generator=torch.Generator().manual_seed(5)))
    return Views(rows[:n], rows[n:], torch.arange(n))


def test_alignment_is_the_cross_entropy_of_finding_the_own_factor():
    given, rng = views(6, 4), np.random.default_rng(1)
    factors = rng.normal(size=(6, 3)).astype(np.float32)
    factors[2] = 0.0
    objective = Alignment(factors, 4, 0.2)
    known = [0, 1, 3, 4, 5]
    unit = factors[known] / np.linalg.norm(factors[known], axis=1, keepdims=True)
    expected = []
    for view in (given.first, given.second):
        mapped = (view @ objective.bridge.weight.T).detach().numpy()[known]
        mapped /= np.linalg.norm(mapped, axis=1, keepdims=True)
        scores = np.exp(mapped @ unit.T / 0.2)
        expected.append(-np.log(np.diagonal(scores) / scores.sum(axis=1)).mean())
    assert np.isclose(objective(given).item(), np.mean(expected), atol=1e-5)  # float32


def test_alignment_without_two_known_factors_is_nothing():
    factors = np.zeros((6, 3), dtype=np.float32)
    factors[1] = 1.0
    loss = Alignment(factors, 4, 0.2)(views(6, 4))
    assert loss.item() == 0.0


def test_tags_are_the_cross_entropy_of_each_tag():
    given = views(5, 4)
    tags = (np.random.default_rng(2).random((5, 3)) < 0.5).astype(np.float32)
    objective = Tags(tags, 4)
    logits = objective.lines(10 * torch.cat([given.first, given.second])).detach().numpy()
    p = 1 / (1 + np.exp(-logits.astype(np.float64)))
    wanted = np.tile(tags, (2, 1))
    expected = -(wanted * np.log(p) + (1 - wanted) * np.log(1 - p)).mean()
    assert np.isclose(objective(given).item(), expected, rtol=1e-4)  # float32
