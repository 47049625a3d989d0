"""An encoder that is judged on hidden plays has not learned from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.sparse as sp

from core.errors import DataError
from core.workspace import Workspace, open_workspace
from embeddings.audio.configuration import AudioConfig, EncoderConfig, ObjectivesConfig
from embeddings.audio.crops import TrackCrops
from embeddings.audio.spectrogram import N_MELS
from embeddings.collaborative.factors import AlsConfig
from embeddings.vectors import TrackVectors, unit_rows
from pipelines.audio_evaluation import cold_start as judging
from pipelines.audio_evaluation import material
from pipelines.audio_evaluation.cold_start import ColdStartConfig, evaluate_cold_start
from pipelines.audio_evaluation.ears import FinishedEar, LearningEar
from pipelines.audio_evaluation.labels import LabelledRecordings
from pipelines.audio_evaluation.material import Material, trained_space
from pipelines.audio_evaluation.spaces import Space
from pipelines.fitting import FactorsConfig, PreferenceMatrix
from pipelines.job import Silent
from pipelines.lessons import Lessons, Plays
from tests.support.histories import add_plays, add_tracks, two_tastes
from tests.support.worlds import tiny_world

TRACKS, USERS = 16, 30
CATALOGUE = tiny_world(TRACKS).catalogue
IDS = CATALOGUE.tracks.values
HIDDEN = np.arange(TRACKS) % 4 == 1
ENCODER = EncoderConfig(
    dim=10,
    learned_dim=4,
    n_crops=2,
    crop_s=1.0,
    atoms=4,
    window_frames=32,
    channels=4,
    epochs=1,
    epoch_steps=3,
    reencoded_tracks=0,
    objectives=ObjectivesConfig(tags=1.0, alignment=1.0, min_tag_tracks=1),
)


def sounds(hidden_seed: int) -> TrackCrops:
    """Return noise for spectrograms; only that of hidden tracks depends on the seed."""
    shape = (TRACKS, ENCODER.n_crops, ENCODER.crop_frames, N_MELS)
    values = np.random.default_rng(0).normal(size=shape)
    values[HIDDEN] = np.random.default_rng(hidden_seed).normal(size=shape)[HIDDEN]
    return TrackCrops(IDS, values.astype(np.float16), ())


def lessons(hidden_seed: int) -> Lessons:
    """Return tags and plays; only those of hidden tracks depend on the seed."""
    tags, wanted = (np.random.default_rng(s).random((USERS, TRACKS)) < 0.4 for s in (1, 2))
    other = np.random.default_rng(hidden_seed).random((USERS, TRACKS)) < 0.4
    tags[:, HIDDEN] = wanted[:, HIDDEN] = other[:, HIDDEN]
    users = tuple(f"u{at}" for at in range(USERS))
    known = PreferenceMatrix(users, sp.csr_matrix(wanted.astype(np.float32)))
    plays = Plays(known, CATALOGUE, AlsConfig(dim=4, num_threads=1, regularization=1.0), seed=5)
    return Lessons(IDS, tags[:6].T.astype(np.float32), plays)


class Taught(NamedTuple):
    """What one encoder was trained on: all that decides it."""

    tracks: tuple[str, ...]
    crops: bytes
    tags: bytes
    factors: bytes
    seed: int


@pytest.fixture
def taught(monkeypatch: pytest.MonkeyPatch) -> list[Taught]:
    """Record what encoders are trained on, and take the trainings for done."""
    found: list[Taught] = []

    class Deaf:
        def embed(self, mels: np.ndarray) -> np.ndarray:
            return mels.mean(axis=1, dtype=np.float32)

    def train(crops: TrackCrops, config: Any, seed: int, _: Any, *, supervision: Any) -> Deaf:
        values, tags, factors = crops.values, supervision.tags, supervision.factors
        parts = (part.tobytes() for part in (values, tags, factors))
        found.append(Taught(crops.track_ids, *parts, seed))
        return Deaf()

    monkeypatch.setattr(material, "train_encoder", train)
    return found


def test_nothing_of_a_hidden_track_reaches_an_encoder_trained_for_a_cold_start(
    taught: list[Taught],
) -> None:
    def hear(crops: TrackCrops, known: Lessons) -> np.ndarray:
        return LearningEar(CATALOGUE, crops, known, ENCODER, Silent()).vectors(HIDDEN, seed=3)

    one, other = hear(sounds(8), lessons(8)), hear(sounds(9), lessons(9))
    assert taught[0] == taught[1]
    assert set(taught[0].tracks) == {IDS[row] for row in np.flatnonzero(~HIDDEN)}
    # Their own sound is heard when they come.
    np.testing.assert_array_equal(one[~HIDDEN], other[~HIDDEN])
    assert not np.isclose(one[HIDDEN], other[HIDDEN]).all(axis=1).any()
    # What the others teach does reach it.
    plays = lessons(8).plays
    assert plays is not None
    turned = PreferenceMatrix(plays.known.user_ids, plays.known.weights[:, ::-1].tocsr())
    hear(sounds(8), replace(lessons(8), plays=replace(plays, known=turned)))
    assert taught[2].factors != taught[0].factors


def test_nor_do_plays_of_a_held_out_fold(taught: list[Taught]) -> None:
    rows = np.flatnonzero(~HIDDEN)
    recordings = LabelledRecordings((Path(),) * TRACKS, IDS, ("",) * TRACKS)
    given = Material(recordings, sounds(8), Space("mfcc", np.zeros((TRACKS, 1))), ())
    for seed in (8, 9):
        trained_space(given, rows, lessons(seed), ENCODER, 3, lambda *_: None)
    assert taught[0] == taught[1]
    assert np.frombuffer(taught[0].factors, np.float32).reshape(rows.size, -1).any(axis=1).all()


def test_tracks_without_readable_audio_are_not_heard() -> None:
    some = sounds(8).chosen(np.array([4, 2, 9, 11, 0, 7]))
    ear = LearningEar(
        CATALOGUE,
        some,
        replace(lessons(8), track_ids=some.track_ids, tags=np.zeros((0, 0), np.float32)),
        ENCODER,
        Silent(),
    )
    assert np.flatnonzero(ear.heard).tolist() == [0, 2, 4, 7, 9, 11]
    assert np.flatnonzero(ear.vectors(HIDDEN, 3).any(axis=1)).tolist() == [0, 2, 4, 7, 9, 11]
    with pytest.raises(DataError, match="1 recordings are not hidden"):
        ear.vectors(np.arange(TRACKS) != 4, 3)


def test_a_finished_ear_is_what_it_is() -> None:
    values = np.eye(TRACKS, 4, dtype=np.float32)
    ear = FinishedEar(values)
    assert np.flatnonzero(ear.heard).tolist() == [0, 1, 2, 3]
    assert ear.vectors(HIDDEN, 1) is values


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "data") as opened:
        ids = add_tracks(opened, 40)
        add_plays(opened, two_tastes(ids, 30, 0.5, seed=1))
        rows = unit_rows(np.random.default_rng(0).standard_normal((40, 8)))
        vectors = TrackVectors(tuple(ids), rows)
        opened.artifacts.create("vectors", vectors.save, now_ms=1, config={}, inputs={})
        yield opened


@pytest.mark.parametrize(
    ("weights", "relearn", "backbone", "encoder"),
    [
        ({}, False, "segue", "newest"),
        ({}, True, "segue", "trained without the hidden tracks"),
        ({"tags": 0.1}, False, "segue", "trained without the hidden tracks"),
        ({"alignment": 0.1}, False, "segue", "trained without the hidden tracks"),
        ({"alignment": 0.1}, True, "onnx:foreign.onnx", "newest"),
    ],
)
def test_what_learns_from_more_than_sound_is_trained_without_the_hidden(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    weights: dict[str, float],
    relearn: bool,
    backbone: str,
    encoder: str,
) -> None:
    class Trained(LearningEar):
        heard = np.ones(40, dtype=np.bool_)  # type: ignore[assignment]

        def vectors(self, hidden: np.ndarray, seed: int) -> np.ndarray:
            return unit_rows(np.random.default_rng(seed).standard_normal((40, 8)))

    monkeypatch.setattr(judging, "learning_ear", lambda *_: Trained(*[Any] * 5))
    config = ColdStartConfig(seeds=1, relearn=relearn)
    audio = AudioConfig(
        backbone=backbone, encoder=EncoderConfig(objectives=ObjectivesConfig(**weights))
    )
    factors = FactorsConfig(als=AlsConfig(dim=4, num_threads=1))
    report = evaluate_cold_start(workspace, audio, factors, config, Silent())
    assert report.encoder == encoder
    assert report.hidden == 8
