"""A training set cut in time: what is fitted to, and what judges the fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError, DataError
from pipelines.heads_evaluation.run import selected
from pipelines.ranker_training.training_set import TrainingSet
from ranking.model import Mask
from ranking.rankers.head_training import OutcomeData, earlier_rows

MIN_LISTENERS = 10  # judged: the interval of fewer says nothing


def cut(data: TrainingSet, judge_share: float) -> tuple[TrainingSet, TrainingSet]:
    """Return the earlier part, which trains and stops as ever, and the later one, which judges.

    Requests of one moment stay on one side. Where all are of one moment, listeners do: those who
    judge were then never seen by a tree.

    Args:
        data: Graded requests or slots with outcomes.
        judge_share: Share of the requests (or slots) that judge, about.

    Raises:
        ConfigError: If the training set is a blend's.
        DataError: If either part would be empty, or too few listeners judge.
    """
    if data.kind == "blend":
        raise ConfigError(
            "listening without times trains a blend, whose few weights are fitted exactly and need "
            'no search; set [train.ranker] timeless = "trees" to grow and tune trees'
        )
    later = _later_slots(data, judge_share) if data.kind == "heads" else _later(data, judge_share)
    judging = data.about["user_id"].filter(later).n_unique()
    if judging < MIN_LISTENERS or later.all():
        raise DataError(
            f"{judging} listeners would judge the settings and {int((~later).sum())} rows train "
            f"them; {MIN_LISTENERS} listeners at two moments or more are needed: import more "
            "listening, or change [train.ranker] windows or [tune] judge_share"
        )
    return _part(data, ~later), _part(data, later)


def _later_slots(data: TrainingSet, share: float) -> Mask:
    assert isinstance(data.data, OutcomeData)
    return ~earlier_rows(data.data.at_ms, share)


def _later(data: TrainingSet, share: float) -> Mask:
    """Return (m,) which rows judge: those of the latest moments, or of the last listeners."""
    at_ms = data.about["at_ms"].to_numpy()
    order = at_ms
    if np.unique(at_ms).size == 1:
        order = np.unique(data.about["user_id"].to_numpy(), return_inverse=True)[1]
    request = _request_of_row(data)
    first = np.flatnonzero(np.diff(request, prepend=-1))
    by_request = np.sort(order[first])
    if not by_request.size:
        return np.zeros(0, dtype=np.bool_)
    wanted = by_request[min(int(by_request.size * (1 - share)), by_request.size - 1)]
    return np.asarray(order >= wanted)


def _request_of_row(data: TrainingSet) -> NDArray[np.int64]:
    assert not isinstance(data.data, OutcomeData)
    return np.repeat(np.arange(data.data.groups.size), data.data.groups)


def _part(data: TrainingSet, rows: Mask) -> TrainingSet:
    examples, about = data.data, data.about.filter(rows)
    if isinstance(examples, OutcomeData):
        return replace(data, data=selected(examples, rows), about=about)
    kept = np.unique(_request_of_row(data)[rows])
    return replace(data, data=examples.select(kept), about=about)
