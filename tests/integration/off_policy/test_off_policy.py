"""Another feed judged by logged pages: right where the log can speak, silent where it cannot."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
import structlog

from core.errors import ConfigError, DataError
from core.events import Action
from core.schema import tracks
from core.workspace import Workspace, open_workspace
from pipelines import cli
from pipelines.job import Silent
from pipelines.off_policy import run
from pipelines.off_policy.configuration import OffPolicyConfig
from pipelines.off_policy.logs import UNKNOWN_TRACK
from pipelines.off_policy.replay import NO_SUCH_FEATURES, NOT_MADE_AGAIN
from pipelines.off_policy.report import OffPolicyReport, OffPolicyRow
from pipelines.off_policy.run import Against, evaluate_off_policy
from ranking.assembly import FeedConfig
from ranking.catalogue import Origin
from ranking.loading import load_catalogue
from ranking.model import FeatureMatrix, Floats, Page
from ranking.policies.fresh import FreshSlotsConfig
from ranking.policies.page import PageConfig
from ranking.supply.holdout import GeneratedConfig, held_out
from tests.support.served_pages import Served, serve_pages

LISTENERS, EACH = 45, 4
CONFIG = OffPolicyConfig(samples=1, trees=10, pages=40)
MILD = 1.5  # temperature of the draws that are logged; at 1 they would be Thompson's
EAGER, EVEN = 0.5, 12.0


def feed(temperature: float = MILD, share: float = 0.1, **page: Any) -> FeedConfig:
    """Return settings; of five slots one is fresh, or two where the share is 0.4."""
    fresh = FreshSlotsConfig(share=share, one_from=5, temperature=temperature)
    nobody = GeneratedConfig(holdout_share=0)
    return FeedConfig(page=PageConfig(fresh=fresh, **page), generated=nobody)


def fresh_scores(page: Page) -> np.ndarray:
    """Return (k,) the fresh source's score of each slot's track, NaN where it offered none."""
    found = page.trace.candidates
    scores = found.source_scores[:, found.sources.index("fresh")]
    return scores[[int(np.flatnonzero(found.rows == row)[0]) for row in page.feed.rows]]


def finished_by_taste(page: Page) -> np.ndarray:
    """Return chances: tracks near the taste are finished, in fresh slots; the others are alike."""
    return np.nan_to_num(worth(fresh_scores(page)), nan=0.3)


def worth(taste: np.ndarray) -> np.ndarray:
    return np.clip(1.4 + 0.55 * taste, 0.02, 0.98)  # of the logarithm of a probability


class Log:
    """A data folder with logged pages, and what is true of them."""

    def __init__(self, root: Path, served: Served) -> None:
        self.root, self.served = root, served

    @property
    def finishes(self) -> np.ndarray:
        return np.array([finished.sum() for finished in self.served.finished])

    def truth(self, temperature: float) -> float:
        """Return what the one fresh slot earns on average, drawn at a temperature."""
        values = []
        for page in self.served.pages:
            found = page.trace.candidates
            scores = found.source_scores[:, found.sources.index("fresh")].astype(float)
            scores = scores[~np.isnan(scores)]
            chances = np.exp((scores - scores.max()) / temperature)
            values.append(chances / chances.sum() @ worth(scores))
        return float(np.mean(values))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    root = tmp_path_factory.mktemp("served") / "data"
    return Log(root, serve_pages(root, feed(), finished_by_taste, listeners=LISTENERS, each=EACH))


@pytest.fixture
def workspace(log: Log) -> Iterator[Workspace]:
    with open_workspace(log.root) as opened:
        yield opened


def judged(
    workspace: Workspace, target: FeedConfig, served: FeedConfig | None = None, **more: Any
) -> OffPolicyReport:
    return evaluate_off_policy(
        workspace,
        Against("target", target, more.pop("ranker", "")),
        variant=more.pop("variant", None),
        config=CONFIG.model_copy(update=more),
        feed=served or feed(),
        progress=Silent(),
    )


def fresh(report: OffPolicyReport, name: str) -> OffPolicyRow:
    return next(row for row in report.fresh_slots if row.estimator == name)


def page(report: OffPolicyReport, name: str) -> OffPolicyRow:
    return next(row for row in report.whole_pages if row.estimator == name)


@pytest.fixture(scope="module")
def reports(log: Log) -> dict[float, OffPolicyReport]:
    """Return how draws at other temperatures are judged by the whole log."""
    with open_workspace(log.root) as opened:
        return {one: judged(opened, feed(one), pages=10_000) for one in (MILD, EAGER, EVEN)}


def test_the_feed_that_served_earns_what_it_earned(
    reports: dict[float, OffPolicyReport], log: Log
) -> None:
    report = reports[MILD]
    assert (report.pages, report.listeners) == (LISTENERS * EACH, LISTENERS)
    assert report.left_out == {}
    assert report.same_slots == 1
    assert report.logged_per_page.mean == pytest.approx(log.finishes.mean())
    in_fresh = [
        finished[page.feed.is_fresh].mean()
        for page, finished in zip(log.served.pages, log.served.finished, strict=True)
    ]
    assert report.logged_per_fresh_slot is not None
    assert report.logged_per_fresh_slot.mean == pytest.approx(np.mean(in_fresh))
    for row in (*report.fresh_slots, *report.whole_pages):
        assert row.unsupported == 0
        assert row.max_weight == row.mean_weight == 1
        assert row.effective_size == pytest.approx(row.rows)
        model = row.estimator in {"dm", "page_dm"}
        assert row.verdict == ("model alone" if model else "unclear")
    for name in ("ips", "clipped_ips", "snips"):
        assert fresh(report, name).value == report.logged_per_fresh_slot
    for name in ("page_ips", "rips", "snrips", "iips", "sniips", "clipped_rips"):
        assert page(report, name).value.mean == pytest.approx(log.finishes.mean(), abs=1e-12)
    # The model's view of the drawn pages is another one than of the logged ones, on average alike.
    for name in ("dr", "sndr"):
        row = fresh(report, name)
        assert row.value.low < report.logged_per_fresh_slot.mean < row.value.high
    assert page(report, "cascade_dr").value.low < log.finishes.mean()
    assert page(report, "cascade_dr").value.high > log.finishes.mean()


def test_a_better_and_a_worse_exploration_are_told_apart(
    reports: dict[float, OffPolicyReport],
) -> None:
    """Drawing more by taste finds what is finished; drawing evenly does not."""
    for name in ("snips", "dr", "sndr", "clipped_dr"):  # IPS alone is too wide here
        assert fresh(reports[EAGER], name).effective_size > 100
        assert fresh(reports[EAGER], name).verdict == "better", name
        assert fresh(reports[EVEN], name).verdict == "worse", name
    for report in (reports[EAGER], reports[EVEN]):
        assert report.same_slots == 1  # creators of trial tracks do not move the other slots
        assert page(report, "rips").unsupported == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("temperature", [EAGER, EVEN])
def test_the_truth_lies_in_the_intervals(
    reports: dict[float, OffPolicyReport], log: Log, temperature: float
) -> None:
    """With one fresh slot a page, what it would earn is a softmax away."""
    report, truth = reports[temperature], log.truth(temperature)
    for name in ("ips", "snips", "dr", "sndr"):
        row = fresh(report, name)
        assert row.value.low < truth < row.value.high, name
    ordinary = 4 * 0.3
    for name in ("page_ips", "rips", "snrips", "iips", "sniips", "cascade_dr"):
        row = page(report, name)
        assert row.value.low < truth + ordinary < row.value.high, name
    # The question is not trivial: what these draws would earn is another figure.
    assert abs(truth - log.truth(MILD)) > 0.05


def test_two_draws_of_a_page_are_weighed_one_after_the_other(tmp_path: Path) -> None:
    root, two = tmp_path / "data", feed(share=0.4)
    served = serve_pages(root, two, finished_by_taste, listeners=8, each=4, seed=8)
    with open_workspace(root) as opened:
        same, fewer = (judged(opened, one, two) for one in (two, feed()))
    assert same.left_out == {}
    in_fresh = [
        finished[page.feed.is_fresh]
        for page, finished in zip(served.pages, served.finished, strict=True)
    ]
    assert fresh(same, "ips").rows == 2 * len(served.pages)
    assert fresh(same, "ips").value.mean == pytest.approx(np.mean(in_fresh))
    assert fresh(same, "ips").max_weight == 1
    # One fresh slot instead of two stands elsewhere on the page: the log says nothing of it.
    assert fresh(fewer, "ips").unsupported == 1
    assert fresh(fewer, "ips").effective_size == 0
    assert fresh(fewer, "ips").verdict == "insufficient overlap"
    assert page(fewer, "page_ips").unsupported == 1


class Upside:
    """A ranker that wants what few sources offer: the other way round than the log."""

    feature_names = ("offers",)

    def score(self, features: FeatureMatrix) -> Floats:
        return -features.values[:, features.names.index("offers")]


class Stranger(Upside):
    feature_names = ("offers", "never_logged")


def test_another_ranker_shows_what_the_log_never_showed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "load_ranker", lambda *_: Upside())
    report = judged(workspace, feed(), ranker="v1", pages=110)
    assert report.same_slots < 0.3
    for row in report.whole_pages:
        assert row.unsupported > 0.7
        assert row.verdict in {"insufficient overlap", "unclear", "model alone"}
        assert np.isfinite(row.value.mean) or row.estimator in {"snrips", "sniips"}
    assert page(report, "page_ips").verdict == "insufficient overlap"
    # Who is drawn does not depend on the ranker: of fresh slots the log can speak.
    assert fresh(report, "snips").effective_size > 100
    assert fresh(report, "snips").unsupported < 0.05
    json.dumps(report.document(), allow_nan=False)


def test_a_feed_without_fresh_slots_has_none_to_judge(workspace: Workspace) -> None:
    none = judged(workspace, feed(share=0))
    assert none.fresh_slots == ()
    assert none.logged_per_fresh_slot is None


def test_spacing_that_forbids_a_logged_draw_is_weighed_by_zero(workspace: Workspace) -> None:
    report = judged(workspace, feed(creator_gap=12), pages=180)
    row = fresh(report, "ips")
    assert row.unsupported < 0.05  # it draws fewer tracks, never other ones
    assert row.mean_weight == pytest.approx(1, abs=0.1)
    assert page(report, "rips").unsupported > 0.05


def test_pages_that_are_not_made_again_are_left_out_and_counted(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match=r"none of the 180 pages.*not make the page again \(40\)"):
        judged(workspace, feed(), served=feed(0.6))
    mixed = judged(workspace, feed(), served=feed(diversity=0.12))
    assert 0 < mixed.left_out[NOT_MADE_AGAIN] < 40
    assert mixed.pages + mixed.left_out[NOT_MADE_AGAIN] == 40
    monkeypatch.setattr(run, "load_ranker", lambda *_: Stranger())
    with pytest.raises(DataError, match=NO_SUCH_FEATURES):
        judged(workspace, feed(), ranker="v1")


def test_a_sample_of_pages_and_another_action(workspace: Workspace) -> None:
    some, again = (judged(workspace, feed(EAGER), pages=30) for _ in range(2))
    assert some.pages == 30
    assert some == again
    skipped = judged(workspace, feed(), pages=10, action=Action.SKIP)
    assert skipped.logged_per_page.mean == 0


def test_settings_that_find_other_candidates_are_refused(workspace: Workspace) -> None:
    other = feed()
    fewer = other.model_copy(update={"popular": other.popular.model_copy(update={"limit": 7})})
    with pytest.raises(ConfigError, match=r"\[feed\.popular\] differ"):
        judged(workspace, fewer)


def test_pages_of_held_out_and_of_capped_listeners_are_made_again(tmp_path: Path) -> None:
    """Who is held out shows in the logged candidates, and what was shown lately in the log."""
    root = tmp_path / "data"
    caps = {"generated_share": 1.0, "generated_listener_share": 0.4}
    serving = feed(**caps).model_copy(update={"generated": GeneratedConfig(holdout_share=0.3)})
    served = serve_pages(root, serving, finished_by_taste, listeners=12, each=4)
    with open_workspace(root) as opened:
        with opened.database.read() as connection:
            generated = load_catalogue(connection).origins == Origin.GENERATED
        report = judged(opened, serving, serving)
        blind = feed(**{**caps, "generated_listener_share": 1.0})
        assert judged(opened, blind, blind).left_out[NOT_MADE_AGAIN] > 0
    assert report.left_out == {}
    assert report.same_slots == 1
    shown = [generated[one.feed.rows].sum() for one in served.pages]
    users = [one.listener.user_id for one in served.queries]
    out = [held_out(user, serving.generated) for user in users]
    assert 0 < sum(out) < len(out)
    assert max(np.compress(out, shown)) == 0
    assert max(shown) > 1


def test_a_track_that_left_takes_its_pages_with_it(log: Log, tmp_path: Path) -> None:
    root = shutil.copytree(log.root, tmp_path / "data")
    with open_workspace(root) as opened:
        with opened.database.write() as connection:
            connection.execute(sa.delete(tracks).where(tracks.c.track_id == "t000"))
        with pytest.raises(DataError, match=UNKNOWN_TRACK):  # it was everybody's candidate
            judged(opened, feed())


def test_an_empty_log_says_what_to_do(tmp_path: Path) -> None:
    with open_workspace(tmp_path) as opened, pytest.raises(DataError, match="segue compact"):
        judged(opened, feed())


@pytest.fixture
def call(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Any]:
    monkeypatch.chdir(tmp_path)
    served = tmp_path / "served.toml"
    served.write_text(toml(MILD) + "[evaluate.off_policy]\nsamples = 1\ntrees = 5\n")
    base = ("--data", str(log.root), "--config", str(served), "evaluate", "off-policy")

    def called(*words: str) -> tuple[int, Any]:
        code = cli.run([*base, *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    yield called
    structlog.reset_defaults()


def toml(temperature: float) -> str:
    return f"[feed.page.fresh]\nshare = 0.1\none_from = 5\ntemperature = {temperature}\n"


def test_the_command_judges_a_settings_file(call: Any, tmp_path: Path) -> None:
    (tmp_path / "eager.toml").write_text(toml(EAGER))
    code, report = call("--against", "eager.toml", "--clip", "2")
    assert code == 0
    assert report["against"] == "eager.toml"
    assert report["variant"] == "engine"
    assert report["pages"] == LISTENERS * EACH
    rows = {row["estimator"]: row for row in report["fresh_slots"]}
    assert rows["snips"]["verdict"] == "better"
    assert rows["clipped_ips"]["clip"] == 2
    assert rows["ips"]["clip"] is None
    assert set(rows["ips"]["value"]) == {"mean", "low", "high"}


def test_the_command_names_what_it_cannot_find(call: Any) -> None:
    code, found = call("--against", "20300101T000000-nothing")
    assert code == 2
    assert found["error"]["kind"] == "wrong_call"
    code, found = call("--variant", "nobody")
    assert code == 2
    assert "'engine' (180 pages)" in found["error"]["message"]
    code, _ = call("--action", "whistle")
    assert code == 2
