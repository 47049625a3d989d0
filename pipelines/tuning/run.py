"""The search for better settings of the ranker: one training set, many fits, one verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import ConfigError
from core.randomness import generator
from pipelines.job import Progress
from pipelines.ranker_training.train_ranker import fit_ranker
from pipelines.ranker_training.training_set import TrainingSet
from pipelines.train import ranker_seed
from pipelines.tuning.configuration import TuneConfig
from pipelines.tuning.judging import Values, measure_of, worth
from pipelines.tuning.material import Material, digest
from pipelines.tuning.report import TrialRow, TuneReport
from pipelines.tuning.selection import gain, honest_gain
from pipelines.tuning.slices import cut
from pipelines.tuning.space import applied, settings_now, space_of
from pipelines.tuning.toml_text import toml_text

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from pipelines.tuning.study import Search, Settings


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Fits settings to the earlier part of a training set and judges them by the later one.

    Args:
        material: The whole training set, and the settings as they are.
        earlier: What trains and stops.
        later: What judges.
        config: When the trial is looked at.
    """

    material: Material
    earlier: TrainingSet
    later: TrainingSet
    config: TuneConfig

    def __call__(
        self, settings: Settings, look: Callable[[int, float], None]
    ) -> tuple[Values, Mapping[str, float]]:
        """Return (worth to each listener, figures of the fit); see `study.Tried`."""
        from pipelines.tuning.pruning import HEAD_STEPS

        sign = -1.0 if self.material.data.kind == "heads" else 1.0
        models: dict[str, float] = {}  # model → its best figure so far

        def watch(model: str, trees: int, figure: float) -> None:
            models[model] = max(models.get(model, -np.inf), sign * figure)
            if trees >= self.config.prune_from and trees % self.config.report_every == 0:
                look((len(models) - 1) * HEAD_STEPS + trees, models[model])

        training = applied(self.material.training, settings)
        seed = ranker_seed(self.material.seed)
        ranker, figures = fit_ranker(self.earlier, training, seed, watch)
        return worth(ranker, self.later), figures


def require_optuna() -> None:
    """Refuse to begin without what the search is done with.

    Raises:
        ConfigError: If Optuna is not installed.
    """
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "`segue tune` searches with Optuna, which is not installed; "
            "run pip install 'segue[tuning]'"
        ) from error


def tune(
    material: Material,
    config: TuneConfig,
    folder: Path,
    *,
    trials: int,
    timeout_s: float | None,
    progress: Progress,
) -> TuneReport:
    """Search until so many trials are finished in all, and say what came of it.

    Args:
        material: What trials are fitted to.
        config: What is searched, and by what it is judged.
        folder: Where the study is kept. The same material, settings and rules go on with it.
        trials: How many in all, the settings as they are among them.
        timeout_s: No trial is begun after so many seconds; None: no limit.
        progress: Told of the trials.

    Raises:
        ConfigError: If Optuna is not installed, or nothing can be searched.
        DataError: If there is too little to train or to judge by.
    """
    require_optuna()
    from pipelines.tuning.study import open_search

    earlier, later = cut(material.data, config.judge_share)
    training = material.training
    space = space_of(config, training)
    rules = (config.model_dump(mode="json"), training.model_dump(mode="json"))
    name = f"ranker-{digest(material.name, *rules)}"
    start = settings_now(space, training)
    search = open_search(folder / f"{name}.db", space, start, config, material.seed)
    tried = Trials(material, earlier, later, config)
    search.run(tried, trials, timeout_s, progress.counter("trials finished"))
    return _report(search, tried)


def _report(search: Search, tried: Trials) -> TuneReport:
    from optuna.trial import TrialState

    from pipelines.tuning.study import importance, settings_of, worth_of

    finished = search.finished()
    complete = [trial for trial in finished if trial.state == TrialState.COMPLETE]
    if not complete:
        raise ConfigError("no trial was finished before the timeout; allow more seconds")
    values = np.stack([worth_of(trial) for trial in complete])
    best = int(np.argmax([trial.value or 0.0 for trial in complete]))
    measure = measure_of(tried.later)
    sign = -1.0 if measure == "log_loss" else 1.0
    rng = generator(search.seed, "intervals")
    expected = honest_gain(values, rng)
    settings = {"train": {"ranker": settings_of(complete[best])}}
    return TuneReport(
        study=search.study.study_name,
        measure=measure,
        listeners=values.shape[1],
        rows_trained=len(tried.earlier.data.values),
        rows_judged=len(tried.later.data.values),
        training_set="reused" if tried.material.reused else "made",
        finished=len(finished),
        pruned=len(finished) - len(complete),
        best_trial=finished.index(complete[best]),
        first_value=sign * float(complete[0].value or 0.0),
        best_value=sign * float(complete[best].value or 0.0),
        gain=gain(values[best], values[0], rng),
        honest_gain=expected,
        better=expected.low > 0,
        importance=importance(search.study),
        settings=settings,
        toml=toml_text(settings),
        trials=tuple(_row(place, trial, sign) for place, trial in enumerate(finished)),
    )


def _row(place: int, trial: FrozenTrial, sign: float) -> TrialRow:
    from pipelines.tuning.study import FIGURES, settings_of

    figures = trial.user_attrs.get(FIGURES, {})
    took = trial.duration
    return TrialRow(
        trial=place,
        state="complete" if FIGURES in trial.user_attrs else "pruned",
        value=sign * trial.value
        if FIGURES in trial.user_attrs and trial.value is not None
        else None,
        settings={
            name: value
            for section in settings_of(trial).values()
            for name, value in section.items()
        },
        trees=sum(v for name, v in figures.items() if name.startswith("trees")) or None,
        seconds=round(took.total_seconds(), 2) if took else 0.0,
    )
