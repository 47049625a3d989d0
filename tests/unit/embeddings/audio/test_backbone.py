"""Foreign models: fed as their input wants, read as vectors, refused with a reason."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from core.errors import ArtifactError, ConfigError
from embeddings.audio.backbone import backbone_path, open_backbone
from embeddings.audio.configuration import BackboneConfig
from embeddings.audio.frontend import FrontEnd, MelConfig
from embeddings.vectors import unit_rows
from tests.support.onnx_models import identity_model, mean_model, save_model, waveform_model

RATE_HZ = 8_000
MEL = MelConfig(n_mels=16, n_fft=256, hop=80, max_hz=4_000)
CONFIG = BackboneConfig(sample_rate_hz=RATE_HZ, crop_s=0.5, n_crops=2, mel=MEL)


def noise(rows: int, samples: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0.1, 0.1, (rows, samples)).astype(np.float32)


def test_the_setting_names_our_encoder_or_a_file():
    assert backbone_path("segue") is None
    assert str(backbone_path("onnx:models/mert.onnx")) == "models/mert.onnx"
    for wrong in ("", "onnx:", "mert", "torch:a.pt"):
        with pytest.raises(ConfigError, match="onnx:PATH"):
            backbone_path(wrong)


def test_a_waveform_model_gets_the_waveform(tmp_path):
    backbone = open_backbone(waveform_model(tmp_path / "a.onnx"), CONFIG)
    assert (backbone.cut.count, backbone.cut.samples, backbone.dim) == (2, 4_000, 2)
    waves = noise(3, 4_000)
    expected = np.stack([waves.mean(axis=1), (waves**2).mean(axis=1)], axis=1)
    np.testing.assert_allclose(backbone.embed_waves(waves), unit_rows(expected), rtol=1e-4)
    assert backbone.embed_waves(waves[:0]).shape == (0, 2)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_fixed_batch_and_a_fixed_length_are_kept(tmp_path, batch):
    path = waveform_model(tmp_path / "a.onnx", batch=batch, samples=1_000)
    backbone = open_backbone(path, CONFIG)
    assert backbone.cut.samples == 1_000
    waves = noise(6, 1_000)
    expected = np.stack([waves.mean(axis=1), (waves**2).mean(axis=1)], axis=1)
    np.testing.assert_allclose(backbone.embed_waves(waves), unit_rows(expected), rtol=1e-4)


def test_standardised_crops_have_mean_0_and_variance_1(tmp_path):
    config = CONFIG.model_copy(update={"standardise": True})
    vector = open_backbone(waveform_model(tmp_path / "a.onnx"), config).embed_waves(noise(1, 4_000))
    np.testing.assert_allclose(vector, [[0.0, 1.0]], atol=1e-5)  # float32 sums


@pytest.mark.parametrize(
    ("shape", "axes", "layout"),
    [
        (("b", "t", 16), [1], "auto"),
        (("b", 16, "t"), [2], "auto"),
        (("b", 1, "t", 16), [1, 2], "auto"),
        (("b", 1, 16, "t"), [1, 3], "auto"),
        (("b", "c", "t", "m"), [1, 2], "frames_bands"),
    ],
)
def test_a_mel_model_gets_its_layout(tmp_path, shape, axes, layout):
    config = CONFIG.model_copy(update={"layout": layout})
    path = mean_model(tmp_path / "a.onnx", shape, axes, ("b", 16))
    waves = noise(2, 4_000)
    front = FrontEnd(MEL, RATE_HZ)
    expected = np.stack([front.log_mel(wave).mean(axis=0) for wave in waves])
    vectors = open_backbone(path, config).embed_waves(waves)
    np.testing.assert_allclose(vectors, unit_rows(expected), atol=1e-5)  # float32 sums


@pytest.mark.parametrize("centred", [True, False])
def test_fixed_frames_decide_the_length_of_a_crop(tmp_path, centred):
    mel = MEL.model_copy(update={"centred": centred})
    config = CONFIG.model_copy(update={"mel": mel})
    backbone = open_backbone(identity_model(tmp_path / "a.onnx", ("b", 101, 16)), config)
    assert backbone.cut.samples == mel.samples(101)
    assert mel.frames(backbone.cut.samples) == 101
    assert backbone.embed_waves(noise(1, backbone.cut.samples)).shape == (1, 16)


def test_time_is_averaged_along_its_axis(tmp_path):
    path = identity_model(tmp_path / "a.onnx", ("b", 101, 16))
    front = FrontEnd(MEL, RATE_HZ)
    waves = noise(1, MEL.samples(101))
    mel = front.log_mel(waves[0])
    for axis, expected in ((1, mel.mean(axis=0)), (2, mel.mean(axis=1))):
        config = CONFIG.model_copy(update={"time_axis": axis})
        vectors = open_backbone(path, config).embed_waves(waves)
        np.testing.assert_allclose(vectors, unit_rows(expected[None]), atol=1e-5)  # float32 sums


def two_outputs(path):
    nodes = [
        helper.make_node("Identity", ["x"], ["whole"]),
        helper.make_node("ReduceMean", ["x"], ["vectors"], axes=[1], keepdims=0),
    ]
    return save_model(
        path, nodes, {"x": ("b", 1, "n")}, {"whole": ("b", 1, "n"), "vectors": ("b", "n")}
    )


def test_an_output_is_chosen_by_its_name(tmp_path):
    path = two_outputs(tmp_path / "a.onnx")
    waves = noise(2, 4_000)
    for output in ("", "whole", "vectors"):
        backbone = open_backbone(path, CONFIG.model_copy(update={"output": output}))
        np.testing.assert_allclose(backbone.embed_waves(waves), unit_rows(waves), atol=1e-6)
    with pytest.raises(ConfigError, match="no output 'hidden'; it has whole, vectors"):
        open_backbone(path, CONFIG.model_copy(update={"output": "hidden"}))


def test_a_missing_or_broken_file_is_refused_by_name(tmp_path):
    with pytest.raises(ArtifactError, match=r"no ONNX model at .*absent\.onnx"):
        open_backbone(tmp_path / "absent.onnx", CONFIG)
    whole = waveform_model(tmp_path / "a.onnx").read_bytes()
    for name, data in {"text": b"hello", "empty": b"", "cut": whole[: len(whole) // 2]}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ArtifactError, match=f"{name} is no ONNX model"):
            open_backbone(tmp_path / name, CONFIG)


def two_inputs(path):
    nodes = [helper.make_node("Add", ["x", "mask"], ["y"])]
    shape = ("b", "n")
    return save_model(path, nodes, {"x": shape, "mask": shape}, {"y": shape})


def not_finite(path):
    nodes = [helper.make_node("Log", ["x"], ["y"])]  # of negative samples: NaN
    return save_model(path, nodes, {"x": ("b", "n")}, {"y": ("b", "n")})


def scalar(path):
    return mean_model(path, ("b", "n"), [1], ("b",))


@pytest.mark.parametrize(
    ("make", "changes", "words"),
    [
        (two_inputs, {}, "inputs x, mask; export the part that takes audio alone"),
        (not_finite, {}, "gives no finite vector of a tone"),
        (scalar, {}, r"output 'y' .* has shape \(1,\) for 1 crops"),
        (lambda path: identity_model(path, ("n",)), {}, r"takes tensor\(float\) \(any\)"),
        (lambda path: identity_model(path, ("b", "t", "m")), {}, "set layout"),
        (lambda path: identity_model(path, ("b", 3, "t", 16)), {}, "no log mel"),
        (lambda path: identity_model(path, ("b", "t", 32)), {"layout": "frames_bands"}, "n_mels"),
        (lambda path: identity_model(path, ("b", 2, 16)), {}, "too short for mel.n_fft 256"),
        (lambda path: identity_model(path, ("b", "t", 16)), {"input": "waveform"}, "no waveform"),
        (
            lambda path: identity_model(path, ("b", 1, "t", 16)),
            {"input": "waveform"},
            "no waveform",
        ),
        (waveform_model, {"input": "log_mel"}, "no log mel"),
        (
            lambda path: identity_model(path, ("b", "t", 16)),
            {"sample_rate_hz": 4_000},
            "needs a sample_rate_hz of at least 8000",
        ),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_with_the_reason(tmp_path, make, changes, words):
    config = CONFIG.model_copy(update=changes)
    path = make(tmp_path / "a.onnx")
    with pytest.raises(ConfigError, match=words) as caught:
        open_backbone(path, config)
    assert "a.onnx" in str(caught.value) or "sample_rate_hz" in str(caught.value)
