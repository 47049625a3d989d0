"""Analyses an experiment: from the warehouse, or from aggregates that came from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from core.tables import EVENTS
from core.warehouse import Warehouse
from pipelines.experiments.analysis.conclusions import Conclusions, conclude
from pipelines.experiments.analysis.figures import ListenersRow, NoveltyRow, OverlapRow
from pipelines.experiments.analysis.interactions import Interactions, interactions, overlaps
from pipelines.experiments.analysis.looks import looks_at
from pipelines.experiments.analysis.novelty import novelty
from pipelines.experiments.analysis.report import AnalysisReport, SampleRatioRow
from pipelines.experiments.configuration import AnalysisConfig
from pipelines.experiments.measuring.amounts import DAY_MS
from pipelines.experiments.measuring.cells import aggregate_cells
from pipelines.experiments.measuring.days import aggregate_days
from pipelines.experiments.measuring.listeners import Admission, admit
from pipelines.experiments.measuring.metric_file import chosen_metrics, read_metrics
from pipelines.experiments.measuring.metrics import Metric
from pipelines.experiments.measuring.opening import machines_of, open_for_analysis
from pipelines.experiments.measuring.segments import (
    listening_segments,
    other_experiments,
    told_segments,
)
from pipelines.experiments.measuring.values import Values
from pipelines.experiments.question import Question
from pipelines.experiments.statistics.aggregate_file import ExperimentAggregates
from pipelines.job import Progress
from pipelines.traffic import TrafficConfig


@dataclass(frozen=True)
class Asked:
    """What an analysis of the warehouse is asked for."""

    question: Question
    now_ms: int
    """When it is asked, UTC milliseconds; nothing later counts."""
    triggered: bool = False
    """Only listeners with a page that differs."""
    segments: Path | None = None
    """A file of listeners to cut by."""
    brief: bool = False
    """Without segments, other experiments and novelty."""

    @property
    def until_ms(self) -> int:
        """Until when everything counts."""
        end_ms = self.question.end_ms
        return self.now_ms if end_ms is None else min(self.now_ms, end_ms)


@dataclass(frozen=True)
class Analysis:
    """A report, and the sums it was made of."""

    report: AnalysisReport
    aggregates: ExperimentAggregates


def analyse_warehouse(
    warehouse: Warehouse,
    asked: Asked,
    config: AnalysisConfig,
    traffic: TrafficConfig,
    progress: Progress,
) -> Analysis:
    """Measure every exposed listener, aggregate and conclude.

    Args:
        warehouse: Holds exposures, events, impressions and tracks.
        asked: The experiment, and how far to go.
        config: Metrics and limits.
        traffic: Which listeners are machines.
        progress: Shows that it moves.

    Raises:
        ExperimentError: Nobody was exposed, or metrics are not declared.
    """
    question, until_ms = asked.question, asked.until_ms
    declared = read_metrics(config.metrics)
    names = question.metrics or tuple(declared)
    metrics = chosen_metrics(declared, names)
    before = max([config.known_days, *(metric.pre_days for metric in metrics.values())])
    step = iter(progress.track(STEPS, "analyse", len(STEPS)))
    next(step)
    with open_for_analysis(warehouse, config.memory_gb) as connection:
        since_ms = max(0, _first_exposure(connection, question) - round(before * DAY_MS))
        machines = machines_of(warehouse, since_ms, until_ms, traffic)
        next(step)
        admission = admit(connection, question, until_ms, machines, triggered=asked.triggered)
        next(step)
        values = Values(connection, admission.arrivals, metrics)
        next(step)
        aggregates = aggregate(values, question)
        looks = question.looks or looks_at(admission.arrivals, question.look_times_ms)
        found = conclude(aggregates, question, metrics, now_ms=asked.now_ms, looks=looks)
        next(step)
        parts = _Parts() if asked.brief else _parts(connection, values, asked, config)
    list(step)
    notes = [*found.notes, *_lag(warehouse, until_ms)]
    report = _report(question, asked.now_ms, found, parts, notes, admission, asked.triggered)
    return Analysis(report, aggregates)


STEPS = ("machines", "listeners", "metrics", "comparison", "segments")


def analyse_aggregates(
    given: ExperimentAggregates, question: Question, declared: Mapping[str, Metric], now_ms: int
) -> AnalysisReport:
    """Conclude from aggregates that were computed elsewhere.

    Raises:
        ExperimentError: The aggregates do not fit the question.
    """
    found = conclude(given, question, declared, now_ms=now_ms, looks=question.looks)
    return _report(question, now_ms, found, _Parts(), found.notes, None, is_triggered=False)


def question_of_aggregates(key: str, given: ExperimentAggregates) -> Question:
    """Return what can be asked of aggregates alone: every metric is shown, none decides."""
    every = dict.fromkeys((*given.listeners, *(v for of in given.metrics.values() for v in of)))
    variations = (given.control, *(name for name in every if name != given.control))
    weights = tuple(given.weights.get(name, 0.0) for name in variations) if given.weights else ()
    return Question(key=key, variations=variations, weights=weights, secondary=tuple(given.metrics))


def aggregate(values: Values, question: Question) -> ExperimentAggregates:
    """Aggregate every metric by variation; a variation where no window is over is left out."""
    metrics = {}
    for name in values.metrics:
        found = aggregate_cells(values.columns(name), values.arrivals.arm, len(question.variations))
        of = {
            key: one for key, one in zip(question.variations, found, strict=True) if one is not None
        }
        if question.control in of:
            metrics[name] = of
    return ExperimentAggregates(
        control=question.control,
        metrics=metrics,
        listeners=values.arrivals.counts(question.variations),
        weights=question.shares,
    )


NOTHING = Interactions([], [])


@dataclass(frozen=True)
class _Parts:
    """What explores and decides nothing."""

    within: Interactions = NOTHING
    across: Interactions = NOTHING
    overlaps: tuple[OverlapRow, ...] = ()
    novelty: tuple[NoveltyRow, ...] = ()


def _parts(
    connection: duckdb.DuckDBPyConnection, values: Values, asked: Asked, config: AnalysisConfig
) -> _Parts:
    question, arrivals = asked.question, values.arrivals
    goals = question.primary or question.metrics[:1]
    names = (*goals, *question.guardrails)
    families = listening_segments(connection, arrivals, config.known_days)
    if asked.segments is not None:
        families += told_segments(asked.segments, arrivals)
    others = other_experiments(connection, arrivals, question.key, question.start_ms)
    least = config.min_segment_listeners
    by_day: list[NoveltyRow] = []
    for name in goals:
        days = aggregate_days(connection, arrivals, values.metrics[name], len(question.variations))
        by_day += novelty(name, days, question)
    return _Parts(
        within=interactions(values, question, families, names, min_listeners=least),
        across=interactions(values, question, others, goals, min_listeners=least),
        overlaps=tuple(overlaps(values, question, others)),
        novelty=tuple(by_day),
    )


def _first_exposure(connection: duckdb.DuckDBPyConnection, question: Question) -> int:
    query = (
        'SELECT min(epoch_ms("at")) FROM exposures WHERE experiment = $key '
        'AND "at" >= to_timestamp($start_ms / 1000)'
    )
    values = {"key": question.key, "start_ms": question.start_ms}
    found = connection.execute(query, values).fetchone()
    return int(found[0]) if found and found[0] is not None else 0


def _lag(warehouse: Warehouse, until_ms: int) -> list[str]:
    """Say so where the warehouse does not reach to the moment that is asked for."""
    latest = warehouse.scan(EVENTS).select("at").max().collect().item()
    if latest is None or until_ms - latest.timestamp() * 1000 <= DAY_MS:
        return []
    asked = datetime.fromtimestamp(until_ms / 1000, UTC)
    note = (
        f"The warehouse's last event is of {latest:%Y-%m-%d %H:%M}, more than a day before "
        f"{asked:%Y-%m-%d %H:%M}: run `segue compact` before reading this."
    )
    return [note]


def _report(
    question: Question,
    now_ms: int,
    found: Conclusions,
    parts: _Parts,
    notes: list[str],
    admission: Admission | None,
    is_triggered: bool,
) -> AnalysisReport:
    ratio = found.sample_ratio
    return AnalysisReport(
        key=question.key,
        at=now_ms,
        control=question.control,
        method=question.method,
        alpha=question.alpha,
        correction=question.correction,
        is_complete=found.is_complete,
        is_triggered=is_triggered,
        decisions=found.decisions,
        listeners=[
            ListenersRow(variation=name, listeners=count, expected=ratio.expected[name])
            for name, count in ratio.counts.items()
        ],
        sample_ratio=SampleRatioRow(
            p_value=ratio.p_value, fixed_p_value=ratio.fixed_p_value, is_broken=ratio.is_broken
        ),
        excluded=admission.excluded if admission else None,
        triggers=admission.triggers if admission else [],
        metrics=found.rows,
        segments=parts.within.segments,
        interactions=parts.within.checks,
        overlaps=list(parts.overlaps),
        overlap_interactions=parts.across.checks,
        novelty=list(parts.novelty),
        notes=notes,
    )
