"""Raw scores of boosted trees: ONNX Runtime's where they convert, LightGBM's where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from core.telemetry import logger
from ranking.model import Floats
from ranking.rankers.forest import Tree, UnsupportedForestError, read_forest
from ranking.rankers.onnx_forest import INPUT_NAME, OUTPUT_NAME, forest_model, rounded_down

if TYPE_CHECKING:
    import lightgbm

SERVING_THREADS = 1  # a page is a few hundred rows: starting a team costs more than it saves
TOLERANCE = 1e-5  # relative to scores above 1: ONNX Runtime adds leaves up in float32
_PROBE_ROWS = 64
_ERRORS_ONLY = 3


@dataclass(frozen=True, slots=True, eq=False)
class ForestScorer:
    """Scores rows by several boosters over the same columns.

    Args:
        boosters: One a column of the result.
        session: ONNX Runtime's session over all of them, or None where LightGBM scores.
        reason: Why LightGBM scores, "" where it does not.
    """

    boosters: tuple[lightgbm.Booster, ...]
    session: Any
    reason: str

    def raw(self, values: Floats) -> Floats:
        """Return (n, len(boosters)) float32 raw scores of (n, f) float32 features."""
        if not len(values):
            return np.empty((0, len(self.boosters)), dtype=np.float32)
        if self.session is None:
            return predicted(self.boosters, values)
        feed = {INPUT_NAME: np.ascontiguousarray(values, dtype=np.float32)}
        return np.asarray(self.session.run([OUTPUT_NAME], feed)[0])


def open_scorer(boosters: Sequence[lightgbm.Booster]) -> ForestScorer:
    """Return a scorer of boosters, in ONNX Runtime where it agrees with LightGBM.

    Trees that do not convert (categorical splits, linear leaves, …) are left to LightGBM, and so
    are trees on whose own thresholds the two disagree: a wrong order is worse than a slow one.

    Args:
        boosters: At least one; all of the same columns.
    """
    owned = tuple(boosters)
    try:
        forests = [read_forest(booster) for booster in owned]
    except UnsupportedForestError as error:
        logger().info("trees_left_to_lightgbm", reason=str(error))
        return ForestScorer(owned, None, str(error))
    n_features = owned[0].num_feature()
    scorer = ForestScorer(owned, _session(forests, n_features), "")
    rows = probe(forests, n_features)
    expected, found = predicted(owned, rows), scorer.raw(rows)
    if np.all(np.abs(found - expected) <= TOLERANCE * np.maximum(1.0, np.abs(expected))):
        return scorer
    logger().warning("onnx_runtime_disagrees_with_lightgbm", rows=len(rows))
    return ForestScorer(owned, None, "ONNX Runtime disagrees with LightGBM")


def predicted(boosters: Sequence[lightgbm.Booster], values: Floats) -> Floats:
    """Return LightGBM's own raw scores, (n, len(boosters)) float32."""
    columns = [
        booster.predict(values, raw_score=True, num_threads=SERVING_THREADS) for booster in boosters
    ]
    return np.column_stack(columns).astype(np.float32)


def probe(forests: Sequence[Sequence[Tree]], n_features: int) -> Floats:
    """Return rows on which a wrong conversion shows: at thresholds, just above them, and missing.

    Args:
        forests: The trees.
        n_features: Columns of a row.
    """
    trees = [tree for forest in forests for tree in forest]
    rows = np.zeros((2 * _PROBE_ROWS + 2, n_features), dtype=np.float32)
    for column in range(n_features):
        known = [tree.thresholds[tree.features == column] for tree in trees]
        steps = rounded_down(np.unique(np.concatenate([np.zeros(1), *known])))
        at = np.resize(np.roll(steps, column), _PROBE_ROWS)
        rows[:_PROBE_ROWS, column] = at
        with np.errstate(over="ignore"):
            rows[_PROBE_ROWS:-2, column] = np.nextafter(at, np.float32(np.inf))
    rows[-1] = np.nan
    return rows


def _session(forests: Sequence[Sequence[Tree]], n_features: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = SERVING_THREADS
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    model = forest_model(forests, n_features).SerializeToString()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
