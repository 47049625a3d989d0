"""Arms of different experiments are independent, and a layer shares nobody."""

from __future__ import annotations

import numpy as np

from ranking.experiments.assigning.context import Context
from ranking.experiments.assigning.evaluation import run
from ranking.experiments.bucketing.hashing import encode_ids, hash_buckets
from ranking.experiments.definitions.reading import read_experiment
from ranking.experiments.layering.layers import check_layers

N_SEEDS, N_IDS = 200, 20_000
CRITICAL_Z = 3.29  # passed by 1 pair in 1,000 where arms are independent
MOST = 0.005


def test_arms_of_different_seeds_are_not_correlated() -> None:
    ids = encode_ids([f"user-{number}" for number in range(N_IDS)])
    arms = np.stack(
        [hash_buckets(f"experiment-{seed}", ids) < 0.5 for seed in range(N_SEEDS)]
    ).astype(np.float32)
    z = np.corrcoef(arms)[np.triu_indices(N_SEEDS, k=1)] * np.sqrt(N_IDS)
    assert len(z) == N_SEEDS * (N_SEEDS - 1) // 2
    assert np.mean(np.abs(z) > CRITICAL_Z) <= MOST


def test_two_experiments_in_one_layer_share_no_listener() -> None:
    specs = [
        {
            "key": key, "variations": [0, 1], "seed": key, "hashVersion": 2,
            "filters": [{"seed": "feed-layer", "ranges": ranges}],
        }
        for key, ranges in [("a", [[0, 0.3], [0.9, 1]]), ("b", [[0.3, 0.6]])]
    ]  # fmt: skip
    a, b = [read_experiment(spec) for spec in specs]
    check_layers([a, b])
    inside = np.array(
        [
            [run(one, Context(attributes={"id": f"ü😀-{n}"})).in_experiment for one in (a, b)]
            for n in range(2_000)
        ]
    )
    assert not inside.all(axis=1).any()
    shares = inside.mean(axis=0)  # standard error 0.011
    np.testing.assert_allclose(shares, [0.4, 0.3], atol=0.044)
