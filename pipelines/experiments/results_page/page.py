"""Writing the page: one HTML file that needs nothing else, and its values as JSON beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.experiments.analysis.figures import MetricRow, NoveltyRow, SegmentRow, Span
from pipelines.experiments.analysis.report import AnalysisReport
from pipelines.experiments.results_page.charts import (
    is_relative,
    novelty_chart,
    scale_of,
    span_whisker,
    spans_of,
)
from pipelines.judgement_page import page as judgement
from pipelines.judgement_page.page import PAGE, VALUES, prepare_folder

TEMPLATE = "page.html.j2"
STYLE = Path(judgement.__file__).parent  # one style for every page
FOLDERS = (Path(__file__).parent, STYLE)
ROLES = {"goal": "Goals", "guardrail": "Guardrails", "watched": "Watched"}


def write_page(report: AnalysisReport, folder: Path) -> None:
    """Write `index.html` and `report.json` into a folder, which is made where it is new.

    Raises:
        ConfigError: If the folder cannot be made or written to.
    """
    prepare_folder(folder)
    (folder / VALUES).write_text(report.model_dump_json(indent=1), encoding="utf-8")
    (folder / PAGE).write_text(render_page(report), encoding="utf-8")


def render_page(report: AnalysisReport) -> str:
    """Return the page; every word of the data is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(FOLDERS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def safe(draw: Any) -> Any:  # charts escape what they write
        return lambda *given: Markup(draw(*given))  # noqa: S704

    environment.filters |= {
        "words": lambda name: str(name).replace("_", " "), "count": lambda n: f"{n:,}",
        "span": _span, "share": _share, "figure": lambda value: f"{value:.4g}", "p": _p_value,
    }  # fmt: skip
    environment.globals |= {"whisker": safe(span_whisker), "novelty_chart": safe(novelty_chart)}
    return environment.get_template(TEMPLATE).render(
        report=report,
        asked=datetime.fromtimestamp(report.at / 1000, UTC),
        groups=_groups(report.metrics),
        scale=scale_of([row.relative for row in report.metrics]),
        segments=_segments(report.segments),
        segment_scale=scale_of([row.relative for row in report.segments]),
        novelty=_novelty(report.novelty),
        worst=_worst([decision.verdict for decision in report.decisions]),
    )


def _groups(rows: Sequence[MetricRow]) -> list[tuple[str, list[MetricRow]]]:
    """Return the metrics of each role that has any."""
    found = [(title, [row for row in rows if row.role == role]) for role, title in ROLES.items()]
    return [(title, own) for title, own in found if own]


def _segments(rows: Sequence[SegmentRow]) -> list[tuple[str, list[SegmentRow]]]:
    found: dict[str, list[SegmentRow]] = {}
    for row in rows:
        found.setdefault(row.family, []).append(row)
    return list(found.items())


def _novelty(rows: Sequence[NoveltyRow]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], list[NoveltyRow]] = {}
    for row in rows:
        found.setdefault((row.metric, row.variation), []).append(row)
    return [
        {
            "metric": metric,
            "variation": variation,
            "is_relative": is_relative(own),
            "title": f"Effect of {variation} on {metric} by day since exposure",
            "rows": own,
            "days": list(zip(own, spans_of(own), strict=True)),
        }
        for (metric, variation), own in found.items()
    ]


def _worst(verdicts: Sequence[str]) -> str:
    """Return the class of the headline: one variation to ship is the news."""
    return next((name for name in ("ship", "stop", "hold") if name in verdicts), "hold")


def _span(span: Span | None) -> str:
    if span is None:
        return "-"
    if span.low is None or span.high is None:
        return f"{span.estimate:+.4g} [not bounded]"
    return f"{span.estimate:+.4g} [{span.low:+.4g}, {span.high:+.4g}]"


def _share(span: Span | None) -> str:
    if span is None or span.low is None or span.high is None:
        return "-"
    return f"{100 * span.estimate:+.2f} % [{100 * span.low:+.2f}, {100 * span.high:+.2f}]"


def _p_value(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"
