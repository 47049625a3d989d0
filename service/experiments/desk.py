"""Experiments over HTTP: listed, written and moved by whoever holds a key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import ExperimentError
from ranking.experiments.definitions.metric_names import metric_names
from ranking.experiments.lifecycle.desk import ExperimentDesk
from ranking.experiments.lifecycle.moves import Said
from ranking.experiments.lifecycle.readiness import Grounds
from ranking.experiments.lifecycle.results import read_results
from ranking.experiments.lifecycle.stored import history, list_experiments, show_experiment
from service.dependencies import Context
from service.experiments.schemas import (
    Archival,
    ChangeAnswer,
    Decision,
    ExperimentAnswer,
    ExperimentEdit,
    ExperimentLine,
    ExperimentsAnswer,
    ExperimentsQuery,
    HistoryAnswer,
    NewExperiment,
    ResultsAnswer,
)
from service.problems import FieldFault, ProblemError
from service.supply.paging import PageQuery, page_of
from service.supply.refusals import refusals

PATH = "/v1/experiments"


def list_all(context: Context, asked: ExperimentsQuery) -> ExperimentsAnswer:
    """Return one page of experiments, the newest first."""
    with context.workspace.database.read() as connection:
        found, following = page_of(
            asked,
            lambda limit, offset: list_experiments(
                connection, asked.status, asked.layer, limit=limit, offset=offset
            ),
        )
    lines = [ExperimentLine.of(one) for one in found]
    return ExperimentsAnswer(experiments=lines, next_offset=following)


def show(context: Context, key: str) -> ExperimentAnswer:
    """Return one experiment.

    Raises:
        ProblemError: 404 where there is none.
    """
    with _refusals(key), context.workspace.database.read() as connection:
        return ExperimentAnswer.of(show_experiment(connection, key))


def show_history(context: Context, key: str, asked: PageQuery) -> HistoryAnswer:
    """Return one page of the changes of an experiment, the first one first.

    Raises:
        ProblemError: 404 where there is none.
    """
    with _refusals(key), context.workspace.database.read() as connection:
        changes = history(connection, key)
    found, following = page_of(asked, lambda limit, offset: changes[offset : offset + limit])
    return HistoryAnswer(changes=[ChangeAnswer.of(one) for one in found], next_offset=following)


def show_results(context: Context, key: str) -> ResultsAnswer:
    """Return what the newest analysis of an experiment said.

    Raises:
        ProblemError: 404 where there is no such experiment, or nobody analysed it yet.
    """
    with _refusals(key), context.workspace.database.read() as connection:
        found = read_results(connection, key)
    if found is None:
        raise ProblemError(
            404,
            "unknown-results",
            f"experiment {key!r} was not analysed yet; `segue experiment analyze {key}` does, by "
            "cron for the results of every morning",
        )
    return ResultsAnswer(key=key, analysed_at=found.analysed_at, results=found.document)


def create(context: Context, new: NewExperiment, who: str, now_ms: int) -> ExperimentAnswer:
    """Lay down a draft; the same spec is laid down once.

    Raises:
        ProblemError: 409 where another experiment bears its key.
    """
    with _refusals(new.spec.key):
        return ExperimentAnswer.of(_desk(context).create(new.spec, Said(who, now_ms, new.why)))


def edit(
    context: Context, key: str, wanted: ExperimentEdit, who: str, now_ms: int
) -> ExperimentAnswer:
    """Replace what a draft says, or widen what runs, unless somebody else changed it first.

    Raises:
        ProblemError: 404 where there is none, 409 where the edit is stale or the experiment over,
            422 where the spec is another's, or would change more of what runs than its places.
    """
    if wanted.spec.key != key:
        fault = f"{wanted.spec.key!r} is not {key!r}; a key stays, so create another experiment"
        faults = [FieldFault(field="spec.key", message=fault)]
        raise ProblemError(422, "invalid-request", f"spec.key: {fault}", errors=faults)
    with _refusals(key):
        said = Said(who, now_ms, wanted.why)
        return ExperimentAnswer.of(_desk(context).edit(wanted.spec, wanted.revision, said))


def start(context: Context, key: str, asked: Decision, who: str, now_ms: int) -> ExperimentAnswer:
    """Let listeners into a draft; one that runs stays as it is.

    Raises:
        ProblemError: 404 where there is none, 409 where it is over or not what was read, 422 with
            everything that is in the way.
    """
    with _refusals(key):
        known = metric_names(context.experiments.metrics)
        grounds = Grounds(context.feed, known, context.workspace.artifacts.manifest)
        said = Said(who, now_ms, asked.why)
        return ExperimentAnswer.of(
            _desk(context).start(key, said, grounds=grounds, revision=asked.revision)
        )


def stop(context: Context, key: str, asked: Decision, who: str, now_ms: int) -> ExperimentAnswer:
    """End an experiment; one that is stopped stays as it is.

    Raises:
        ProblemError: 404 where there is none, 409 where it does not run or is not what was read.
    """
    with _refusals(key):
        said = Said(who, now_ms, asked.why)
        return ExperimentAnswer.of(_desk(context).stop(key, said, revision=asked.revision))


def archive(context: Context, key: str, asked: Archival, who: str, now_ms: int) -> ExperimentAnswer:
    """Put away a draft or what was stopped; one that is archived stays as it is.

    Raises:
        ProblemError: 404 where there is none, 409 where it runs or is not what was read.
    """
    with _refusals(key):
        said = Said(who, now_ms, asked.why)
        return ExperimentAnswer.of(_desk(context).archive(key, said, revision=asked.revision))


def _desk(context: Context) -> ExperimentDesk:
    return ExperimentDesk(context.workspace.database, context.experiments.frame())


@contextmanager
def _refusals(key: str) -> Iterator[None]:
    with refusals("experiment", key, listed_at=PATH, field="spec"):
        try:
            yield
        except ExperimentError as error:
            lines = [line.strip() for line in str(error).splitlines()]
            faults = [FieldFault(field="spec", message=line) for line in lines[1:] or lines]
            raise ProblemError(422, "experiment-refused", str(error), errors=faults) from None
