"""The effect by day since exposure: one that falls towards 0 was the charm of the new."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import ExperimentError
from pipelines.experiments.analysis.figures import NoveltyRow, Span
from pipelines.experiments.question import Question
from pipelines.experiments.statistics.aggregates import Aggregate
from pipelines.experiments.statistics.effects import fixed_horizon


def novelty(
    metric: str, days: Sequence[Sequence[Aggregate | None]], question: Question
) -> list[NoveltyRow]:
    """Compare each day since the exposure by itself, as at a fixed horizon.

    Args:
        metric: Its name.
        days: For each day the aggregates by variation, in the question's order.
        question: The experiment.

    Returns:
        Days on which control and variation have listeners enough for a variance.
    """
    rows = []
    for day, (control, *others) in enumerate(days):
        for variation, treatment in zip(question.variations[1:], others, strict=True):
            if control is None or treatment is None:
                continue
            try:
                effect = fixed_horizon(control, treatment, alpha=question.alpha)
            except ExperimentError:  # one listener, or nobody did what a ratio is divided by
                continue
            rows.append(
                NoveltyRow(
                    metric=metric,
                    variation=variation,
                    day=day,
                    listeners=effect.n,
                    difference=Span.of(effect.difference),
                    relative=None if effect.relative is None else Span.of(effect.relative),
                )
            )
    return rows
