"""Are arms of different experiments independent, whatever ids and seeds look like?

For each kind of id and of seed: 200 seeds split 20,000 ids in halves, and all 19,900 pairs of
splits are correlated. Of independent pairs 0.1 % pass |z| = 3.29; at most 0.5 % may. Beside it
stand the share of splits that are further from one half than 3.29 standard errors, and the worst
p-value of 200 chi-square tests of how evenly 100 cells are filled. Version 1 of the hash is shown
too, on a quarter of the ids, to say why new experiments may not use it.

    python benchmarks/experiment_buckets.py [--seeds 200] [--ids 20000]
"""

from __future__ import annotations

import argparse
import random
import uuid
from collections.abc import Callable, Iterator

import numpy as np
from scipy import stats

from ranking.experiments.bucketing.hashing import encode_ids, hash_bucket, hash_buckets

CRITICAL_Z = 3.29
CELLS = 100


def ids_of(kind: str, n_ids: int) -> list[str]:
    rng = random.Random(5)
    kinds: dict[str, Callable[[int], str]] = {
        "user-1, user-2, …": lambda n: f"user-{n}",
        "1, 2, …": str,
        "UUIDs": lambda _: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "names with emoji": lambda n: rng.choice("🎧🎶👩🌈") + rng.choice("äöüé") + str(n),
    }
    return [kinds[kind](number) for number in range(n_ids)]


def seeds_of(kind: str, n_seeds: int) -> list[str]:
    rng = random.Random(6)
    kinds: dict[str, Callable[[int], str]] = {
        "exp-1, exp-2, …": lambda n: f"exp-{n}",
        "1, 2, …": str,
        "UUIDs": lambda _: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
    }
    return [kinds[kind](number) for number in range(n_seeds)]


def places(seeds: list[str], ids: list[str], version: int) -> np.ndarray:
    """Return the place of each id under each seed, (n_seeds, n_ids)."""
    if version == 1:
        return np.array([[hash_bucket(seed, one, 1) for one in ids] for seed in seeds])
    encoded = encode_ids(ids)
    return np.stack([hash_buckets(seed, encoded) for seed in seeds])


def judged(found: np.ndarray) -> tuple[float, float, float, float]:
    """Return share of correlated pairs, largest |z|, share of lopsided splits, worst p-value."""
    n_seeds, n_ids = found.shape
    halves = (found < 0.5).astype(np.float32)
    z = np.abs(np.corrcoef(halves)[np.triu_indices(n_seeds, k=1)]) * np.sqrt(n_ids)
    lopsided = np.abs(halves.mean(axis=1) - 0.5) / (0.5 / np.sqrt(n_ids))
    p_values = [stats.chisquare(np.bincount(row, minlength=CELLS)).pvalue for row in _cells(found)]
    return (
        float(np.mean(z > CRITICAL_Z)),
        float(z.max()),
        float(np.mean(lopsided > CRITICAL_Z)),
        float(min(p_values)),
    )


def _cells(found: np.ndarray) -> Iterator[np.ndarray]:
    yield from np.round(found * 10_000).astype(int) * CELLS // 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--ids", type=int, default=20_000)
    asked = parser.parse_args()
    print("| hash | ids | seeds | correlated pairs | largest z | lopsided splits | worst p |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for version, n_ids in ((2, asked.ids), (1, asked.ids // 4)):
        for ids in ("user-1, user-2, …", "1, 2, …", "UUIDs", "names with emoji"):
            for seeds in ("exp-1, exp-2, …", "1, 2, …", "UUIDs"):
                found = places(seeds_of(seeds, asked.seeds), ids_of(ids, n_ids), version)
                correlated, largest, lopsided, worst = judged(found)
                print(
                    f"| {version} | {ids} | {seeds} | {correlated:.2%} | {largest:.1f} "
                    f"| {lopsided:.1%} | {worst:.2g} |",
                    flush=True,
                )
            if version == 1:
                break


if __name__ == "__main__":
    main()
