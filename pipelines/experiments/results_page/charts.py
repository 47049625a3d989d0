"""The effect by day since exposure as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.experiments.analysis.figures import NoveltyRow, Span
from pipelines.judgement_page.charts import Frame, whisker
from ranking.evaluation.intervals import Estimate


def novelty_chart(rows: Sequence[NoveltyRow], title: str) -> str:
    """Return the effect of each day with its interval as a band, and a line at 0.

    Args:
        rows: Days of one metric and variation; relative effects where every day has one.
        title: What it shows, for those who do not see it.
    """
    spans = spans_of(rows)
    ends = [end for span in spans for end in (span.low, span.high) if end is not None]
    days = [row.day for row in rows]
    frame = Frame(min(days), max(days), min([0.0, *ends]), max([0.0, *ends]))
    known = [
        (float(day), span, span.low, span.high)
        for day, span in zip(days, spans, strict=True)
        if span.low is not None and span.high is not None
    ]
    upper = [(day, high) for day, _, _, high in known]
    lower = [(day, low) for day, _, low, _ in reversed(known)]
    middle = [(day, span.estimate) for day, span, _, _ in known]
    inner = frame.area([*upper, *lower])
    inner += frame.line([(min(days), 0.0), (max(days), 0.0)], "zero")
    inner += frame.line(middle, "curve") + "".join(frame.dot(x, y, 2.5) for x, y in middle)
    unit = "relative effect" if is_relative(rows) else "difference"
    return frame.svg(inner, "days since exposure", unit, title)


def is_relative(rows: Sequence[NoveltyRow]) -> bool:
    """Return whether every day has a relative effect."""
    return all(row.relative is not None for row in rows)


def spans_of(rows: Sequence[NoveltyRow]) -> list[Span]:
    """Return what the chart shows of each day."""
    relative = is_relative(rows)
    return [row.relative if relative and row.relative else row.difference for row in rows]


def span_whisker(span: Span | None, scale: float) -> str:
    """Return an effect on a scale around 0; "" where it is not bounded.

    Args:
        span: The effect.
        scale: The larger end of the scale, either way.
    """
    if span is None or span.low is None or span.high is None:
        return ""
    return whisker(
        Estimate(mean=span.estimate, low=span.low, high=span.high), -scale, scale, zero=0.0
    )


def scale_of(spans: Sequence[Span | None]) -> float:
    """Return the end of a scale around 0 that holds every interval."""
    ends = [abs(end) for s in spans if s for end in (s.low, s.high) if end is not None]
    return max([1e-9, *ends]) * 1.05
