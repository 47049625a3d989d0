"""Training and embedding on small made-up sounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from pydantic import ValidationError

from core.errors import ArtifactError, DataError
from embeddings.audio.configuration import EncoderConfig
from embeddings.audio.crops import TrackCrops, read_track_crops
from embeddings.audio.encoder import AudioEncoder
from embeddings.audio.inference import embed_crops, embed_files
from embeddings.audio.training import discriminants, train_encoder
from embeddings.audio.waveform import SAMPLE_RATE_HZ

SMALL = EncoderConfig(
    dim=16, learned_dim=6, n_crops=3, crop_s=1.5, window_frames=48, channels=16, steps=12
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
    return train_encoder(crops.values, SMALL, seed=3)


def test_tracks_of_one_style_are_nearest(crops, encoder):
    vectors = embed_crops(crops, encoder)
    similarity = vectors.values @ vectors.values.T
    np.fill_diagonal(similarity, -1)
    style = np.arange(len(vectors)) % STYLES
    assert np.all(style[similarity.argmax(axis=1)] == style)


def test_the_same_seed_trains_the_same_encoder_and_leaves_the_global_one(crops, encoder):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    again = train_encoder(crops.values, SMALL, seed=3)
    assert torch.equal(torch.random.get_rng_state(), before)
    for name, value in encoder.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name
    other = train_encoder(crops.values, SMALL, seed=4)
    first = next(encoder.network.head.parameters())
    assert not torch.equal(first, next(other.network.head.parameters()))


def test_training_lowers_the_contrastive_part_s_confusion(crops):
    def gap(encoder: AudioEncoder) -> float:
        rows = encoder.embed(crops.values.reshape(-1, *crops.values.shape[2:]))
        learned = rows[:, SMALL.dim - SMALL.learned_dim :].reshape(len(crops.track_ids), 3, -1)
        same = np.einsum("tid,tjd->tij", learned, learned).mean()
        middle = learned.mean(axis=1)
        return float(same - (middle @ middle.T).mean())

    few = train_encoder(crops.values, SMALL.model_copy(update={"steps": 1}), seed=3)
    many = train_encoder(crops.values, SMALL.model_copy(update={"steps": 60}), seed=3)
    assert gap(many) > gap(few)


def test_cosines_are_the_weighted_mean_of_both_parts(crops, encoder):
    rows = encoder.embed(crops.values[:, 0])
    cut = SMALL.dim - SMALL.learned_dim
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    learned = np.sum(rows[:, cut:] ** 2, axis=1)
    np.testing.assert_allclose(learned, SMALL.learned_share, atol=1e-5)  # float32


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
    seen: list[tuple[int, int]] = []
    vectors, failures = embed_files(
        paths, ["s", "t00", "t01", "t02", "x"], encoder,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert vectors.track_ids == ("t00", "t01", "t02")
    assert [track for track, _ in failures] == ["s", "x"]
    assert failures[0][1] == "is silent (peak digital zero)"
    assert "is not audio" in failures[1][1]
    assert seen == [(done, 5) for done in range(1, 6)]
    expected = embed_crops(crops, encoder).values[:3]
    np.testing.assert_allclose(vectors.values, expected, atol=1e-5)  # other batch sizes


def test_nothing_to_embed_gives_no_vectors(encoder):
    vectors, failures = embed_files([], [], encoder)
    assert vectors.values.shape == (0, SMALL.dim)
    assert failures == []


def test_discriminants_find_the_direction_that_tells_tracks_apart():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 4, 3)) * [5.0, 1.0, 1.0]
    features[:, :, 1] += 3 * rng.normal(size=(200, 1))
    mean, directions = discriminants(features, 2, shrinkage=0.01)
    np.testing.assert_allclose(mean, features.mean(axis=(0, 1)))
    strongest = np.abs(directions[:, 0] * features.std(axis=(0, 1)))
    assert strongest.argmax() == 1
    assert strongest[1] > 10 * max(strongest[0], strongest[2])


@pytest.mark.parametrize("n_tracks", [2, 3])
def test_very_few_or_equal_tracks_still_train(n_tracks):
    flat = np.full((n_tracks, SMALL.n_crops, SMALL.crop_frames, 64), -3.0, np.float32)
    rows = train_encoder(flat, SMALL.model_copy(update={"steps": 2}), seed=0).embed(flat[:, 0])
    assert np.isfinite(rows).all()


def test_crops_that_do_not_fit_are_refused(crops):
    with pytest.raises(DataError, match="at least 2 tracks"):
        train_encoder(crops.values[:1], SMALL, seed=0)
    with pytest.raises(DataError, match="shape"):
        train_encoder(crops.values[:, :2], SMALL, seed=0)


def test_parts_that_do_not_fit_are_refused_by_the_config():
    with pytest.raises(ValidationError, match="leaves no room"):
        EncoderConfig(dim=16, learned_dim=16)
    with pytest.raises(ValidationError, match="window_frames"):
        EncoderConfig(crop_s=1.0)
