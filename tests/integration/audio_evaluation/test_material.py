"""What encoders are made from: the baseline's statistics, untrained weights, the live encoder."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import librosa
import numpy as np
import pytest
import soundfile
import torch

from core.errors import ArtifactError, DataError
from core.workspace import Workspace, open_workspace
from embeddings.audio.configuration import EncoderConfig
from embeddings.audio.embedder import AudioEmbedder
from embeddings.audio.spectrogram import N_MELS
from embeddings.audio.waveform import SAMPLE_RATE_HZ, decode
from pipelines.audio_evaluation import material
from pipelines.audio_evaluation.baselines import N_MFCC, mfcc_statistics, random_encoder
from pipelines.audio_evaluation.labels import LabelledRecordings, queries_of
from pipelines.audio_evaluation.material import finished_space, live_encoder, read_material
from pipelines.audio_evaluation.retrieval import chance, retrieve
from pipelines.audio_evaluation.spaces import Space
from pipelines.job import Silent
from tests.support.shared_data import shared_data

CONFIG = EncoderConfig(n_crops=2, channels=8)


def recordings(folder: Path) -> LabelledRecordings:
    """Return noise of three colours, among them a file that is no sound."""
    rng = np.random.default_rng(0)
    names = ("a", "b", "broken", "c")
    for at, name in enumerate(names):
        noise = np.convolve(rng.normal(size=6 * SAMPLE_RATE_HZ), np.ones(1 + 4 * at), "same")
        soundfile.write(folder / f"{name}.wav", 0.1 * noise / noise.std(), SAMPLE_RATE_HZ)
    (folder / "broken.wav").write_bytes(b"not sound at all")
    paths = tuple(folder / f"{name}.wav" for name in names)
    return LabelledRecordings(paths, names, ("x", "x", "y", "y"))


def test_the_baseline_is_what_librosa_says(tmp_path: Path) -> None:
    given = recordings(tmp_path)
    seen: list[tuple[int, int]] = []
    found = mfcc_statistics(given, lambda done, total: seen.append((done, total)), threads=2)
    assert found.track_ids == ("a", "b", "c")
    assert [track for track, _ in found.failures] == ["broken"]
    assert seen[-1] == (4, 4)
    cepstra = librosa.feature.mfcc(y=decode(given.paths[1]), sr=22_050, n_mfcc=20)
    parts = found.values[1].reshape(3, N_MFCC)
    assert parts[0] == pytest.approx(cepstra.mean(axis=1), rel=1e-6)
    assert parts[1] == pytest.approx(cepstra.std(axis=1), rel=1e-6)
    assert parts[2] == pytest.approx(librosa.feature.delta(cepstra).std(axis=1), rel=1e-6)


def test_all_encoders_meet_the_same_recordings(tmp_path: Path) -> None:
    found = read_material(recordings(tmp_path), CONFIG, Silent())
    assert found.recordings.track_ids == found.crops.track_ids == ("a", "b", "c")
    assert found.recordings.labels == ("x", "x", "y")
    assert len(found.statistics.values) == 3
    assert [track for track, _ in found.failures] == ["broken"]


def test_untrained_weights_are_drawn_by_the_seed_and_from_nothing_else() -> None:
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    mels = np.random.default_rng(0).normal(size=(3, CONFIG.crop_frames, N_MELS)).astype(np.float32)
    first, again, other = (random_encoder(CONFIG, seed).embed(mels) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_an_encoder_that_cannot_embed_what_others_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = read_material(recordings(tmp_path), CONFIG, Silent())
    monkeypatch.setattr(material, "embed_files", lambda *_, **__: (None, [("b", "is odd")]))
    with pytest.raises(DataError, match="cannot embed b, which is odd"):
        finished_space(given, cast("AudioEmbedder", None), Silent())


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "data") as opened:
        yield opened


def test_the_promoted_encoder_goes_before_the_newest(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(material, "open_encoder", lambda folder: folder.name)
    with pytest.raises(ArtifactError, match="segue train"):
        live_encoder(workspace)
    versions = [
        workspace.artifacts.create(
            "encoder", lambda folder: folder.joinpath("x").touch(), now_ms=at, config={}, inputs={}
        ).version
        for at in (1_000, 2_000_000)
    ]
    assert str(live_encoder(workspace)) == versions[1]
    workspace.artifacts.promote({"encoder": versions[0]}, now_ms=3_000_000, reason="")
    assert str(live_encoder(workspace)) == versions[0]


def test_mfcc_statistics_reach_the_figures_measured_elsewhere() -> None:
    """On 446 recordings as one gallery: mAP .139, recall@10 .167, chance .078."""
    with (shared_data("audio") / "tracks.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    paths = tuple(shared_data("audio") / f"{row['track_id']}.ogg" for row in rows)
    ids, albums = zip(*((row["track_id"], row["package"]) for row in rows), strict=True)
    found = mfcc_statistics(LabelledRecordings(paths, ids, albums), lambda *_: None)
    codes = LabelledRecordings(paths, ids, albums).chosen(found.track_ids).codes()
    queries = np.flatnonzero(queries_of(codes, 4))
    vectors = Space("mfcc", found.values, is_raw=True).gallery(np.arange(len(codes)))
    figures = retrieve(vectors, codes, queries, np.random.default_rng(0))
    # The two silent clips are left out here; that and the choice of queries is all that differs.
    assert figures.average_precision.mean() == pytest.approx(0.139, abs=0.004)
    assert figures.recall.mean() == pytest.approx(0.167, abs=0.004)
    assert chance(codes, queries).average_precision.mean() == pytest.approx(0.078, abs=0.002)
