"""The bench measures real files with a real network, trained or not."""

from __future__ import annotations

import pytest
import torch

from core.errors import DataError
from core.workspace import open_workspace
from embeddings.audio.configuration import EncoderConfig
from embeddings.encoder.network import AudioEncoder, EncoderNetwork
from pipelines.bench.embed import EmbedBenchConfig, bench_embed
from pipelines.job import Silent
from tests.support.sound_files import tone, write_sound

ENCODER = EncoderConfig(n_crops=2, crop_s=4.0)
CONFIG = EmbedBenchConfig(tracks=2, rounds=1)


@pytest.fixture
def workspace(tmp_path):
    with open_workspace(tmp_path / "data") as opened:
        yield opened


def test_rendered_clips_are_measured_stage_by_stage(workspace):
    threads = torch.get_num_threads()
    report = bench_embed(workspace, ENCODER, CONFIG, Silent())
    document = report.document()
    for stage in ("decode", "mel", "encoder", "torch_forward", "pipeline", "ideal", "ratio"):
        assert document[stage] > 0, stage
    assert (report.recordings, report.audio_s, report.batch_crops) == (2, 16.0, 2)
    assert report.slowest_stage in {"decode", "mel", "encoder"}
    assert not report.trained
    assert torch.get_num_threads() == threads


def test_files_of_a_folder_and_the_newest_encoder_are_measured(workspace, tmp_path):
    config = EncoderConfig(n_crops=3, crop_s=4.0)
    encoder = AudioEncoder(config, EncoderNetwork(config).eval())
    workspace.artifacts.create("encoder", encoder.save, now_ms=1, config={}, inputs={})
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name in ("a.ogg", "c.flac"):
        write_sound(folder / name, tone(13, 22_050), 22_050, name.split(".")[1])
    (folder / "b.mp3").touch()
    config = EmbedBenchConfig(tracks=3, rounds=1, threads=1)
    report = bench_embed(workspace, ENCODER, config, Silent(), folder=folder)
    assert (report.trained, report.batch_crops, report.recordings) == (True, 3, 2)
    assert report.unreadable == (("b.mp3", "is empty"),)
    assert report.pipeline == report.pipeline_wall


def test_too_few_recordings_are_refused(workspace, tmp_path):
    folder = tmp_path / "recordings"
    folder.mkdir()
    with pytest.raises(DataError, match=r"0 of 0 recordings in .* can be read and 2 are needed"):
        bench_embed(workspace, ENCODER, CONFIG, Silent(), folder=folder)
