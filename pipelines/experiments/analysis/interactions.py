"""Compares variations within segments, and asks whether the effect is the same in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import ExperimentError
from pipelines.experiments.analysis.figures import InteractionRow, OverlapRow, SegmentRow, Span
from pipelines.experiments.measuring.cells import aggregate_cells
from pipelines.experiments.measuring.segments import Segments
from pipelines.experiments.measuring.values import Values
from pipelines.experiments.question import Question
from pipelines.experiments.statistics.aggregates import Aggregate
from pipelines.experiments.statistics.contrasts import contrast
from pipelines.experiments.statistics.corrections import adjust
from pipelines.experiments.statistics.effects import fixed_horizon
from pipelines.experiments.statistics.heterogeneity import heterogeneity, independence

Arms = list[Aggregate | None]


@dataclass(frozen=True)
class Interactions:
    """Effects by segment, and where they differ."""

    segments: list[SegmentRow]
    checks: list[InteractionRow]


def interactions(
    values: Values,
    question: Question,
    families: Sequence[Segments],
    names: Sequence[str],
    *,
    min_listeners: int,
) -> Interactions:
    """Compare within segments, as at a fixed horizon; segments explore and decide nothing.

    Args:
        values: What listeners did.
        question: The experiment.
        families: Ways to cut them.
        names: Metrics that are compared.
        min_listeners: Segments with fewer in either variation are left out.
    """
    rows: list[SegmentRow] = []
    checks: list[InteractionRow] = []
    n_arms = len(question.variations)
    for name in names:
        columns = values.columns(name)
        for family in families:
            cells = np.where(family.codes < 0, -1, family.codes * n_arms + values.arrivals.arm)
            found = aggregate_cells(columns, cells, len(family.levels) * n_arms)
            by_level = [found[at : at + n_arms] for at in range(0, len(found), n_arms)]
            for arm, variation in enumerate(question.variations[1:], start=1):
                own, check = _compare(
                    family, by_level, arm, name, variation, question.alpha, min_listeners
                )
                rows += own
                checks += check
    adjusted = adjust([check.p_value for check in checks], "holm").tolist()
    corrected = [
        check.model_copy(update={"adjusted_p_value": p_value, "differs": p_value <= question.alpha})
        for check, p_value in zip(checks, adjusted, strict=True)
    ]
    return Interactions(rows, corrected)


def overlaps(values: Values, question: Question, others: Sequence[Segments]) -> list[OverlapRow]:
    """Say which other experiments listeners were in, and whether both splits are independent."""
    n_arms = len(question.variations)
    rows = []
    for other in others:
        inside = other.codes >= 0
        cells = other.codes[inside] * n_arms + values.arrivals.arm[inside]
        table = np.bincount(cells, minlength=len(other.levels) * n_arms).reshape(-1, n_arms)
        rows.append(
            OverlapRow(
                experiment=other.family,
                listeners=int(inside.sum()),
                independence_p_value=independence(table),
            )
        )
    return rows


def _compare(
    family: Segments,
    by_level: Sequence[Arms],
    arm: int,
    metric: str,
    variation: str,
    alpha: float,
    min_listeners: int,
) -> tuple[list[SegmentRow], list[InteractionRow]]:
    rows, differences, variances = [], [], []
    for level, arms in zip(family.levels, by_level, strict=True):
        control, treatment = arms[0], arms[arm]
        if control is None or treatment is None or min(control.n, treatment.n) < min_listeners:
            continue
        try:
            found, effect = (
                contrast(control, treatment),
                fixed_horizon(control, treatment, alpha=alpha),
            )
        except ExperimentError:  # nobody of the segment did what a ratio is divided by
            continue
        rows.append(
            SegmentRow(
                family=family.family,
                segment=level,
                metric=metric,
                variation=variation,
                listeners=found.n,
                difference=Span.of(effect.difference),
                relative=None if effect.relative is None else Span.of(effect.relative),
                p_value=effect.p_value,
            )
        )
        if found.variance > 0:
            differences.append(found.difference)
            variances.append(found.variance)
    if len(differences) < 2:
        return rows, []
    found_q = heterogeneity(differences, variances)
    check = InteractionRow(
        family=family.family,
        metric=metric,
        variation=variation,
        segments=len(differences),
        statistic=found_q.statistic,
        p_value=found_q.p_value,
        adjusted_p_value=found_q.p_value,
        differs=False,
    )
    return rows, [check]
