"""A blend finds the weights that labels were drawn by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import ArtifactError, DataError
from ranking.rankers.blend import BlendRanker
from ranking.rankers.blending import BlendConfig, _Listwise, fit_blend
from ranking.rankers.training import RankingData

CONFIG = BlendConfig(affinities=("a", "b"), corrections=("c",), l2=1e-6)


def drawn(weights: tuple[float, float, float], requests: int = 4000, size: int = 12) -> RankingData:
    """Return requests of which one candidate was chosen, by the softmax of known weights."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=(requests, size, 3))
    noise = rng.gumbel(size=(requests, size))  # the largest of score + Gumbel is a softmax draw
    chosen = np.argmax(values @ np.array(weights) + noise, axis=1)
    labels = np.zeros((requests, size), dtype=np.int32)
    labels[np.arange(requests), chosen] = 1
    groups = np.full(requests, size, dtype=np.int64)
    flat = values.reshape(-1, 3).astype(np.float32)
    return RankingData(("a", "b", "c"), flat, labels.ravel(), groups)


def test_the_weights_that_labels_were_drawn_by_are_found() -> None:
    found = fit_blend(drawn((1.0, 0.5, -0.8)), CONFIG)
    # Standard error about 1 / sqrt(4000 requests) = 0.016; four of them.
    np.testing.assert_allclose(list(found.weights.values()), [1.0, 0.5, -0.8], atol=0.07)


def test_an_affinity_never_speaks_against_a_track() -> None:
    assert fit_blend(drawn((1.0, -0.5, 0.0)), CONFIG).weights["b"] == 0.0


def test_the_gradient_is_that_of_the_loss() -> None:
    data = drawn((0.3, 0.2, 0.1), requests=20)
    loss = _Listwise(data.values.astype(float), data.labels, data.groups, 0.1)
    at, step = np.array([0.4, -0.2, 0.7]), 1e-6
    _, gradient = loss(at)
    numeric = [
        (loss(at + step * unit)[0] - loss(at - step * unit)[0]) / (2 * step) for unit in np.eye(3)
    ]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-5)


def test_what_cannot_be_learned_from_is_refused() -> None:
    data = drawn((1.0, 0.5, 0.0), requests=5)
    with pytest.raises(DataError, match="no feature is called"):
        fit_blend(data, BlendConfig(affinities=("z",)))
    silent = RankingData(data.names, data.values, np.zeros_like(data.labels), data.groups)
    with pytest.raises(DataError, match="nothing was chosen"):
        fit_blend(silent, CONFIG)


def test_a_blend_is_read_back_or_refused(tmp_path: Path) -> None:
    BlendRanker({"a": 0.25, "b": -1.5}).save(tmp_path)
    assert BlendRanker.load(tmp_path).weights == {"a": 0.25, "b": -1.5}
    (tmp_path / "blend.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ArtifactError, match="train the ranker again"):
        BlendRanker.load(tmp_path)
