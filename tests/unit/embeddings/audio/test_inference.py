"""Embedding files: order, pooling, and bad files beside good ones."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from core.errors import DataError
from embeddings.audio.embedder import Cut
from embeddings.audio.inference import embed_crops, embed_files
from embeddings.audio.waveform import SAMPLE_RATE_HZ, read_crops
from embeddings.vectors import unit_rows
from tests.support.sound_files import tone, write_sound

DIM = 3


class Moments:
    """An encoder whose vectors are the moments of a crop; it may fail to give a finite one."""

    cut = Cut(3, 1.0, SAMPLE_RATE_HZ)
    dim = DIM

    def __init__(self) -> None:
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()

    def embed_waves(self, waves):
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        rows = np.stack([waves.std(axis=1), np.abs(waves).mean(axis=1), waves.max(axis=1)], axis=1)
        with self._lock:
            self.at_once -= 1
        return np.where(rows[:, 2:] > 0.9, np.nan, unit_rows(rows)).astype(np.float32)

    def embed(self, mels):
        return unit_rows(mels[:, 0, :DIM])


def recordings(folder: Path, count: int) -> list[Path]:
    return [
        write_sound(
            folder / f"{at}.wav", tone(4, 8_000, 200 + 50 * at) * (at + 1) / count, 8_000, "wav"
        )
        for at in range(count)
    ]


def test_a_vector_is_the_normalised_mean_of_its_crops(tmp_path):
    (path,) = recordings(tmp_path, 1)
    vectors, failures = embed_files([path], ["a"], Moments())
    expected = Moments().embed_waves(read_crops(path, 3, 1.0)).mean(axis=0, keepdims=True)
    np.testing.assert_allclose(vectors.values, unit_rows(expected), rtol=1e-6)
    assert failures == []


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_order_and_values_do_not_depend_on_the_workers(tmp_path, threads):
    paths = recordings(tmp_path, 9)
    ids = [f"t{at}" for at in range(9)]
    told: list[tuple[int, int]] = []
    encoder = Moments()
    vectors, _ = embed_files(
        paths, ids, encoder, threads=threads, progress=lambda *at: told.append(at)
    )
    alone = [embed_files([path], ["x"], encoder)[0].values[0] for path in paths]
    assert vectors.track_ids == tuple(ids)
    np.testing.assert_array_equal(vectors.values, np.stack(alone))
    assert told == [(at + 1, 9) for at in range(9)]
    assert encoder.most_at_once <= threads


def test_bad_files_are_listed_and_the_batch_goes_on(tmp_path):
    good = recordings(tmp_path, 2)
    empty = tmp_path / "empty.ogg"
    empty.touch()
    loud = write_sound(tmp_path / "loud.wav", tone(4, 8_000) * 1.99, 8_000, "wav")
    paths = [empty, good[0], tmp_path / "absent.mp3", loud, good[1]]
    vectors, failures = embed_files(paths, list("abcde"), Moments())
    assert vectors.track_ids == ("b", "e")
    assert failures == [
        ("a", "is empty"),
        ("c", "there is no such file"),
        ("d", "got no finite vector from the encoder"),
    ]


def test_nothing_gives_no_rows():
    vectors, failures = embed_files([], [], Moments())
    assert (vectors.values.shape, failures) == ((0, DIM), [])


def test_ids_must_fit_the_paths():
    with pytest.raises(ValueError, match="1 paths for 2 track ids"):
        embed_files([Path("a")], ["a", "b"], Moments())
    with pytest.raises(DataError, match="stand more than once"):
        embed_files([Path("a"), Path("b")], ["a", "a"], Moments())


def test_an_interrupted_batch_reads_no_further(tmp_path):
    paths = recordings(tmp_path, 1) * 200
    ids = [str(at) for at in range(200)]
    read: list[int] = []
    interrupted = threading.Event()

    def embed_waves(waves: np.ndarray) -> np.ndarray:
        assert not read or interrupted.wait(10)
        read.append(len(read))
        return np.ones((len(waves), DIM), np.float32)

    def stop(_done: int, _total: int) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    encoder = Moments()
    encoder.embed_waves = embed_waves
    with pytest.raises(KeyboardInterrupt):
        embed_files(paths, ids, encoder, threads=1, progress=stop)
    assert len(read) < len(paths)


def test_crops_that_were_read_already_are_pooled_alike():
    values = np.random.default_rng(0).normal(size=(4, 2, 3, 5)).astype(np.float16)
    encoder = Moments()
    vectors = embed_crops(SimpleNamespace(track_ids=tuple("abcd"), values=values), encoder)
    for row in range(4):
        expected = encoder.embed(values[row]).mean(axis=0, keepdims=True)
        np.testing.assert_allclose(vectors.values[row], unit_rows(expected)[0], rtol=1e-5)
    nothing = embed_crops(SimpleNamespace(track_ids=(), values=values[:0]), encoder)
    assert nothing.values.shape == (0, DIM)
