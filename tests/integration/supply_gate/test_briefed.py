"""Tracks that were made for a brief, heard by an encoder, and the commands that judge them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from core.workspace import open_workspace
from embeddings.audio.configuration import BackboneConfig
from embeddings.audio.inference import embed_files
from embeddings.audio.opening import open_encoder, record_backbone
from pipelines import cli
from pipelines.recordings import recordings
from tests.support.drafts import ANY_BRIEF, add_brief, add_track, add_vectors, gate_workspace
from tests.support.onnx_models import save_model
from tests.support.tunes import tune

MODEL_HZ = 8_000
SETTINGS = """
[supply.gate.sound]
shortest_s = 8.0
"""


def pitch_model(path: Path) -> Path:
    """From a second of sound to the power at each of 24 semitones: keys differ, volumes do not."""
    at = np.arange(MODEL_HZ) / MODEL_HZ
    hz = 110.0 * 2 ** (np.arange(24) / 12)
    turning = np.exp(-2j * np.pi * hz[None] * at[:, None]) / MODEL_HZ
    nodes = [
        helper.make_node("MatMul", ["x", "cosines"], ["real"]),
        helper.make_node("MatMul", ["x", "sines"], ["imaginary"]),
        helper.make_node("Mul", ["real", "real"], ["real2"]),
        helper.make_node("Mul", ["imaginary", "imaginary"], ["imaginary2"]),
        helper.make_node("Add", ["real2", "imaginary2"], ["vectors"]),
    ]
    weights = {
        "cosines": turning.real.astype(np.float32), "sines": turning.imag.astype(np.float32)
    }  # fmt: skip
    return save_model(path, nodes, {"x": ("b", MODEL_HZ)}, {"vectors": ("b", 24)}, weights)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue that was embedded, and one track for each of two briefs."""
    folder = tmp_path_factory.mktemp("briefed")
    config = BackboneConfig(sample_rate_hz=MODEL_HZ, crop_s=1, n_crops=4)
    record = record_backbone(pitch_model(folder / "pitch.onnx"), config)
    record.save(folder / "encoder")
    embedder = open_encoder(folder / "encoder")
    (folder / "segue.toml").write_text(SETTINGS)
    with gate_workspace(folder / "data") as workspace:
        known = recordings(workspace)
        vectors, _ = embed_files([r.path for r in known], [r.track_id for r in known], embedder)
        add_vectors(workspace, vectors, record.save)
        near = add_track(workspace, "on-brief", tune(5), brief_id="near", updated_at=1)
        add_track(workspace, "off-brief", tune(6), brief_id="far", updated_at=2)
        own, _ = embed_files([near], ["own"], embedder)
        add_brief(workspace, "near", ANY_BRIEF, own.values[0])
        add_brief(workspace, "far", ANY_BRIEF, vectors.values[0])
    return folder


def call(folder: Path, capsys: Any, *words: str, code: int = 0) -> dict[str, Any]:
    told = ["--data", str(folder / "data"), "--config", str(folder / "segue.toml")]
    assert cli.run(["supply", *words, "--json", *told]) == code
    document = json.loads(capsys.readouterr().out)
    assert isinstance(document, dict)
    return document


def test_a_turn_of_the_gate_by_its_commands(data: Path, capsys):
    report = call(data, capsys, "gate")
    assert (report["judged"], report["passed"], report["reasons"]) == (2, 1, {"off_brief": 1})
    assert call(data, capsys, "gate")["judged"] == 0
    first, second = call(data, capsys, "verdicts")["verdicts"]
    assert (first["track_id"], second["track_id"]) == ("on-brief", "off-brief")
    assert "nearer to the brief's reference than" in second["reasons"][0]["text"]
    assert first["measurements"]["likeness"]["cosine"] == pytest.approx(1.0, abs=1e-3)
    assert first["measurements"]["appeal"]["basis"] == "nothing"
    overruled = call(
        data, capsys, "overrule", "off-brief", "--pass", "--note", "fits", "--by", "ada"
    )
    assert (overruled["stands"], overruled["passed"]) == (True, False)
    assert overruled["overruling"]["by"] == "ada"
    (record,) = call(data, capsys, "gate", "--report")["generators"]
    assert (record["judged"], record["passed"], record["overruled"]) == (2, 2, 1)
    assert record["tracks_per_s"] > 0
    again = call(data, capsys, "overrule", "off-brief", "--pass", "--note", "again", "--by", "bob")
    assert again["overruling"] == overruled["overruling"]  # the first word stands
    with open_workspace(data / "data") as workspace:
        heard = {each.track_id: each.path for each in recordings(workspace)}
    assert heard["off-brief"].is_relative_to(data / "data" / "audio" / "renditions")
