"""`segue evaluate audio` as a person and as a program meet it, over a small world of tones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import structlog

from pipelines import cli
from tests.support.onnx_models import waveform_model

RATE_HZ = 22_050
ALBUMS = 4
TRACKS = 4  # of each album: as many as the probe needs
SETTINGS = """
[embeddings.audio.encoder]
epochs = 1
epoch_steps = 2
n_crops = 2
channels = 8
atoms = 8
dim = 12
learned_dim = 4
reencoded_tracks = 2
"""
FIGURE = {"mean", "low", "high"}


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four albums of four tracks, each album with its own chord and beat, beside a silent file."""
    folder = tmp_path_factory.mktemp("outside") / "music"
    folder.mkdir()
    rng = np.random.default_rng(0)
    at = np.arange(6 * RATE_HZ) / RATE_HZ
    lines = ["track_id,package"]
    for album in range(ALBUMS):
        for track in range(TRACKS):
            pitch_hz = 110 * 2 ** (album + rng.uniform(0, 0.2))
            beat = 0.6 + 0.4 * np.sign(np.sin(2 * np.pi * (1 + album) * at))
            sound = 0.3 * beat * np.sin(2 * np.pi * pitch_hz * at)
            noisy = sound + 0.01 * rng.normal(size=at.size)
            name = f"a{album}-{track}"
            soundfile.write(folder / f"{name}.wav", noisy.astype(np.float32), RATE_HZ)
            lines.append(f"{name},album {album}")
    soundfile.write(folder / "silent.wav", np.zeros(RATE_HZ), RATE_HZ)
    (folder.parent / "tracks.csv").write_text("\n".join([*lines, "silent,album 0\n"]))
    return folder


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "segue.toml").write_text(SETTINGS)
    yield
    structlog.reset_defaults()


@pytest.fixture
def segue(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*words: str) -> tuple[int, str, str]:
        code = cli.run(words)
        return (code, *capsys.readouterr())

    return call


@pytest.fixture(scope="module")
def catalogue(music: Path) -> Path:
    """Return a data folder with the music in it, for copying."""
    data = music.parent / "data"
    words = ("--data", str(data), "import", "audio", str(music))
    assert cli.run((*words, "--metadata", f"{music}/../tracks.csv")) == 0
    return data


@pytest.fixture
def imported(catalogue: Path, tmp_path: Path) -> None:
    """Put the music into the data folder of the test."""
    shutil.copytree(catalogue, tmp_path / "data")


def retrieval(segue: Any, *words: str) -> dict[str, Any]:
    call = ("evaluate", "audio", "--label", "package", "--only", "retrieval", "--json", *words)
    code, out, told = segue(*call)
    assert code == 0, told
    found = json.loads(out)  # refuses anything before or after it
    assert isinstance(found, dict)
    return found


@pytest.mark.usefixtures("imported")
def test_the_catalogue_is_judged_in_one_document(segue: Any) -> None:
    found = retrieval(segue, "--folds", "2")
    assert [result["encoder"] for result in found["results"]] == ["segue", "mfcc", "random"]
    for result in found["results"]:
        for name in ("map", "recall@10", "probe_accuracy", "map_whole_catalogue"):
            assert set(result[name]) == FIGURE
            assert 0 <= result[name]["low"] <= result[name]["mean"] <= result[name]["high"] <= 1
    # Chords an octave apart: who hears anything finds the album.
    assert found["results"][1]["map"]["mean"] > 1.5 * found["chance"]["map"]
    assert set(found["map_ratio_to_mfcc"]) == FIGURE
    assert (found["recordings"], found["labels"], found["queries"]) == (16, 4, 16)
    assert found["folds"] == 2
    assert [track for track, _ in found["unreadable"]] == ["silent"]
    assert found["cold_start"] is found["duplicates"] is None


@pytest.mark.usefixtures("imported")
def test_the_live_encoder_is_judged_on_recordings_outside(segue: Any, music: Path) -> None:
    place = ("--from", str(music), "--metadata", f"{music}/../tracks.csv")
    code, _, told = segue("evaluate", "audio", *place, "--label", "package", "--only", "retrieval")
    assert code == 1
    assert "segue train" in told
    code, _, told = segue("train", "--only", "embed")
    assert code == 0, told
    found = retrieval(segue, *place)
    assert found["folds"] == 0
    assert found["queries"] == 16
    assert found["results"][0]["map"]["mean"] > 1.5 * found["chance"]["map"]
    assert found["results"][0]["map_whole_catalogue"]["mean"] is None
    code, out, told = segue("evaluate", "audio", *place, "--label", "package", "--only=retrieval")
    assert code == 0, told
    assert "mfcc" in out
    assert "silent" in out


@pytest.mark.usefixtures("imported")
def test_a_foreign_model_is_judged_in_the_same_folds_untrained(segue: Any, tmp_path: Path) -> None:
    model = waveform_model(tmp_path / "foreign.onnx")
    (tmp_path / "segue.toml").write_text(
        f'[embeddings.audio]\nbackbone = "onnx:{model}"\n' + SETTINGS
    )
    found = retrieval(segue, "--folds", "2")
    assert found["folds"] == 2
    assert found["queries"] == 16
    assert 0 < found["results"][0]["map"]["mean"] <= 1


@pytest.mark.usefixtures("imported")
@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("--label", "vibe"), 2, "--label vibe"),
        (("--label", "title"), 1, "fewer than two"),
        (("--label", "package", "--folds", "9"), 2, "--folds 4"),
        (("--label", "package", "--folds", "1"), 2, "--folds"),
        (("--seeds", "0"), 2, "--seeds"),
        (("--only", "taste"), 2, "retrieval, cold-start, duplicates"),
        (("--from", "."), 2, "--metadata"),
        (("--metadata", "segue.toml"), 2, "--from"),
        (("--from", "absent", "--metadata", "segue.toml"), 2, "absent"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
def test_a_wrong_call_is_told_in_words(
    segue: Any, words: tuple[str, ...], code: int, text: str
) -> None:
    found = segue("evaluate", "audio", *words)
    assert found[0] == code, found
    assert text in found[2].replace("\n", " ")
    assert "Traceback" not in found[2]


@pytest.mark.usefixtures("imported")
def test_recordings_outside_that_cannot_be_judged_are_told(
    segue: Any, music: Path, tmp_path: Path
) -> None:
    assert segue("train", "--only", "embed")[0] == 0
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.csv").write_text("who,what\n1,2\n")
    csv = f"{music}/../tracks.csv"
    cases = [
        ((str(tmp_path / "empty"), csv, "package"), 1, "holds no recordings"),
        ((str(music), "bad.csv", "package"), 2, "no such column"),
        ((str(music), csv, "album"), 2, "--label album"),
    ]
    for (folder, metadata, label), code, text in cases:
        words = ("--from", folder, "--metadata", metadata, "--label", label)
        found = segue("evaluate", "audio", *words, "--only", "retrieval")
        assert (found[0], text in found[2].replace("\n", " ")) == (code, True), found


def test_an_empty_workspace_says_what_to_do(segue: Any) -> None:
    code, out, told = segue("evaluate", "audio", "--only", "retrieval")
    assert (code, out) == (1, "")
    assert "import audio" in told


def test_options_of_the_feed_do_not_stand_before_audio(segue: Any) -> None:
    code, _, told = segue("evaluate", "--seeds", "3", "audio")
    assert code == 2
    assert "--seeds before audio" in told.replace("\n", " ")
    code, out, _ = segue("evaluate", "--json", "audio", "--only", "retrieval")
    assert (code, set(json.loads(out))) == (1, {"error"})
