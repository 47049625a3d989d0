"""Whether planted shortages are found, and none where none was planted.

    python benchmarks/planted_gaps.py --scratch DIR               # ten seeds, with sound
    python benchmarks/planted_gaps.py --scratch DIR --without-sound

For each seed a whole world is made, and the same world without nine in ten tracks of three of its
styles. A gap counts as a style where most of its loved tracks are of it. Without sound nothing is
rendered and segments come from tags and listening alone, which takes a tenth of the time.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from core.randomness import generator
from core.telemetry import configure_logging
from core.workspace import Workspace, open_workspace
from pipelines.job import Silent
from pipelines.music.attributes import TrackAttributes
from pipelines.music.audio_file import write_track
from pipelines.settings import PipelineSettings
from pipelines.supply.find_gaps import GapsReport, find_gaps
from pipelines.train import train
from pipelines.world import create
from pipelines.world.archive import read_truth
from pipelines.world.catalogue import draw_catalogue
from pipelines.world.config import WorldConfig
from ranking.supply.gap import Gap

STARVED = 3


def main() -> None:
    """Search for gaps in both worlds of each seed and print one line a world, then the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--without-sound", action="store_true")
    asked = parser.parse_args()
    configure_logging(as_json=True)
    if asked.without_sound:
        create.record_tracks = silent  # type: ignore[assignment]
    hits = quiet = 0
    for seed in range(1, asked.seeds + 1):
        whole = WorldConfig(seed=seed, workers=asked.workers)
        short = whole.model_copy(update={"starve": styles_of(whole)})
        for config in (whole, short):
            folder = asked.scratch / f"seed-{seed}-{'starved' if config.starve else 'whole'}"
            report, styles = searched(folder, config, sound=not asked.without_sound)
            top = tuple(sorted(styles[:STARVED]))
            quiet += not config.starve and not styles
            hits += bool(config.starve) and top == config.starve
            shown = [
                (g.label, s, g.lost_share.mean) for g, s in zip(report.gaps, styles, strict=True)
            ]
            most = max(g.lost_share.low for g in report.segments)
            line: dict[str, Any] = {"seed": seed, "starved": config.starve, "gaps": shown}
            print(json.dumps(line | {"highest_lost_share_low": round(most, 3)}), flush=True)
    print(json.dumps({"found": hits, "quiet": quiet, "of": asked.seeds}))


def styles_of(config: WorldConfig) -> tuple[str, ...]:
    """Draw the styles to starve among those that a world has."""
    drawn = draw_catalogue(config.tracks, config.seed, config.track_seconds)
    known = sorted({track.style for track in drawn.attributes})
    chosen = generator(config.seed, "starved styles").choice(known, STARVED, replace=False)
    return tuple(sorted(str(name) for name in chosen))


def searched(folder: Path, config: WorldConfig, *, sound: bool) -> tuple[GapsReport, list[str]]:
    """Make a world, learn from it, search for gaps; return the report and each gap's style."""
    shutil.rmtree(folder, ignore_errors=True)
    settings = PipelineSettings()
    with open_workspace(folder) as workspace:
        create.create_world(workspace, config, Silent())
        train(
            workspace,
            settings.embeddings.audio,
            settings.train,
            settings.feed,
            only=("embed", "factors") if sound else ("factors",),
            seed=1,
            now_ms=config.end_ms,
            progress=Silent(),
        )
        report = find_gaps(
            workspace,
            settings.supply.gaps,
            settings.train.factors.als,
            settings.train.traffic,
            seed=1,
            now_ms=config.end_ms,
            progress=Silent(),
        )
        styles = [style_of(workspace, gap) for gap in report.gaps]
    shutil.rmtree(folder)
    return report, styles


def style_of(workspace: Workspace, gap: Gap) -> str:
    """Return the style of most of a gap's loved tracks."""
    truth = read_truth(workspace).tracks
    style = dict(zip(truth["track_id"], truth["style"], strict=True))
    return Counter(style[name] for name in gap.loved).most_common(1)[0][0]


def silent(
    attributes: Sequence[TrackAttributes], paths: Sequence[Path], workers: int
) -> Iterator[Path]:
    """Stand in for rendering: a tenth of a second of silence each."""
    del attributes, workers
    for path in paths:
        write_track(path, np.zeros(3_200, dtype=np.float32), 32_000)
        yield path


if __name__ == "__main__":
    main()
