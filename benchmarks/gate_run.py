"""How fast the gate judges, and what it says of tracks that were made as their briefs ask.

    python -m benchmarks.gate_run DATA [--tracks 60] [--seconds 25]

DATA is the folder of a trained built-in world (`segue demo`); it is copied first. Each draft gets a
brief with its own tempo and key whose reference is the mean vector of its style.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from benchmarks.measures_accuracy import JUDGED, rendered
from core.database import upsert
from core.schema import briefs, tracks, verdicts
from core.workspace import Workspace, open_workspace
from embeddings.vectors import TrackVectors, unit_rows
from pipelines.job import Silent
from pipelines.supply.gate.configuration import GateConfig
from pipelines.supply.gate.run import run_gate
from ranking.supply.brief import Brief


def add_drafts(workspace: Workspace, count: int, seconds: float, folder: Path) -> None:
    """Deliver rendered tracks, each with a brief of its own."""
    newest = workspace.artifacts.latest("vectors")
    assert newest is not None, "train the world first"
    known = TrackVectors.load(workspace.artifacts.folder("vectors", newest.version))
    with workspace.database.read() as connection:
        query = sa.select(tracks.c.track_id, tracks.c.genre)
        styles = {row.track_id: row.genre for row in connection.execute(query)}
    drafts, wanted = [], []
    for at, (asked, path) in enumerate(rendered(count, JUDGED[1], seconds, folder)):
        relative = f"delivered/{path.name}"
        (workspace.audio / "delivered").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, workspace.audio / relative)
        same = [name for name in known.track_ids if styles.get(name) == asked.style]
        aim = unit_rows(known.aligned(same).mean(axis=0)[None])[0].astype("<f4")
        brief = Brief(
            title=asked.style, prompt=asked.style, tags=(asked.style,), deadline_ms=0,
            tempo_bpm=asked.tempo_bpm, key=asked.key_name, seconds=(15.0, 60.0),
        )  # fmt: skip
        wanted.append({
            "brief_id": f"brief-{at}", "segment_id": asked.style, "status": "approved",
            "revision": 1, "brief": brief.model_dump(mode="json"), "reference": aim.tobytes(),
            "created_at": at, "updated_at": at,
        })  # fmt: skip
        drafts.append({
            "track_id": f"draft-{at:03d}", "status": "pending", "origin": "generated",
            "generator": "synth", "brief_id": f"brief-{at}", "audio_path": relative,
            "tags": [asked.style], "updated_at": at,
        })  # fmt: skip
    with workspace.database.write() as connection:
        upsert(connection, briefs, wanted)
        upsert(connection, tracks, drafts)


def main() -> None:
    """Read the options, judge and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--tracks", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=25.0)
    parser.add_argument("--folder", type=Path, help="Where rendered tracks are kept.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data = shutil.copytree(options.data, Path(scratch) / "data")
        folder = options.folder or Path(scratch) / "rendered"
        folder.mkdir(parents=True, exist_ok=True)
        with open_workspace(data) as workspace:
            add_drafts(workspace, options.tracks, options.seconds, folder)
            started = time.process_time()
            report = run_gate(workspace, GateConfig(), seed=1, now_ms=1, progress=Silent())
            spent_s = time.process_time() - started
            with workspace.database.read() as connection:
                found = connection.execute(sa.select(verdicts.c.measurements)).scalars().all()
    print(f"{report.judged / spent_s:.2f} tracks a second of one core")
    print(f"{report.passed} of {report.judged} passed; failed: {report.reasons}")
    made = [each["rendition"] for each in found if "rendition" in each]
    off = [abs(each["lufs"] - each["target_lufs"]) for each in made]
    print(f"loudness off by {np.median(off):.3f} LU in the median, {max(off):.3f} at most")
    print(f"true peak at most {max(each['true_peak_db'] for each in made):.2f} dBTP")
    limited = [each["limited_db"] for each in made]
    print(f"{np.mean(np.array(limited) > 0):.2f} limited, by {max(limited):.1f} dB at most")


if __name__ == "__main__":
    main()
