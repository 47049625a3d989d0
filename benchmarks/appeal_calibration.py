"""How well the finish rate of tracks that nobody heard is predicted, by cross-validation.

    python -m benchmarks.appeal_calibration DATA

Each tenth of the catalogue is predicted from the other nine. A track's true rate is not known, so
its count of finishes is compared with the distribution that the prediction gives it: a calibrated
10-90 % interval holds 80 % of the counts.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from scipy import stats

from core.schema import tracks
from core.workspace import open_workspace
from embeddings.vectors import TrackVectors
from pipelines.supply.gate.appeal import Appeal, Earned, fit_appeal
from pipelines.supply.gate.configuration import AppealConfig
from pipelines.supply.gate.earnings import earned_so_far

FOLDS = 10


def covered(appeal: Appeal, shown: int, finished: int, rng: np.random.Generator) -> bool:
    """Return whether a count lies between the 10 % and 90 % quantile of what was predicted.

    Counts are whole, so the place within a count is drawn: the randomised probability integral
    transform of Czado, Gneiting and Held (2009).
    """
    of = stats.betabinom(shown, appeal.finishes, appeal.skips)
    below = float(of.cdf(finished - 1)) if finished else 0.0
    place = below + rng.random() * float(of.pmf(finished))
    return 0.1 <= place <= 0.9


def main(data: Path) -> None:
    """Print correlation, error and coverage."""
    config, rng = AppealConfig(), np.random.default_rng(1)
    with open_workspace(data) as workspace:
        earned = earned_so_far(workspace, config)
        newest = workspace.artifacts.latest("vectors")
        assert newest is not None
        vectors = TrackVectors.load(workspace.artifacts.folder("vectors", newest.version))
        with workspace.database.read() as connection:
            told = dict(connection.execute(sa.select(tracks.c.track_id, tracks.c.tags)).all())
    known = set(vectors.track_ids)
    often = earned.impressions >= config.min_impressions
    rows = [at for at, name in enumerate(earned.track_ids) if name in known and often[at]]
    earned = earned.taken(np.array(rows))
    values = vectors.aligned(earned.track_ids)
    tags = [tuple(told[name]) for name in earned.track_ids]
    for kept in (30, 60, 120, len(rows)):
        _report(earned, values, tags, config, kept, rng)


def _report(
    earned: Earned,
    values: np.ndarray,
    tags: list[tuple[str, ...]],
    config: AppealConfig,
    kept: int,
    rng: np.random.Generator,
) -> None:
    """Print how tracks are predicted from so many others."""
    fold = rng.permutation(len(tags)) % FOLDS
    found: dict[int, Appeal] = {}
    lenient = config.model_copy(update={"min_tracks": 10})
    for part in range(FOLDS):
        learned = rng.permutation(np.flatnonzero(fold != part))[:kept]
        model = fit_appeal(
            earned.taken(learned), values[learned], [tags[row] for row in learned], lenient
        )
        assert model is not None
        others = np.flatnonzero(fold == part)
        predicted = model.predict(values[others], [tags[row] for row in others])
        found |= dict(zip(others.tolist(), predicted, strict=True))
    rates = earned.finishes / earned.impressions
    means = np.array([found[row].mean for row in range(len(tags))])
    widths = np.array([found[row].high - found[row].low for row in range(len(tags))])
    inside = [
        covered(found[row], int(earned.impressions[row]), int(earned.finishes[row]), rng)
        for row in range(len(tags))
    ]
    off, naive = np.abs(means - rates).mean(), np.abs(rates - earned.rate).mean()
    print(
        f"learned from {min(kept, len(tags) * (FOLDS - 1) // FOLDS):4} tracks: "
        f"correlation {np.corrcoef(means, rates)[0, 1]:.2f}, mean error {off:.3f} "
        f"(catalogue's mean: {naive:.3f}), width {widths.mean():.3f}, "
        f"coverage {np.mean(inside):.3f}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
