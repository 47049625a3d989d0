"""The page of an evaluation: whole, alone, true to its values, and deaf to what titles say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from core.schema import tracks
from core.workspace import Workspace, open_workspace
from embeddings.audio.configuration import AudioConfig
from embeddings.collaborative.factors import AlsConfig
from pipelines.evaluate import EvaluationReport, evaluate
from pipelines.evaluation.configuration import EvaluateConfig
from pipelines.fitting import FactorsConfig
from pipelines.job import Silent
from pipelines.judgement_page.collecting import PageCollector
from pipelines.judgement_page.document import JudgementDocument
from pipelines.judgement_page.live import LiveRanker
from pipelines.judgement_page.page import write_page
from pipelines.promotion import promote
from pipelines.ranker_training.train_ranker import RankerTrainingConfig
from pipelines.train import TrainConfig, train
from ranking.assembly import FeedConfig
from ranking.model import FeatureMatrix
from ranking.rankers.fusion import FusionRanker
from ranking.rankers.head_training import HeadsConfig
from ranking.rankers.outcomes import DEFAULT_HEADS
from ranking.rankers.training import RankerConfig
from tests.support.histories import START_MS, add_pages, add_tracks

EVIL = '<script>alert(\'x\')</script><img src="http://evil.example/x.png"> & "more"'
FACTORS = FactorsConfig(als=AlsConfig(dim=4, iterations=4, regularization=1.0, num_threads=1))
TREES = RankerConfig(trees=12, leaves=4, min_leaf_rows=5, threads=1)
LAMBDARANK = RankerTrainingConfig(trees=TREES, windows=2, requests=120, negatives=20)
HEADS = LAMBDARANK.model_copy(
    update={
        "objective": "heads",
        "heads": HeadsConfig(heads=tuple(h for h in DEFAULT_HEADS if h.name in ("finish", "skip"))),
    }
)
SECTIONS = {"models", "segments", "sources", "calibration", "importance", "drift", "changes"}


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.text = text
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Pages of listeners with planted tastes, titles that attack, and a live lambdarank."""
    with open_workspace(tmp_path_factory.mktemp("page") / "data") as opened:
        ids = add_tracks(opened, 40)
        add_pages(opened, ids, listeners=40, days=10, slots=4, seed=2)
        with opened.database.write() as connection:
            connection.execute(sa.update(tracks).values(title=EVIL, artist=EVIL))
        config = TrainConfig(factors=FACTORS, ranker=LAMBDARANK)
        train(
            opened, AudioConfig(), config, FeedConfig(), only=["ranker"], seed=5,
            now_ms=START_MS, progress=Silent(),
        )  # fmt: skip
        promote(opened.artifacts, (), now_ms=START_MS, reason="first")
        yield opened


