"""A small workspace in which the gate can be run: a catalogue with vectors, a brief, and drafts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from core.database import upsert
from core.schema import briefs, tracks
from core.workspace import Workspace, open_workspace
from embeddings.vectors import TrackVectors
from pipelines.duplicates import fingerprint_catalogue
from pipelines.job import Silent
from pipelines.supply.gate.configuration import GateConfig, SoundLimits
from ranking.supply.brief import Brief
from tests.support.sound_files import write_sound
from tests.support.tunes import tune

RATE_HZ = 22_050
SECONDS = 12.0
CONFIG = GateConfig(sound=SoundLimits(shortest_s=8.0, longest_s=30.0))
CATALOGUE = 3
ANY_BRIEF = Brief(title="anything", prompt="anything", seconds=(8.0, 30.0), deadline_ms=0)


@contextmanager
def gate_workspace(root: Path, store_url: str = "") -> Iterator[Workspace]:
    """Open a workspace that holds three tracks with recordings and fingerprints."""
    with open_workspace(root, store_url) as workspace:
        for number in range(CATALOGUE):
            add_track(workspace, f"known-{number}", tune(number), status="active", generator=None)
        fingerprint_catalogue(workspace, Silent(), now_ms=1)
        yield workspace


def add_track(
    workspace: Workspace, track_id: str, sound: np.ndarray, *, kind: str = "flac", **values: Any
) -> Path:
    """Write a recording and the row of its track; a draft of `synth` where nothing else is said."""
    path = workspace.audio / "delivered" / f"{track_id}.{kind}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_sound(path, sound, values.pop("rate_hz", RATE_HZ), kind)
    row = {
        "track_id": track_id, "status": "pending", "origin": "generated", "generator": "synth",
        "audio_path": f"delivered/{track_id}.{kind}", "updated_at": 1, **values,
    }  # fmt: skip
    with workspace.database.write() as connection:
        upsert(connection, tracks, [row])
    return path


def add_brief(workspace: Workspace, brief_id: str, brief: Brief, reference: np.ndarray) -> None:
    """Write a brief as the desk does."""
    row = {
        "brief_id": brief_id, "segment_id": "s", "status": "approved", "revision": 1,
        "brief": brief.model_dump(mode="json"), "created_at": 1, "updated_at": 1,
        "reference": np.asarray(reference, dtype="<f4").tobytes(),
    }  # fmt: skip
    with workspace.database.write() as connection:
        upsert(connection, briefs, [row])


def add_vectors(workspace: Workspace, vectors: TrackVectors, save_encoder: Any) -> None:
    """Make artifacts of vectors and of the encoder that hears drafts."""
    encoder = workspace.artifacts.create("encoder", save_encoder, now_ms=1, config={}, inputs={})
    workspace.artifacts.create(
        "vectors", vectors.save, now_ms=1, config={}, inputs={"encoder": encoder.version}
    )
