"""A search that can be killed at any moment and goes on where it was; Optuna keeps the book."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import optuna
import sqlalchemy as sa
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from core.randomness import derive_seed
from pipelines.tuning.configuration import TuneConfig
from pipelines.tuning.judging import Values
from pipelines.tuning.pruning import StepMedian
from pipelines.tuning.space import Parameter, Value

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
WORTH, SETTINGS, FIGURES = "worth", "settings", "figures"

Settings = dict[str, dict[str, Value]]


class Tried(Protocol):
    """Fits settings and says what they are worth."""

    def __call__(
        self, settings: Settings, look: Callable[[int, float], None]
    ) -> tuple[Values, Mapping[str, float]]:
        """Return (worth to each listener, figures of the fit).

        Args:
            settings: Section → setting → value.
            look: To be told (step, figure, higher is better); it may raise to end the trial.
        """


@dataclass(frozen=True, slots=True)
class Search:
    """One study: what is searched, from where, and by which rules.

    Args:
        study: Optuna's.
        space: What is searched.
        start: The settings as they are; the first trial.
        config: The rules.
        seed: Decides every draw.
    """

    study: optuna.Study
    space: tuple[Parameter, ...]
    start: Settings
    config: TuneConfig
    seed: int

    def finished(self) -> list[FrozenTrial]:
        """Return the trials that ended, in the order in which they began."""
        return self.study.get_trials(deepcopy=False, states=FINISHED)

    def run(
        self,
        tried: Tried,
        trials: int,
        timeout_s: float | None,
        told: Callable[[int, int], None],
    ) -> None:
        """Try settings until so many trials are finished in all, counting earlier calls.

        Args:
            tried: Fits and judges.
            trials: How many.
            timeout_s: No trial is begun after so many seconds.
            told: Told (finished, wanted).
        """
        deadline = time.monotonic() + (float("inf") if timeout_s is None else timeout_s)
        done = len(self.finished())
        told(min(done, trials), trials)
        while done < trials and time.monotonic() < deadline:
            self._try_one(tried, done)
            done += 1
            told(done, trials)

    def _try_one(self, tried: Tried, place: int) -> None:
        # A sampler of its own for each place: a search that was killed draws what it would have.
        self.study.sampler = optuna.samplers.TPESampler(
            seed=derive_seed(self.seed, "trial", place) % 2**32,
            n_startup_trials=self.config.startup_trials,
        )
        trial = self._ask(place)
        settings = self.start if place == 0 else self._drawn(trial)
        trial.set_user_attr(SETTINGS, settings)

        def look(step: int, figure: float) -> None:
            trial.report(figure, step)
            if place > 0 and trial.should_prune():
                raise optuna.TrialPruned

        try:
            worth, figures = tried(settings, look)
        except optuna.TrialPruned:
            self.study.tell(trial, state=TrialState.PRUNED)
            return
        except BaseException:
            self.study.tell(trial, state=TrialState.FAIL)
            raise
        trial.set_user_attr(FIGURES, dict(figures))
        trial.set_user_attr(WORTH, base64.b64encode(worth.astype(np.float64).tobytes()).decode())
        self.study.tell(trial, float(np.nanmean(worth)))

    def _ask(self, place: int) -> optuna.Trial:
        distributions = {one.name: _distribution(one) for one in self.space}
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        if place == 0 and not waiting:  # what the search learns from it is the nearest of its space
            nearest = {
                one.name: one.clipped(self.start[one.section][one.name]) for one in self.space
            }
            self.study.enqueue_trial(nearest)
        return self.study.ask(distributions)

    def _drawn(self, trial: optuna.Trial) -> Settings:
        found: Settings = {}
        for one in self.space:
            found.setdefault(one.section, {})[one.name] = one.rounded(trial.params[one.name])
        return found


def open_search(
    path: Path,
    space: tuple[Parameter, ...],
    start: Settings,
    config: TuneConfig,
    seed: int,
) -> Search:
    """Open a study's file, making it where it is new; trials that a kill cut short count as failed.

    Args:
        path: SQLite; its stem names the study. Nobody else has it open.
        space: What is searched.
        start: The settings as they are.
        config: The rules.
        seed: Decides every draw.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=_storage(path),
        study_name=path.stem,
        direction="maximize",
        load_if_exists=True,
        pruner=StepMedian(config.prune_after),
    )
    for left in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(left.number, state=TrialState.FAIL)
    return Search(study, space, start, config, seed)


def _storage(path: Path) -> optuna.storages.RDBStorage:
    """Return Optuna's store; a trial is a dozen commits, which a write-ahead log makes cheap."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")

    def settle(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    sa.event.listen(storage.engine, "connect", settle)
    storage.engine.dispose()  # the connections that are open do not know yet
    return storage


def worth_of(trial: FrozenTrial) -> Values:
    """Return (n_listeners,) what a completed trial was worth to each."""
    return np.frombuffer(base64.b64decode(trial.user_attrs[WORTH]), dtype=np.float64)


def importance(study: optuna.Study) -> dict[str, float]:
    """Return setting → share of what parts the best tenth of trials from all; sums to 1.

    Empty where fewer than ten trials were completed: a tenth is then nobody.

    Source:
        Watanabe, Bansal and Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance
        in Arbitrary Subspaces", IJCAI 2023.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < 10:
        return {}
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))


def settings_of(trial: FrozenTrial) -> dict[str, dict[str, Any]]:
    """Return the settings a trial tried."""
    found: dict[str, dict[str, Any]] = json.loads(json.dumps(trial.user_attrs[SETTINGS]))
    return found


def _distribution(one: Parameter) -> BaseDistribution:
    if one.whole:
        return IntDistribution(int(one.low), int(one.high), log=one.logarithmic)
    return FloatDistribution(one.low, one.high, log=one.logarithmic)