def judged(
    workspace: Workspace, training: RankerTrainingConfig, folder: Path
) -> tuple[EvaluationReport, JudgementDocument, Page]:
    collector = PageCollector(workspace, training, timed=True)
    report = evaluate(
        workspace,
        protocol="temporal",
        config=EvaluateConfig(seeds=1, held_days=3),
        factors=FACTORS,
        training=training,
        feed=FeedConfig(),
        progress=Silent(),
        observer=collector,
    )
    document = collector.document(report, START_MS)
    write_page(document, folder)
    return report, document, Page((folder / "index.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def made(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("report") / "new" / "folder"
    return (*judged(workspace, LAMBDARANK, folder), folder)


def assert_whole_and_alone(page: Page) -> None:
    assert {a["id"] for tag, a in page.tags if tag == "section"} == SECTIONS
    # Nothing is fetched: no script, no frame, no link but into the page, no address in a style.
    assert not {tag for tag, _ in page.tags} & {"script", "img", "link", "iframe", "object"}
    for _, attributes in page.tags:
        assert not {"src", "srcset", "data", "poster", "action"} & set(attributes)
        assert attributes.get("href", "#").startswith("#")
        assert not any(name.startswith("on") for name in attributes)
    style = page.text[page.text.index("<style>") : page.text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    # Titles are words on the page, whole, and nothing more.
    assert any(EVIL in word for word in page.words)
    assert "<script" not in page.text
    # Tables say what they are.
    assert sum(tag == "table" for tag, _ in page.tags) == sum(
        tag == "caption" for tag, _ in page.tags
    )
    charts = [attributes for tag, attributes in page.tags if tag == "svg"]
    spoken = [a for a in charts if a.get("role") == "img" and a.get("aria-label")]
    assert len(spoken) + sum(a.get("aria-hidden") == "true" for a in charts) == len(charts)


def test_the_page_is_whole_and_its_numbers_are_those_of_the_values(made: Any) -> None:
    report, document, page, folder = made
    assert_whole_and_alone(page)
    values = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert values == document.model_dump(mode="json")
    assert values["evaluation"] == report.model_dump(mode="json")
    shown = " ".join(page.words)
    assert values["objective"] == "lambdarank"
    against = values["evaluation"]["against_best"]
    assert f"{against['mean']:+.4f} [{against['low']:+.4f}, {against['high']:+.4f}]" in shown
    figures = [
        figure
        for result in values["evaluation"]["results"]
        for figure in result["metrics"].values()
        if figure["mean"] is not None
    ]
    figures += [one[name] for one in values["segments"] for name in ("ndcg", "recall")]
    assert len(figures) > 100
    for one in figures:
        low, high = (float("nan") if one[end] is None else one[end] for end in ("low", "high"))
        assert f"{one['mean']:.3f} [{low:.3f}, {high:.3f}]" in shown
    for one in values["sources"]:
        assert f"{100 * one['candidates']:.1f} %" in shown
    for one in values["live"]["drift"][:15]:
        assert f"{one['psi']:.3f}" in shown


def test_what_is_shown_adds_up(made: Any) -> None:
    report, document, _, _ = made
    by_source = {one.source: one for one in document.sources}
    assert set(by_source) == set(report.source_ms)
    assert all(0 <= one.unique <= one.hits <= 1 for one in document.sources)
    # Every candidate was offered by somebody, so shares cover everything.
    assert sum(one.candidates for one in document.sources) >= 1
    assert sum(one.unique for one in document.sources) <= 1
    # Segments of a family part the slots that are shown.
    for family in ("track age", "origin", "creator by plays"):
        shown = [
            one.shown
            for one in document.segments
            if (one.family, one.model) == (family, "two_stage")
        ]
        assert sum(shown) <= 1 + 1e-9
    (places,) = document.reliability
    assert places.kind == "place"
    # Planted tastes: the first tenth of the lists holds more than the last.
    assert places.bins[0].observed > places.bins[-1].observed
    (model,) = document.importance
    assert [one.shap for one in model.features] == sorted(
        (one.shap for one in model.features), reverse=True
    )
    assert len(model.dependence) == 6


def test_the_live_ranker_is_compared(workspace: Workspace, made: Any) -> None:
    _, document, page, _ = made
    live = workspace.artifacts.live()
    assert live is not None
    assert document.live.version == live.versions["ranker"]
    assert document.live.note is not None
    assert "saw the judged days" in document.live.note
    features = workspace.artifacts.manifest("ranker", live.versions["ranker"]).feature_names
    assert {one.feature for one in document.live.drift} == set(features)
    changed = document.live.changed
    assert len(changed) == 10
    assert [one.overlap for one in changed] == sorted(one.overlap for one in changed)
    assert all(0 <= one.overlap < 1 for one in changed)
    assert all(len(one.live) == len(one.judged) == 10 for one in changed)
    assert any(slot.hit for one in changed for slot in one.judged)
    assert sum(a.get("aria-label") == "chosen" for _, a in page.tags) == sum(
        slot.hit for one in changed for slot in (*one.live, *one.judged)
    )


def test_heads_show_whether_each_probability_holds(workspace: Workspace, tmp_path: Path) -> None:
    _, document, page = judged(workspace, HEADS, tmp_path)
    assert_whole_and_alone(page)
    assert document.objective == "heads"
    probabilities = {one.name: one for one in document.reliability if one.kind == "probability"}
    assert set(probabilities) == {"finish", "skip"}
    assert {one.model for one in document.importance} == {"finish", "skip"}
    # 4 slots a page, 40 listeners, 3 days; the last hour of the log is not yet known.
    assert 400 < probabilities["finish"].rows <= 480
    rates = [one.observed for one in probabilities["finish"].bins]
    rows = [one.rows for one in probabilities["finish"].bins]
    assert np.average(rates, weights=rows) == pytest.approx(0.4, abs=0.08)  # half times 0.8
    assert rates[-1] > rates[0] + 0.3
    # The live ranker orders and was grown on candidates: its profile says nothing of slots.
    assert document.live.drift == ()
    assert "other rows" in (document.live.note or "")
    assert len(document.live.changed) == 10


def test_without_a_live_ranker_the_page_says_so(
    workspace: Workspace, made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(workspace.artifacts), "live", lambda _: None)
    nothing = LiveRanker.open(workspace, None, timed=True)
    assert nothing.ranker is None
    alone = nothing.compared(FusionRanker(), FeatureMatrix((), np.empty((0, 0), np.float32)), ())
    write_page(made[1].model_copy(update={"live": alone}), tmp_path)
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert {a["id"] for tag, a in page.tags if tag == "section"} == SECTIONS
    assert re.search("No ranker is live", " ".join(page.words))
