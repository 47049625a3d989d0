"""Training and embedding on small made-up sounds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from pydantic import ValidationError

from core.errors import ArtifactError, DataError
from embeddings.audio.configuration import EncoderConfig, ObjectivesConfig
from embeddings.audio.crops import TrackCrops, read_track_crops
from embeddings.audio.inference import embed_crops, embed_files
from embeddings.audio.runtime import OnnxEncoder
from embeddings.audio.spectrogram import N_MELS
from embeddings.audio.waveform import SAMPLE_RATE_HZ
from embeddings.encoder.network import AudioEncoder
from embeddings.encoder.objectives import Supervision
from embeddings.encoder.training import crop_retrieval, train_encoder

SMALL = EncoderConfig(
    dim=16,
    learned_dim=6,
    n_crops=3,
    crop_s=1.5,
    atoms=16,
    window_frames=48,
    channels=16,
    epochs=3,
    epoch_steps=4,
    held_out_share=0.2,
    reencoded_tracks=4,
)
STYLES, PER_STYLE = 4, 3


def sound(style: int, seed: int) -> np.ndarray:
    """Noise through a filter and a pulse that belong to a style, six seconds."""
    rng = np.random.default_rng(seed)
    at = np.arange(6 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    tone = np.sin(2 * np.pi * (150 * 2**style) * (1 + 0.02 * rng.normal()) * at)
    pulse = 0.5 + 0.5 * np.sin(2 * np.pi * (1 + style) * at)
    return (0.3 * tone * pulse + 0.02 * rng.normal(size=len(at))).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sounds")
    for track in range(STYLES * PER_STYLE):
        samples = sound(track % STYLES, seed=track)
        soundfile.write(path / f"t{track:02d}.wav", samples, SAMPLE_RATE_HZ)
    return path


@pytest.fixture(scope="module")
def crops(folder: Path) -> TrackCrops:
    paths = sorted(folder.glob("*.wav"))
    return read_track_crops(paths, [path.stem for path in paths], SMALL)


@pytest.fixture(scope="module")
def encoder(crops: TrackCrops) -> AudioEncoder:
    return train_encoder(crops, SMALL, seed=3)


def test_tracks_of_one_style_are_nearest(crops, encoder):
    vectors = embed_crops(crops, encoder)
    similarity = vectors.values @ vectors.values.T
    np.fill_diagonal(similarity, -1)
    style = np.arange(len(vectors)) % STYLES
    assert np.all(style[similarity.argmax(axis=1)] == style)


def test_the_same_seed_trains_the_same_encoder_and_leaves_the_global_one(crops, encoder):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    again = train_encoder(crops, SMALL, seed=3)
    assert torch.equal(torch.random.get_rng_state(), before)
    for name, value in encoder.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name
    other = train_encoder(crops, SMALL, seed=4)
    first = next(encoder.network.head.parameters())
    assert not torch.equal(first, next(other.network.head.parameters()))


def test_training_raises_held_out_retrieval_and_lowers_the_loss(crops):
    config = SMALL.model_copy(update={"epochs": 12, "patience": 12, "held_out_share": 0.4})
    log = train_encoder(crops, config, seed=3).log
    assert len(log.epochs) == 12
    first, last = log.epochs[0], log.epochs[-1]
    assert last.losses["contrastive"] < first.losses["contrastive"]
    assert log.kept_retrieval == max(epoch.retrieval for epoch in log.epochs)
    assert log.kept_retrieval > first.retrieval


def test_training_stops_when_held_out_retrieval_stops_rising(crops):
    # Without a step worth the name only the running means of the layers settle.
    config = SMALL.model_copy(update={"learning_rate": 1e-12, "epochs": 9, "patience": 2})
    seen: list[tuple[int, int]] = []
    log = train_encoder(crops, config, 3, lambda done, total: seen.append((done, total))).log
    assert log.stopped_early
    assert len(log.epochs) == log.kept + 2 < 9
    assert seen[-1] == (36, 36)


def supervised(crops: TrackCrops) -> Supervision:
    style = np.arange(len(crops.track_ids)) % STYLES
    tags = np.eye(STYLES, dtype=np.float32)[style]
    factors = tags @ np.random.default_rng(0).normal(size=(STYLES, 5)).astype(np.float32)
    factors[:2] = 0.0  # nobody played these
    return Supervision(tags=tags, factors=factors)


@pytest.mark.parametrize("name", ["contrastive", "tags", "alignment"])
def test_each_objective_alone_is_learned_and_reported(crops, name):
    weights = dict.fromkeys(("contrastive", "tags", "alignment"), 0.0) | {name: 1.0}
    objectives = ObjectivesConfig(**weights, min_tag_tracks=1)
    config = SMALL.model_copy(update={"objectives": objectives, "epochs": 15, "patience": 15})
    log = train_encoder(crops, config, seed=3, supervision=supervised(crops)).log
    assert [set(epoch.losses) for epoch in log.epochs] == [{name}] * 15
    assert log.epochs[-1].losses[name] < 0.9 * log.epochs[0].losses[name]


def test_an_objective_without_anything_to_learn_from_is_left_out(crops):
    objectives = ObjectivesConfig(tags=1.0, alignment=1.0)
    config = SMALL.model_copy(update={"objectives": objectives})
    log = train_encoder(crops, config, seed=3).log
    assert set(log.epochs[0].losses) == {"contrastive"}


def test_nothing_switched_on_is_refused():
    with pytest.raises(ValidationError, match="every objective has weight 0"):
        ObjectivesConfig(contrastive=0)


def test_cosines_are_the_weighted_mean_of_both_parts(crops, encoder):
    rows = encoder.embed(crops.values[:, 0])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    both, apart = rows[:, :-1], rows[:, -1]
    learned = np.sum(both[:, SMALL.described_dim :] ** 2, axis=1)
    np.testing.assert_allclose(learned, SMALL.learned_share * (1 - apart**2), atol=1e-5)  # float32


def test_save_and_load_give_the_same_vectors(crops, encoder, tmp_path):
    encoder.save(tmp_path)
    loaded = AudioEncoder.load(tmp_path)
    assert loaded.config == SMALL
    np.testing.assert_array_equal(
        loaded.embed(crops.values[:, 0]), encoder.embed(crops.values[:, 0])
    )


@pytest.mark.parametrize("damage", ["cut", "pickle", "config", "absent"])
def test_a_broken_encoder_is_an_artifact_error(encoder, tmp_path, damage):
    encoder.save(tmp_path)
    weights, config = tmp_path / "encoder.pt", tmp_path / "encoder.json"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:500])
    elif damage == "pickle":
        torch.save({"code": Path("x")}, weights)
    elif damage == "config":
        config.write_text(config.read_text().replace('"channels": 16', '"channels": 32'))
    else:
        weights.unlink()
    with pytest.raises(ArtifactError, match="cannot be read"):
        AudioEncoder.load(tmp_path)


def test_bad_files_are_listed_and_the_batch_goes_on(folder, encoder, crops, tmp_path):
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(2 * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ)
    text = tmp_path / "text.mp3"
    text.write_text("not audio " * 100)
    paths = [silent, *sorted(folder.glob("*.wav"))[:3], text]
    encoder.save(tmp_path)
    seen: list[tuple[int, int]] = []
    vectors, failures = embed_files(
        paths, ["s", "t00", "t01", "t02", "x"], OnnxEncoder.load(tmp_path),
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert vectors.track_ids == ("t00", "t01", "t02")
    assert [track for track, _ in failures] == ["s", "x"]
    assert failures[0][1] == "is silent (peak digital zero)"
    assert "is not audio" in failures[1][1]
    assert seen == [(done, 5) for done in range(1, 6)]
    expected = embed_crops(crops, encoder).values[:3]
    # Spectrograms in float16 on one side, and two runtimes.
    np.testing.assert_allclose(vectors.values, expected, atol=2e-3)


def test_nothing_to_embed_gives_no_vectors(encoder, tmp_path):
    encoder.save(tmp_path)
    vectors, failures = embed_files([], [], OnnxEncoder.load(tmp_path))
    assert vectors.values.shape == (0, SMALL.dim)
    assert failures == []


@pytest.mark.parametrize("n_tracks", [2, 3])
def test_very_few_or_equal_tracks_still_train(n_tracks):
    flat = np.full((n_tracks, SMALL.n_crops, SMALL.crop_frames, N_MELS), -3.0, np.float16)
    ids = tuple(f"t{row}" for row in range(n_tracks))
    equal = TrackCrops(ids, flat, ())
    encoder = train_encoder(equal, SMALL, seed=0)
    assert np.isfinite(encoder.embed(flat[:, 0])).all()
    assert all(epoch.retrieval is None for epoch in encoder.log.epochs)


def test_crops_that_do_not_fit_are_refused(crops):
    with pytest.raises(DataError, match="at least 2 tracks"):
        train_encoder(crops.chosen(np.array([0])), SMALL, seed=0)
    with pytest.raises(DataError, match="shape"):
        train_encoder(replace(crops, values=crops.values[:, :2]), SMALL, seed=0)


def test_parts_that_do_not_fit_are_refused_by_the_config():
    with pytest.raises(ValidationError, match="leaves no room"):
        EncoderConfig(dim=16, learned_dim=16)
    with pytest.raises(ValidationError, match="window_frames"):
        EncoderConfig(crop_s=1.0)


def test_crop_retrieval_is_its_definition():
    rng = np.random.default_rng(0)
    crops = rng.normal(size=(5, 3, 4))
    crops /= np.linalg.norm(crops, axis=2, keepdims=True)
    flat, tracks = crops.reshape(15, 4), np.repeat(np.arange(5), 3)
    expected = []
    for query in range(15):
        others = [row for row in range(15) if row != query]
        others.sort(key=lambda row: -flat[query] @ flat[row])
        places = [place for place, row in enumerate(others, 1) if tracks[row] == tracks[query]]
        expected.append(np.mean([(number + 1) / place for number, place in enumerate(places)]))
    assert crop_retrieval(crops) == pytest.approx(np.mean(expected))
    assert crop_retrieval(np.eye(4)[:, None].repeat(2, axis=1)) == 1.0


def test_chosen_crops_keep_their_lossy_ones(crops):
    kept, other = crops.lossy_rows[2], crops.lossy_rows[0]
    chosen = crops.chosen(np.array([kept, kept + 1, other]))
    assert chosen.track_ids == tuple(crops.track_ids[row] for row in (kept, kept + 1, other))
    lossy = dict(zip(chosen.lossy_rows.tolist(), chosen.lossy, strict=True))
    assert set(lossy) == {0, 2}
    np.testing.assert_array_equal(lossy[0], crops.lossy[2])
    np.testing.assert_array_equal(lossy[2], crops.lossy[0])


def test_the_exported_encoder_equals_the_trained_one(crops, encoder, tmp_path):
    encoder.save(tmp_path)
    exported = OnnxEncoder.load(tmp_path)
    mels = crops.values.reshape(-1, *crops.values.shape[2:])
    for size in (1, 3, len(mels)):
        np.testing.assert_allclose(
            exported.embed(mels[:size]), encoder.embed(mels[:size]), atol=1e-4
        )  # the promise; float32 in two runtimes differs by about 1e-6
