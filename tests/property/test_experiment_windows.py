"""An event counts in its window and nowhere else, whatever else stands in the log."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.experiments.measuring.listeners import admit
from pipelines.experiments.measuring.metric_file import read_metrics
from pipelines.experiments.measuring.values import Values
from pipelines.experiments.question import Question
from tests.support.experiment_log import (
    DAY_MS,
    END_MS,
    KEY,
    START_MS,
    Log,
    exposed_listeners,
    random_log,
)

QUESTION = Question(key=KEY, variations=("control", "fresh"), start_ms=START_MS, end_ms=END_MS)


@given(data=st.data())
@settings(max_examples=10, derandomize=True)
def test_what_happens_outside_of_the_windows_changes_nothing_but_the_covariate(
    data: st.DataObject,
) -> None:
    log = random_log(data.draw(st.integers(0, 10_000)), listeners=12)
    before = _columns(log)
    people = exposed_listeners(log)
    moved = set()
    for _ in range(data.draw(st.integers(6, 20))):
        user = data.draw(st.sampled_from(sorted(people)))
        at = data.draw(
            st.one_of(
                st.integers(END_MS, END_MS + 5 * DAY_MS),
                st.integers(people[user][1] - 28 * DAY_MS, people[user][1] - 1),
                st.integers(people[user][1] - 59 * DAY_MS, people[user][1] - 28 * DAY_MS - 1),
            )
        )
        if people[user][1] - 28 * DAY_MS <= at < people[user][1]:
            moved.add(user)
        log.event(user, at, data.draw(st.sampled_from(("play", "finish", "like"))), played_ms=900)
    log.event("stranger", START_MS + DAY_MS, played_ms=900)
    after = _columns(log)
    ids = sorted(people)
    for name, old in before.items():
        for variable, column in old.items():
            changed = {ids[row] for row in np.flatnonzero(column != after[name][variable])}
            assert changed <= (moved if variable.startswith("covariate") else set()), name


def _columns(log: Log) -> dict[str, dict[str, NDArray[np.float64]]]:
    metrics = {  # caps move with the covariate of others
        name: metric.model_copy(update={"cap": None, "window_days": None})
        for name, metric in read_metrics().items()
    }
    nobody = pl.DataFrame(schema={"user_id": pl.String})
    with log.connect() as connection:
        admission = admit(connection, QUESTION, END_MS, nobody)
        values = Values(connection, admission.arrivals, metrics)
        found = {name: values.columns(name) for name in metrics}
    return {
        name: dict(zip(columns.variables, columns.matrix, strict=True))
        for name, columns in found.items()
    }
