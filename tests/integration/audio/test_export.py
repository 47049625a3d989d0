"""The encoder that is trained and the one that is run give the same vectors of real sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from embeddings.audio.configuration import EncoderConfig
from embeddings.audio.inference import embed_files
from embeddings.audio.runtime import NETWORK_FILE, OnnxEncoder
from embeddings.audio.spectrogram import log_mel
from embeddings.audio.waveform import read_crops
from embeddings.encoder.export import export_onnx
from embeddings.encoder.network import AudioEncoder, EncoderNetwork
from pipelines.world.catalogue import draw_catalogue, record_track

CONFIG = EncoderConfig()
TRACKS = 4


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("recordings")
    drawn = draw_catalogue(TRACKS, seed=3).attributes
    return [record_track(one, folder / f"{at}.ogg", 32_000) for at, one in enumerate(drawn)]


def drawn_encoder() -> AudioEncoder:
    """Return an encoder with every weight and every fitted value drawn, as if it were trained."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = EncoderNetwork(CONFIG)
        for name, value in network.named_buffers():
            if not value.is_floating_point():
                continue
            if any(word in name for word in ("var", "scale")):
                value.uniform_(0.5, 2.0)
            else:
                value.normal_(0.0, 0.3)
    return AudioEncoder(CONFIG, network.eval())


def test_onnx_and_torch_agree_on_recordings(recordings, tmp_path):
    encoder = drawn_encoder()
    encoder.save(tmp_path)
    if not (tmp_path / NETWORK_FILE).exists():
        export_onnx(encoder.network, CONFIG, tmp_path / NETWORK_FILE)
    exported = OnnxEncoder.load(tmp_path)
    waves = [read_crops(path, CONFIG.n_crops, CONFIG.crop_s) for path in recordings]
    mels = np.stack([log_mel(wave) for one in waves for wave in one])
    expected = encoder.embed(mels)
    for batch in (1, 3, len(mels)):
        # What the two may differ by; measured 2e-7.
        np.testing.assert_allclose(exported.embed(mels[:batch]), expected[:batch], atol=1e-4)
    vectors, failures = embed_files(recordings, [path.stem for path in recordings], exported)
    means = expected.reshape(TRACKS, CONFIG.n_crops, -1).mean(axis=1)
    cosines = np.sum(vectors.values * means, axis=1) / np.linalg.norm(means, axis=1)
    np.testing.assert_allclose(cosines, 1.0, atol=1e-5)  # float32
    assert failures == []
