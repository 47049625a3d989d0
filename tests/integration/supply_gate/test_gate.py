"""The gate over real files and stores: what passes, what is turned away, and what is left."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from core.errors import DataError
from core.schema import supply_switches, tracks, verdicts
from core.workspace import Workspace
from embeddings.measures.loudness import integrated_lufs, true_peak_db
from embeddings.measures.sound import read_sound
from pipelines.duplicates import stored_fingerprints
from pipelines.job import Silent
from pipelines.recordings import recordings
from pipelines.supply.gate.report import gate_record
from pipelines.supply.gate.run import GateReport, run_gate, serve_overruled
from ranking.supply.verdicts import Verdict, find_verdict, list_verdicts, overrule
from tests.support.drafts import ANY_BRIEF, CONFIG, RATE_HZ, add_brief, add_track, gate_workspace
from tests.support.killing import ROOT
from tests.support.tunes import tune

pytest_plugins = ["tests.support.postgres"]

NOW_MS = 1_000
GOOD = 5  # a tune that is no track of the catalogue


def judge(workspace: Workspace, *, again: bool = False, now_ms: int = NOW_MS) -> GateReport:
    return run_gate(workspace, CONFIG, seed=1, now_ms=now_ms, progress=Silent(), again=again)


def verdict_of(workspace: Workspace, track_id: str) -> Verdict:
    with workspace.database.read() as connection:
        found = find_verdict(connection, track_id)
    assert found is not None
    return found


def track_row(workspace: Workspace, track_id: str) -> sa.Row:
    with workspace.database.read() as connection:
        query = sa.select(tracks).where(tracks.c.track_id == track_id)
        return connection.execute(query).one()


@pytest.fixture
def workspace(tmp_path: Path):
    with gate_workspace(tmp_path / "data") as opened:
        yield opened


def test_a_good_track_goes_on_trial_by_a_rendition_of_the_right_loudness(workspace: Workspace):
    original = add_track(workspace, "good", 0.3 * tune(GOOD), metadata_json='{"model": "x"}')
    before = original.read_bytes()
    report = judge(workspace)
    assert (report.judged, report.passed, report.reasons) == (1, 1, {})
    row = track_row(workspace, "good")
    assert row.status == "trial"
    assert row.metadata_json == '{"model": "x", "original_audio_path": "delivered/good.flac"}'
    assert original.read_bytes() == before
    served = read_sound(workspace.audio / row.audio_path)
    lufs = integrated_lufs(served.samples, served.rate_hz)
    assert lufs == pytest.approx(-14.0, abs=0.1)
    assert true_peak_db(served.samples) <= CONFIG.rendition.ceiling_dbtp + 0.1
    told = verdict_of(workspace, "good").measurements["rendition"]
    assert told["lufs"] == pytest.approx(lufs, abs=1e-4)
    with workspace.database.read() as connection:
        assert "good" in stored_fingerprints(connection)


def test_every_delivery_that_fails_is_told_why_and_leaves_the_catalogue(workspace: Workspace):
    sound = tune(GOOD)
    gap = np.zeros(5 * RATE_HZ, dtype=np.float32)
    add_track(workspace, "short", sound[: 5 * RATE_HZ])
    add_track(workspace, "late", np.concatenate([gap, tune(6)]))
    add_track(workspace, "cut", np.clip(20 * tune(7), -1, 1))
    add_track(workspace, "faint", 0.01 * tune(8), kind="wavfloat")
    broken = add_track(workspace, "broken", tune(9), kind="wav")
    broken.write_bytes(broken.read_bytes()[:50_000])
    add_track(workspace, "nothing", np.zeros(12 * RATE_HZ, dtype=np.float32))
    report = judge(workspace)
    assert report.passed == 0
    found = {
        name: [reason.code for reason in verdict_of(workspace, name).reasons]
        for name in ("short", "late", "cut", "faint", "broken", "nothing")
    }
    assert found == {
        "short": ["too_short"], "late": ["silence"], "cut": ["clipped"], "faint": ["too_quiet"],
        "broken": ["unreadable"], "nothing": ["unreadable"],
    }  # fmt: skip
    assert "5.0 s" in verdict_of(workspace, "short").reasons[0].text
    assert "truncated" in verdict_of(workspace, "broken").reasons[0].text
    assert {track_row(workspace, name).status for name in found} == {"retired"}
    assert {each.track_id for each in recordings(workspace)} == {"known-0", "known-1", "known-2"}


@pytest.mark.parametrize(("kind", "rate_hz"), [("mp3", RATE_HZ), ("ogg", round(1.03 * RATE_HZ))])
def test_a_copy_of_a_track_is_turned_away_in_any_coding_and_at_another_speed(
    workspace: Workspace, kind, rate_hz
):
    # libsndfile writes mp3 at few rates only; a Vorbis file may say that it plays 3 % faster
    add_track(workspace, "copy", tune(1), kind=kind, rate_hz=rate_hz)
    judge(workspace)
    verdict = verdict_of(workspace, "copy")
    assert [reason.code for reason in verdict.reasons] == ["copy"]
    assert verdict.measurements["copies"] == ["known-1"]


def test_of_siblings_the_first_delivered_stays(workspace: Workspace):
    add_track(workspace, "b-first", tune(GOOD), updated_at=10)
    add_track(workspace, "a-second", 0.7 * tune(GOOD), kind="ogg", updated_at=20)
    judge(workspace)
    assert verdict_of(workspace, "b-first").passed
    assert verdict_of(workspace, "a-second").measurements["copies"] == ["b-first"]
    add_track(workspace, "c-later", tune(GOOD), kind="mp3", updated_at=30)
    judge(workspace)
    assert verdict_of(workspace, "c-later").measurements["copies"] == ["b-first"]


def test_a_draft_is_no_copy_of_what_was_turned_away(workspace: Workspace):
    add_track(workspace, "cut", np.clip(20 * tune(GOOD), -1, 1), updated_at=10)
    add_track(workspace, "whole", tune(GOOD), updated_at=20)
    judge(workspace)
    assert not verdict_of(workspace, "cut").passed
    assert verdict_of(workspace, "whole").passed


def test_a_brief_says_how_long_how_loud_and_in_which_language(workspace: Workspace):
    brief = ANY_BRIEF.model_copy(update={"seconds": (20.0, 40.0), "language": "de"})
    add_brief(workspace, "b", brief, np.zeros(0))
    add_track(workspace, "off", tune(GOOD), brief_id="b", language="en")
    quiet = ANY_BRIEF.model_copy(update={"loudness_lufs": -20.0})
    add_brief(workspace, "q", quiet, np.zeros(0))
    add_track(workspace, "quiet", tune(6), brief_id="q", language="instrumental")
    judge(workspace)
    reasons = [reason.code for reason in verdict_of(workspace, "off").reasons]
    assert reasons == ["too_short", "language"]
    assert verdict_of(workspace, "quiet").passed
    served = read_sound(workspace.audio / track_row(workspace, "quiet").audio_path)
    assert integrated_lufs(served.samples, served.rate_hz) == pytest.approx(-20.0, abs=0.1)


def test_a_judged_track_is_judged_again_only_when_asked(workspace: Workspace):
    add_track(workspace, "good", tune(GOOD))
    assert judge(workspace).judged == 1
    first = track_row(workspace, "good")
    assert judge(workspace).judged == 0
    assert judge(workspace, again=True, now_ms=NOW_MS + 1).judged == 1
    verdict = verdict_of(workspace, "good")
    assert verdict.judged_at_ms == NOW_MS + 1
    assert verdict.passed  # by its original, and no copy of itself
    assert track_row(workspace, "good").audio_path == first.audio_path


def test_what_listeners_or_people_decided_is_not_judged_again(workspace: Workspace):
    add_track(workspace, "lost", tune(GOOD))
    add_track(workspace, "short", tune(6)[: 5 * RATE_HZ])
    judge(workspace)
    with workspace.database.write() as connection:
        overrule(connection, "short", passed=True, by="ada", note="an interlude", now_ms=2)
        lost = tracks.c.track_id == "lost"
        connection.execute(sa.update(tracks).where(lost).values(status="retired"))
    assert judge(workspace, again=True).judged == 0
    assert track_row(workspace, "lost").status == "retired"


def test_a_person_overrules_both_ways_and_the_status_follows(workspace: Workspace):
    add_track(workspace, "good", tune(GOOD))
    add_track(workspace, "short", tune(6)[: 5 * RATE_HZ])
    judge(workspace)
    with workspace.database.write() as connection:
        overrule(connection, "good", passed=False, by="ada", note="dull", now_ms=2)
        overrule(connection, "short", passed=True, by="ada", note="an interlude", now_ms=2)
    assert serve_overruled(workspace, CONFIG, "short", now_ms=3)
    assert not serve_overruled(workspace, CONFIG, "short", now_ms=3)
    assert track_row(workspace, "good").status == "retired"
    short = track_row(workspace, "short")
    assert (short.status, short.audio_path.split("/")[0]) == ("trial", "renditions")
    told = verdict_of(workspace, "good")
    assert (told.passed, told.stands) == (True, False)
    assert told.overruling is not None
    assert (told.overruling.by, told.overruling.note) == ("ada", "dull")
    with workspace.database.read() as connection:
        assert [v.track_id for v in list_verdicts(connection, passed=True)] == ["short"]


def test_what_cannot_be_overruled_says_why(workspace: Workspace):
    add_track(workspace, "nothing", np.zeros(12 * RATE_HZ, dtype=np.float32))
    judge(workspace)
    with workspace.database.write() as connection:
        for track_id, note, text in (
            ("nothing", "art", "cannot pass: its recording is silent"),
            ("unknown", "art", "has no verdict"),
            ("nothing", " ", "with a note"),
        ):
            with pytest.raises(DataError, match=text):
                overrule(connection, track_id, passed=True, by="ada", note=note, now_ms=2)
        with pytest.raises(DataError, match="rejected already"):
            overrule(connection, "nothing", passed=False, by="ada", note="x", now_ms=2)


def test_a_blocked_track_stays_blocked(workspace: Workspace):
    add_track(workspace, "short", tune(6)[: 5 * RATE_HZ])
    judge(workspace)
    with workspace.database.write() as connection:
        connection.execute(
            sa.update(tracks).where(tracks.c.track_id == "short").values(status="blocked")
        )
        overrule(connection, "short", passed=True, by="ada", note="fine", now_ms=2)
    assert track_row(workspace, "short").status == "blocked"


KILLED = """
from pathlib import Path
from tests.support.drafts import CONFIG
from tests.support.killing import kill_self
from core.workspace import open_workspace
from pipelines.job import Silent
from pipelines.supply.gate import run
kept = run.pause_failing  # the last of a transaction: verdict, status and rendition are written
calls = []
def dying(*given, **named):
    calls.append(1)
    if len(calls) == 2:
        kill_self()
    return kept(*given, **named)
