"""Giving up trials that lie below the median of others after as many trees."""

from __future__ import annotations

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState

HEAD_STEPS = 100_000  # between the first steps of two models: more than trees may be grown


class StepMedian(BasePruner):
    """Gives up a trial whose figure is below the median of completed trials at the same step.

    Optuna's own rule compares the best figure of all steps; the heads of a ranker, which are grown
    one after another, have figures that cannot be compared with one another.

    Args:
        after: Completed trials that must have a figure at the step.
    """

    def __init__(self, after: int) -> None:
        self._after = after

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Return whether the trial is given up."""
        step = trial.last_step
        if step is None:
            return False
        others = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        figures = [t.intermediate_values[step] for t in others if step in t.intermediate_values]
        own = trial.intermediate_values[step]
        return len(figures) >= self._after and own < float(np.median(figures))
