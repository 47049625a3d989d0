"""Which parts are judged, which are passed over and why; what the document holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import ConfigError, DataError
from core.schema import tracks
from core.workspace import Workspace, open_workspace
from embeddings.audio.configuration import AudioConfig
from embeddings.fingerprints.duplicates import DuplicateConfig
from embeddings.vectors import TrackVectors
from pipelines.audio_evaluation import run
from pipelines.audio_evaluation.cold_start import ColdStartConfig
from pipelines.audio_evaluation.comparison import Outside
from pipelines.audio_evaluation.configuration import AudioEvaluationConfig
from pipelines.audio_evaluation.report import AudioEvaluationReport, retrieval_report
from pipelines.audio_evaluation.run import AudioJudgement, evaluate_audio
from pipelines.audio_evaluation.trials import FIGURES, Outcomes
from pipelines.fitting import FactorsConfig
from pipelines.job import Report, Silent
from tests.support.histories import add_plays, add_tracks, two_tastes


class _Small(Report):
    """A part's report."""

    figure: float = 0.5


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "data") as opened:
        yield opened


@pytest.fixture(autouse=True)
def _measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the comparison for done."""
    names = ("segue", "mfcc", "random", "chance")
    figures = {name: np.full((4, len(FIGURES)), 0.5) for name in names}
    report = retrieval_report(
        Outcomes(np.array([0, 0, 1, 1]), figures),
        label="artist",
        folds=2,
        seeds=1,
        recordings=4,
        unreadable=(),
        rng=np.random.default_rng(0),
    )
    monkeypatch.setattr(run, "_retrieval", lambda *_: report)


@pytest.fixture(autouse=True)
def copied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Record what is searched for duplicates, and take the search for done."""
    calls: list[tuple[Any, ...]] = []

    def searched(*given: Any, **_settings: Any) -> _Small:
        calls.append(given)
        return _Small()

    monkeypatch.setattr(run, "evaluate_duplicates", searched)
    return calls


def judged(workspace: Workspace, *only: str, outside: Outside | None = None) -> Any:
    asked = AudioJudgement(
        AudioEvaluationConfig(),
        AudioConfig(),
        FactorsConfig(),
        ColdStartConfig(seeds=1),
        DuplicateConfig(),
        outside=outside,
    )
    return evaluate_audio(workspace, asked, only, Silent())


def test_the_document_has_what_was_agreed(workspace: Workspace) -> None:
    document = judged(workspace, "retrieval").document()
    assert {"results", "cold_start", "duplicates"} <= set(document)
    for result in document["results"]:
        assert {"encoder", "map", "recall@10", "probe_accuracy"} <= set(result)
        for name, figure in result.items():
            assert name == "encoder" or figure == {"mean": 0.5, "low": 0.5, "high": 0.5}
    assert document["map_ratio_to_mfcc"]["mean"] == 1.0


def test_cold_starts_without_listening_are_passed_over_with_the_reason(
    workspace: Workspace,
) -> None:
    found = judged(workspace)
    assert found.cold_start is None
    assert "import events" in found.skipped["cold-start"]
    assert found.retrieval is not None


def test_what_was_asked_for_by_name_fails_instead(workspace: Workspace) -> None:
    with pytest.raises(DataError, match="import events"):
        judged(workspace, "cold-start")
    add_plays(workspace, two_tastes(add_tracks(workspace, 40), 30, 0.5, seed=1))
    with pytest.raises(DataError, match="with audio"):
        judged(workspace, "cold-start")


def test_duplicates_are_searched_in_the_catalogue_with_its_vectors(
    workspace: Workspace, copied: list[tuple[Any, ...]]
) -> None:
    ids = add_tracks(workspace, 3)
    with workspace.database.write() as connection:
        connection.execute(tracks.update().values(audio_path="x.ogg"))
    judged(workspace, "duplicates")
    assert copied[-1][:3] == ((workspace.audio / "x.ogg",) * 3, tuple(ids), None)
    vectors = TrackVectors(tuple(ids), np.eye(3, dtype=np.float32))
    workspace.artifacts.create("vectors", vectors.save, now_ms=1, config={}, inputs={})
    found = judged(workspace, "duplicates")
    assert copied[-1][2].track_ids == tuple(ids)
    assert found.document()["duplicates"] == {"figure": 0.5}


def test_without_recordings_duplicates_are_passed_over(workspace: Workspace) -> None:
    assert "import audio" in judged(workspace).skipped["duplicates"]


def test_cold_starts_are_judged_where_there_is_listening(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "evaluate_cold_start", lambda *_: _Small())
    add_plays(workspace, two_tastes(add_tracks(workspace, 10), 5, 0.5, seed=1))
    found = judged(workspace, "cold-start")
    assert found.retrieval is None
    assert found.document() == {
        "results": [],
        "cold_start": {"figure": 0.5},
        "duplicates": None,
        "skipped": {},
    }
    assert dict(found.parts()) == {"cold start": {"figure": 0.5}}


def test_nobody_has_played_what_is_outside(workspace: Workspace, tmp_path: Path) -> None:
    add_plays(workspace, two_tastes(add_tracks(workspace, 10), 5, 0.5, seed=1))
    with pytest.raises(DataError, match="leave out --from"):
        judged(workspace, "cold-start", outside=Outside(tmp_path, tmp_path / "x.csv"))


def test_an_unknown_part_is_refused_with_those_there_are(workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match="taste: parts are retrieval, cold-start, duplicates"):
        judged(workspace, "retrieval", "taste")


def test_people_see_the_parts_one_by_one() -> None:
    report = AudioEvaluationReport(
        retrieval=None, cold_start=_Small(), duplicates=_Small(), skipped={"retrieval": "why"}
    )
    assert [title for title, _ in report.parts()] == ["cold start", "duplicates", "skipped"]
