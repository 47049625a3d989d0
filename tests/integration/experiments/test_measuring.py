"""What is measured of listeners is what plain Python measures of the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pytest

from core.errors import ExperimentError
from core.workspace import open_workspace
from pipelines.experiments.measuring.cells import aggregate_cells
from pipelines.experiments.measuring.days import aggregate_days
from pipelines.experiments.measuring.listeners import Admission, admit
from pipelines.experiments.measuring.metric_file import read_metrics
from pipelines.experiments.measuring.metrics import Measure, Metric
from pipelines.experiments.measuring.opening import machines_of, open_for_analysis
from pipelines.experiments.measuring.segments import (
    listening_segments,
    other_experiments,
    told_segments,
)
from pipelines.experiments.measuring.values import Values
from pipelines.experiments.question import Question
from pipelines.experiments.statistics.aggregates import aggregate_listeners
from pipelines.traffic import TrafficConfig
from tests.support.experiment_log import (
    DAY_MS,
    END_MS,
    KEY,
    START_MS,
    Log,
    amount,
    blank_log,
    exposed_listeners,
    measured,
    random_log,
    stored,
)

QUESTION = Question(key=KEY, variations=("control", "fresh"), start_ms=START_MS, end_ms=END_MS)
Connection = duckdb.DuckDBPyConnection


@contextmanager
def admitted(
    folder: Path, question: Question = QUESTION, *, triggered: bool = False
) -> Iterator[tuple[Connection, Admission]]:
    with (
        open_workspace(folder) as workspace,
        open_for_analysis(workspace.warehouse, 1.0) as connection,
    ):
        since = START_MS - 60 * DAY_MS
        machines = machines_of(workspace.warehouse, since, END_MS, TrafficConfig())
        yield connection, admit(connection, question, END_MS, machines, triggered=triggered)


@pytest.fixture(scope="module", params=[1, 2])
def written(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Log, Path]:
    log = random_log(request.param)
    return log, stored(log, tmp_path_factory.mktemp("log"))


def test_every_ready_metric_is_what_plain_python_measures(written: tuple[Log, Path]) -> None:
    log, folder = written
    metrics = read_metrics()
    with admitted(folder) as (connection, admission):
        values = Values(connection, admission.arrivals, metrics)
        arrivals = admission.arrivals
        for name, metric in metrics.items():
            columns = values.columns(name)
            found = dict(zip(columns.variables, columns.matrix, strict=True))
            kept = [u for u, keep in zip(arrivals.user_ids, columns.keep, strict=True) if keep]
            oracle = measured(log, name)
            assert kept == sorted(oracle), name
            own = [oracle[user] for user in kept]
            expected = {
                "value": [one.value for one in own],
                "covariate": [one.before for one in own],
            }
            if metric.kind == "ratio":
                expected["denominator"] = [one.denominator for one in own]
                expected["covariate_denominator"] = [one.before_denominator for one in own]
            assert set(found) == set(expected)
            for variable, column in expected.items():
                capped = np.array(column, dtype=float)
                if metric.cap and variable in ("value", "covariate"):
                    capped = np.minimum(capped, np.quantile(capped, metric.cap))
                np.testing.assert_allclose(found[variable], capped, rtol=1e-12, err_msg=name)


def test_cells_are_aggregated_as_each_would_be_alone(written: tuple[Log, Path]) -> None:
    _, folder = written
    with admitted(folder) as (connection, admission):
        values = Values(connection, admission.arrivals, read_metrics())
        for name in read_metrics():
            columns = values.columns(name)
            found = aggregate_cells(columns, admission.arrivals.arm, 3)
            assert found[2] is None
            for arm in (0, 1):
                own = columns.matrix[:, admission.arrivals.arm[columns.keep] == arm]
                alone = aggregate_listeners(
                    own[0], **dict(zip(columns.variables[1:], own[1:], strict=True))
                )
                one = found[arm]
                assert one is not None
                assert one.n == alone.n
                np.testing.assert_allclose(one.means(), alone.means(), rtol=1e-9, atol=1e-12)
                np.testing.assert_allclose(
                    one.covariances(), alone.covariances(), rtol=1e-9, atol=1e-12
                )


DAILY = ("listening_hours", "finish_rate", "creator_reach", "creator_concentration", "days_active")


@pytest.mark.parametrize("name", DAILY)
def test_days_since_the_exposure_are_measured_one_by_one(
    written: tuple[Log, Path], name: str
) -> None:
    log, folder = written
    metric = read_metrics()[name]
    with admitted(folder) as (connection, admission):
        days = aggregate_days(connection, admission.arrivals, metric, 2)
    people = exposed_listeners(log)
    assert len(days) == max((END_MS - at) // DAY_MS for _, at in people.values())
    for day, found in enumerate(days):
        for arm, variation in enumerate(QUESTION.variations):
            own = [
                amount(log, name, user, at, day * DAY_MS, (day + 1) * DAY_MS)
                for user, (key, at) in people.items()
                if key == variation and at + (day + 1) * DAY_MS <= END_MS
            ]
            one = found[arm]
            if not own:
                assert one is None
                continue
            top, bottom = np.array(own, dtype=float).T
            alone = aggregate_listeners(top, denominator=bottom if metric.denominator else None)
            assert one is not None
            assert one.n == alone.n
            np.testing.assert_allclose(one.means(), alone.means(), rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(one.covariances(), alone.covariances(), rtol=1e-6, atol=1e-9)


def test_who_is_in_two_variations_a_machine_or_unknown_is_left_out_and_counted(
    tmp_path: Path,
) -> None:
    log = blank_log()
    at = START_MS + DAY_MS
    for user, variation in (("a", "control"), ("b", "fresh"), ("twice", "control"), ("m", "fresh")):
        log.expose(user, at, variation)
    log.expose("twice", at + 5, "fresh")
    log.expose("other", at, "bold")
    log.expose("nobody", at, None)
    log.expose("elsewhere", at, "fresh", key="another")
    log.expose("early", START_MS - 1, "fresh")
    log.expose("late", END_MS, "fresh")
    for hour in range(24):
        log.event("m", at + hour * 3_600_000, played_ms=3_600_000)
    log.event("never", at, played_ms=1)
    with admitted(stored(log, tmp_path)) as (_, found):
        assert found.arrivals.user_ids == ["a", "b"]
        assert found.arrivals.arm.tolist() == [0, 1]
        assert found.excluded.model_dump() == {
            "two_variations": 1,
            "unknown_variation": 2,
            "machines": 1,
        }


def test_triggered_listeners_begin_at_the_first_page_that_differs(tmp_path: Path) -> None:
    log = blank_log()
    at = START_MS + DAY_MS
    for user, variation in (("a", "control"), ("b", "fresh"), ("c", "fresh"), ("d", "control")):
        log.expose(user, at, variation, differs=None)
        log.expose(user, at + 100, variation, differs=user == "c")
    log.expose("a", at + 200, "control", differs=True)
    with admitted(stored(log, tmp_path), triggered=True) as (_, found):
        assert found.arrivals.user_ids == ["a", "c"]
        assert found.arrivals.exposed_ms.tolist() == [at + 200, at + 100]
        control, fresh = found.triggers
        assert (control.listeners, control.listeners_differing) == (2, 1)
        assert (control.pages, control.pages_compared) == (5, 3)
        assert (fresh.pages, fresh.pages_compared, fresh.listeners_compared) == (4, 2, 2)


def test_listeners_chosen_in_one_variation_alone_are_not_compared(tmp_path: Path) -> None:
    log = blank_log()
    log.expose("a", START_MS, "control", differs=False)
    log.expose("b", START_MS, "fresh", differs=True)
    folder = stored(log, tmp_path)
    refused = pytest.raises(ExperimentError, match="no page of 'control'")
    with refused, admitted(folder, triggered=True):
        pass


def test_an_experiment_that_nobody_saw_is_named(tmp_path: Path) -> None:
    folder = stored(random_log(3, listeners=5), tmp_path)
    asked = QUESTION.model_copy(update={"key": "no-such"})
    with pytest.raises(ExperimentError, match=r"'no-such'.*compact"), admitted(folder, asked):
        pass


def test_impressions_and_every_kind_of_filter_can_be_measured(tmp_path: Path) -> None:
    log = blank_log()
    log.expose("a", START_MS, "control")
    log.expose("b", START_MS, "fresh")
    for number, (user, surface) in enumerate([("a", "home"), ("a", "it's"), ("b", "home")]):
        log.impressions.append(
            {
                "request_id": f"p{number}",
                "user_id": user,
                "track_id": f"t{number}",
                "at": START_MS + number,
                "surface": surface,
                "position": 3 * number,
                "is_fresh": number == 1,
            }
        )
    measures = {
        "quoted": Measure(table="impressions", where={"surface": ("it's",)}),
        "truth": Measure(table="impressions", where={"is_fresh": (True,)}),
        "number": Measure(table="impressions", where={"position": (0, 6)}),
        "sum": Measure(table="impressions", take="sum", of="position"),
        "origin": Measure(table="impressions", where={"origin": ("human",)}),
        "tracks": Measure(table="impressions", take="distinct", of="track_id"),
    }
    metrics = {k: Metric(numerator=m, direction="increase") for k, m in measures.items()}
    with admitted(stored(log, tmp_path)) as (connection, admission):
        values = Values(connection, admission.arrivals, metrics)
        found = {name: values.columns(name).matrix[0].tolist() for name in metrics}
    assert found == {
        "quoted": [1, 0],
        "truth": [1, 0],
        "number": [1, 1],
        "sum": [3, 6],
        "origin": [1, 1],
        "tracks": [2, 1],
    }


def test_segments_are_what_was_true_before_the_exposure(tmp_path: Path) -> None:
    log = blank_log()
    at = START_MS + DAY_MS
    for user in ("a", "b", "c"):
        log.expose(user, at, "control")
    log.event("a", at - 3 * DAY_MS, device="phone")
    log.event("a", at - 2 * DAY_MS, device="desktop")
    log.event("a", at - DAY_MS, device=None)
    log.event("b", at - 29 * DAY_MS, device="phone")
    log.event("b", at + 1, device="phone")
    told = tmp_path / "told.csv"
    told.write_text("user_id,country\na,NZ\nc,DE\nc,NZ\nstranger,DE\n")
    log.expose("a", at, "x", key="other")
    log.expose("b", at, "x", key="other")
    log.expose("b", at, "y", key="other")
    log.expose("c", at, "y", key="other")
    with admitted(stored(log, tmp_path / "data")) as (connection, admission):
        known, device = listening_segments(connection, admission.arrivals, 28)
        (country,) = told_segments(told, admission.arrivals)
        (other,) = other_experiments(connection, admission.arrivals, KEY, START_MS)
    cuts = {
        cut.family: [cut.levels[code] if code >= 0 else None for code in cut.codes]
        for cut in (known, device, country, other)
    }
    assert cuts == {
        "listener": ["known", "new", "new"],
        "device": ["desktop", "not known", "not known"],
        "country": ["NZ", "not known", "DE"],
        "other": ["x", None, "y"],
    }


@pytest.mark.parametrize("text", ["country\nNZ\n", "user_id\na\n", ""])
def test_a_file_of_segments_that_cannot_be_used_is_refused(text: str, tmp_path: Path) -> None:
    log = blank_log()
    log.expose("a", START_MS, "control")
    path = tmp_path / "told.csv"
    path.write_text(text)
    with (
        admitted(stored(log, tmp_path / "data")) as (_, admission),
        pytest.raises(ExperimentError, match=r"told\.csv"),
    ):
        told_segments(path, admission.arrivals)
