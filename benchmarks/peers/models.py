"""Who is compared, and what of each may be tuned."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

WEIGHT = ("count", "log", "one")
Environment = Literal["own", "peers"]


@dataclass(frozen=True, slots=True)
class LogRange:
    """Numbers drawn evenly by their logarithm.

    Args:
        low: Smallest.
        high: Largest.
        whole: Whether they are rounded.
    """

    low: float
    high: float
    whole: bool = False

    def draw(self, rng: np.random.Generator) -> float | int:
        """Return one of them."""
        value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        return round(value) if self.whole else float(f"{value:.3g}")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several.

    Args:
        values: All.
    """

    values: tuple[Any, ...]

    def draw(self, rng: np.random.Generator) -> Any:
        """Return one of them."""
        return self.values[rng.integers(len(self.values))]


@dataclass(frozen=True, slots=True)
class Model:
    """One competitor.

    Args:
        name: As it stands in the table.
        script: What runs it, beside this file.
        environment: Whose packages it needs.
        model: What the script calls it.
        space: Setting → where it is drawn from; the first trial keeps every default.
        fixed: Settings that every trial but the first shares.
        always: Settings that the first shares too: what the data asks for, whatever the defaults.
    """

    name: str
    script: str
    environment: Environment
    model: str
    space: dict[str, LogRange | Choice]
    fixed: dict[str, Any] = field(default_factory=dict)
    always: dict[str, Any] = field(default_factory=dict)

    def trials(self, count: int, seed: int) -> list[dict[str, Any]]:
        """Return the settings tried: the defaults, then `count - 1` draws."""
        rng = np.random.default_rng(seed)
        drawn = [
            {
                **self.always,
                **self.fixed,
                **{name: where.draw(rng) for name, where in self.space.items()},
            }
            for _ in range(count - 1)
        ]
        return [self.always, *drawn]


ALS = {
    "factors": LogRange(16, 256, whole=True),
    "regularization": LogRange(0.01, 30),
    "alpha": LogRange(0.5, 40),
    "weight": Choice(WEIGHT),
}
NEIGHBOURS = {"K": LogRange(20, 500, whole=True), "weight": Choice(WEIGHT)}
PRUNED = {"min_listeners": 3}  # inverting all 17,000 artists takes minutes and gains nothing
SIMILARITY = {"similarity": Choice(("cosine", "tfidf", "bm25"))}

MODELS = (
    Model(
        "Segue, two-stage",
        "segue_feed.py",
        "own",
        "two_stage",
        {
            "als.dim": LogRange(32, 192, whole=True),
            "als.regularization": LogRange(0.01, 0.5),
            "als.confidence.alpha": LogRange(2, 40),
            "als.confidence.epsilon": LogRange(0.5, 6),
            "autoencoder.ridge": LogRange(30, 600),
            "autoencoder.tag_weight": LogRange(0.5, 12),
        },
        {"als.frequency": 1.0, "als.confidence.scheme": "relative", "als.iterations": 8},
    ),
    Model("implicit ALS", "implicit_bare.py", "own", "als", ALS),
    Model(
        "implicit BPR",
        "implicit_bare.py",
        "own",
        "bpr",
        {
            "factors": LogRange(16, 256, whole=True),
            "regularization": LogRange(0.001, 0.3),
            "learning_rate": LogRange(0.003, 0.1),
            "iterations": LogRange(30, 200, whole=True),
        },
    ),
    Model("implicit item-kNN", "implicit_bare.py", "own", "knn", {**NEIGHBOURS, **SIMILARITY}),
    Model(
        "RecTools EASE",
        "rectools_models.py",
        "peers",
        "ease",
        {"regularization": LogRange(20, 2000), "weight": Choice(WEIGHT)},
        always=PRUNED,
    ),
    Model(
        "RecTools PureSVD",
        "rectools_models.py",
        "peers",
        "puresvd",
        {"factors": LogRange(8, 256, whole=True), "weight": Choice(WEIGHT)},
    ),
    Model(
        "LensKit ImplicitMF",
        "lenskit_models.py",
        "peers",
        "implicit_mf",
        {
            "embedding_size": LogRange(16, 256, whole=True),
            "regularization": LogRange(0.01, 30),
            "weight": Choice(WEIGHT),
            "use_ratings": Choice((True, False)),
        },
    ),
    Model(
        "LensKit item-kNN",
        "lenskit_models.py",
        "peers",
        "item_knn",
        {"max_nbrs": LogRange(10, 400, whole=True), "save_nbrs": LogRange(50, 1000, whole=True)},
    ),
    Model(
        "LensKit user-kNN",
        "lenskit_models.py",
        "peers",
        "user_knn",
        {"max_nbrs": LogRange(10, 400, whole=True), "min_sim": LogRange(1e-6, 0.1)},
    ),
    Model(
        "LensKit EASE",
        "lenskit_models.py",
        "peers",
        "ease",
        {"regularization": LogRange(20, 2000)},
        always=PRUNED,
    ),
)