run.pause_failing = dying
with open_workspace(Path({root!r})) as workspace:
    run.run_gate(workspace, CONFIG, seed=1, now_ms=7, progress=Silent())
"""


def test_a_run_that_is_killed_goes_on_where_it_was(workspace: Workspace):
    for number in (5, 6):
        add_track(workspace, f"new-{number}", tune(number), updated_at=number)
    script = KILLED.format(root=str(workspace.root))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    statuses = [track_row(workspace, f"new-{number}").status for number in (5, 6)]
    assert statuses == ["trial", "pending"]
    assert judge(workspace).judged == 1
    assert verdict_of(workspace, "new-5").judged_at_ms == 7
    for number in (5, 6):
        row = track_row(workspace, f"new-{number}")
        assert row.status == "trial"
        assert (workspace.audio / row.audio_path).is_file()


def test_both_stores_keep_verdicts_and_pauses(tmp_path: Path, store_url: str):
    with gate_workspace(tmp_path / "data", store_url) as workspace:
        add_track(workspace, "good", tune(GOOD))
        report = judge(workspace)
        assert report.passed == 1
        bad = [{**_failed(workspace, number), "judged_at": 2_000 + number} for number in range(10)]
        with workspace.database.write() as connection:
            connection.execute(sa.insert(verdicts), bad)
        add_track(workspace, "short", tune(6)[: 5 * RATE_HZ])
        report = judge(workspace, now_ms=3_000)
        assert [pause.generator for pause in report.paused] == ["synth"]
        (record,) = gate_record(workspace, CONFIG.pause).generators
        assert (record.judged, record.passed) == (12, 1)
        assert record.reasons == {"too_short": 1, "x": 10}
        assert record.paused is not None
        with workspace.database.write() as connection:  # a person resumes it
            connection.execute(sa.update(supply_switches).values(stopped=False, set_at=4_000))
        add_track(workspace, "short-2", tune(7)[: 5 * RATE_HZ])
        assert judge(workspace, now_ms=5_000).paused == ()  # what failed before counts no more
        with workspace.database.read() as connection:
            assert len(list_verdicts(connection, generator="synth", passed=False)) == 12


def _failed(workspace: Workspace, number: int) -> dict[str, object]:
    return {
        "track_id": f"failed-{number}", "brief_id": None, "generator": "synth", "passed": False,
        "reasons": [{"code": "x", "text": "x"}], "measurements": {},
    }  # fmt: skip
