"""Writing the page: one HTML file that needs nothing else, and its values as JSON beside it."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any

from core.errors import ConfigError
from pipelines.evaluate import EvaluationReport
from pipelines.judgement_page.charts import bar, dependence_chart, reliability_chart, whisker
from pipelines.judgement_page.document import JudgementDocument
from ranking.evaluation.intervals import Estimate

PAGE, VALUES = "index.html", "report.json"
TEMPLATE = "page.html.j2"
DRIFTED = 0.25  # from here on a feature has moved much, from DRIFTING on somewhat
DRIFTING = 0.1
FEATURES_DRIFTED = 15  # listed; the JSON holds all


def prepare_folder(folder: Path) -> None:
    """Make the folder of a page, before the minutes it takes to judge.

    Raises:
        ConfigError: If it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / VALUES).touch()
    except OSError as error:
        raise ConfigError(
            f"the report cannot be written into {folder}: {error.strerror}; name another folder"
        ) from error


def write_page(document: JudgementDocument, folder: Path) -> None:
    """Write `index.html` and `report.json` into a folder, which is made where it is new.

    Raises:
        ConfigError: If the folder cannot be made or written to.
    """
    prepare_folder(folder)
    text = document.model_dump_json(indent=1)
    (folder / VALUES).write_text(text, encoding="utf-8")
    (folder / PAGE).write_text(render_page(document), encoding="utf-8")


def render_page(document: JudgementDocument) -> str:
    """Return the page; every word of the data is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def safe(draw: Any) -> Any:  # charts escape what they write
        return lambda *given: Markup(draw(*given))  # noqa: S704

    environment.filters |= {
        "interval": _interval, "figure": _figure, "signed": _signed, "percent": _percent,
        "words": lambda name: str(name).replace("_", " "), "drift": _drift_class,
    }  # fmt: skip
    environment.globals |= {
        "whisker": safe(whisker), "bar": safe(bar), "reliability_chart": safe(reliability_chart),
        "dependence_chart": safe(dependence_chart),
    }  # fmt: skip
    report = document.evaluation
    return environment.get_template(TEMPLATE).render(
        page=document,
        report=report,
        metrics=tuple(name for name in report.results[-1].metrics if name != "ndcg@10"),
        results=sorted(report.results, key=lambda one: -_known(one.metrics["ndcg@10"].mean)),
        scale=_scale([one.metrics["ndcg@10"] for one in report.results]),
        verdict=_verdict(report),
        drifted=document.live.drift[:FEATURES_DRIFTED],
        families=_families(document),
        segment_scale=_scale([one.ndcg for one in document.segments]),
        DRIFTED=DRIFTED,
    )


def _families(document: JudgementDocument) -> list[tuple[str, list[tuple[str, list[Any]]]]]:
    """Return family → segment → figures of each model, in the order they stand in."""
    found: dict[str, dict[str, list[Any]]] = {}
    for one in document.segments:
        found.setdefault(one.family, {}).setdefault(one.segment, []).append(one)
    return [(family, list(segments.items())) for family, segments in found.items()]


def _verdict(report: EvaluationReport) -> str:
    against = report.against_best
    if against.low > 0:
        return "beats"
    return "falls behind" if against.high < 0 else "cannot be told from"


def _scale(figures: Sequence[Estimate]) -> tuple[float, float]:
    """Return from 0 to a little beyond the largest upper end."""
    return 0.0, 1.05 * max([1e-6, *(_known(one.high) for one in figures)])


def _known(value: float) -> float:
    return 0.0 if isnan(value) else value


def _interval(found: Estimate) -> str:
    if isnan(found.mean):
        return "-"
    return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _figure(value: float | None) -> str:
    return "-" if value is None or isnan(value) else f"{value:.3f}"


def _signed(found: Estimate) -> str:
    return f"{found.mean:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _drift_class(psi: float) -> str:
    return "much" if psi > DRIFTED else "some" if psi > DRIFTING else "little"
