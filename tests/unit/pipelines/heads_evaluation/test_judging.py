"""Paired intervals find a difference that is there, and none where there is none."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from pipelines.heads_evaluation.judging import METRICS, judged


def test_the_better_model_is_ahead_and_the_same_model_is_not() -> None:
    rng = np.random.default_rng(1)
    n = 6_000
    truth = rng.normal(size=n)
    happened = rng.random(n) < expit(truth)
    listeners, days = rng.integers(0, 900, n), rng.integers(0, 2, n)
    models = {
        "heads": expit(truth),
        "same": expit(truth),
        "noisy": expit(truth + rng.normal(0, 1.5, n)),
    }
    results = judged("finish", "all", models, happened, listeners, days, 60, rng)
    assert [result.model for result in results] == list(models)
    ours, same, noisy = results
    assert ours.ahead == {}
    assert (ours.slots, ours.positives) == (n, int(happened.sum()))
    for metric in METRICS:
        assert same.ahead[metric].mean == same.ahead[metric].low == same.ahead[metric].high == 0
        assert noisy.ahead[metric].low > 0
        found = ours.metrics[metric]
        assert found.low <= found.mean <= found.high or metric == "calibration_error"
