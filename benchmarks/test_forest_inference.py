"""Walking trees: ONNX Runtime beside LightGBM, on one core, for the candidates of one page.

make bench
python -m pytest benchmarks/test_forest_inference.py -q --benchmark-only
"""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from ranking.rankers.scoring import ForestScorer, open_scorer, predicted

CANDIDATES, FEATURES = 500, 60
TREES, LEAVES = 300, 63


@pytest.fixture(scope="module")
def scorer() -> ForestScorer:
    """Return trees grown on noise with a few columns that matter, a tenth of it missing."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20_000, FEATURES)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    wanted = np.nan_to_num(values[:, :8]).sum(axis=1) + rng.normal(size=20_000) > 0
    data = lightgbm.Dataset(values, wanted.astype(float), params={"verbosity": -1})
    settings = {"objective": "binary", "num_leaves": LEAVES, "verbosity": -1, "num_threads": 2}
    return open_scorer([lightgbm.train(settings, data, TREES)])


@pytest.fixture(scope="module")
def page() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(CANDIDATES, FEATURES)).astype(np.float32)


def test_onnx_runtime(benchmark: BenchmarkFixture, scorer: ForestScorer, page: np.ndarray) -> None:
    assert scorer.session is not None
    benchmark(scorer.raw, page)


def test_lightgbm(benchmark: BenchmarkFixture, scorer: ForestScorer, page: np.ndarray) -> None:
    benchmark(predicted, scorer.boosters, page)
