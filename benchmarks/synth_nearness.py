"""Whether the built-in composer's tracks lie nearer to the segment they are for than others do.

    python benchmarks/synth_nearness.py --data DATA          # a folder with sound, trained

Works on a copy. Briefs are drafted for every segment as if it were a gap, orders are rendered and
embedded with the encoder of the newest vectors. Each new track is held against every track of the
catalogue: which of the two lies nearer to the direction of the segment's tracks?
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from core.artifacts import ArtifactStore
from core.workspace import Workspace, open_workspace
from embeddings.audio.inference import embed_files
from embeddings.audio.opening import open_encoder
from embeddings.vectors import TrackVectors, unit_rows
from pipelines.job import Silent
from pipelines.settings import PipelineSettings
from pipelines.supply.drafting.draft import draft_briefs
from pipelines.supply.find_gaps import find_gaps
from pipelines.supply.generators.protocol import Delivered, Order
from pipelines.supply.generators.synth import Synth
from pipelines.supply.segments.today import newest_segments
from ranking.supply.desk import Desk
from ranking.supply.gap import replace_gaps


def main() -> None:
    """Print, segment by segment and in all, how often a new track is the nearer one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--orders", type=int, default=3, help="of each of a segment's briefs")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "data"
        shutil.copytree(asked.data, copy)
        with open_workspace(copy) as workspace:
            compare(workspace, asked.orders, Path(scratch))


def compare(workspace: Workspace, orders: int, scratch: Path) -> None:
    """Draft, render and embed for every segment, and print what came of it."""
    settings = PipelineSettings()
    newest = workspace.artifacts.latest("vectors")
    assert newest is not None, "train with sound first"
    now_ms = newest.created_at + 1
    report = find_gaps(
        workspace,
        settings.supply.gaps,
        settings.train.factors.als,
        settings.train.traffic,
        seed=1,
        now_ms=now_ms,
        progress=Silent(),
    )
    with workspace.database.write() as connection:
        replace_gaps(connection, report.segments, now_ms)
    drafting, desk = settings.supply.drafting, settings.supply.desk
    draft_briefs(workspace, drafting, desk, now_ms=now_ms, progress=Silent())
    embedder = open_encoder(workspace.artifacts.folder("encoder", newest.inputs["encoder"]))
    known = vectors_of(workspace.artifacts, newest.version)
    segments = newest_segments(workspace)
    assert segments is not None
    members = dict(zip(segments.track_ids, segments.members.tolist(), strict=True))
    column = np.array([members.get(name, -1) for name in known.track_ids])
    synth, shares = Synth(), []
    for row, segment in enumerate(segments.ids):
        paths = []
        for brief in (b for b in Desk(workspace.database).list("draft") if b.segment_id == segment):
            for number in range(orders):
                order = Order(f"{brief.brief_id}-{number}", brief.brief_id, number, brief.brief)
                answer = synth.poll(order, order.key)
                assert isinstance(answer, Delivered)
                paths.append(scratch / f"{order.key}.ogg")
                assert answer.tracks[0].save(paths[-1]) is None
        if not paths:
            continue
        centre = unit_rows(known.values[column == row].mean(axis=0, keepdims=True))[0]
        made, failures = embed_files(paths, [path.stem for path in paths], embedder)
        assert not failures, failures
        nearer = (made.values @ centre)[:, None] > (known.values @ centre)[None, :]
        outside = nearer[:, column != row]
        shares.append(nearer.mean(axis=1))
        print(
            f"{segments.labels[row]:32} {len(paths):3} tracks: nearer than a random track "
            f"{nearer.mean():.3f}, than one of another segment {outside.mean():.3f}",
            flush=True,
        )
    pooled = np.concatenate(shares)
    print(f"all {pooled.size} tracks: nearer than a random track {pooled.mean():.3f}")


def vectors_of(artifacts: ArtifactStore, version: str) -> TrackVectors:
    """Return the vectors of a version."""
    return TrackVectors.load(artifacts.folder("vectors", version))


if __name__ == "__main__":
    main()
