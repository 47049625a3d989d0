"""The dictionary against a plain computation, and sounds that it must tell apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from embeddings.audio.spectrogram import N_MELS
from embeddings.encoder.dictionary import (
    BANDS,
    PATCH_FRAMES,
    STRIDE,
    THRESHOLD,
    SoundDictionary,
    fit_dictionary,
)

ATOMS = 12


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    """Tracks of two kinds: tones that stand still, and clicks."""
    rng = np.random.default_rng(0)
    values = rng.normal(-6, 0.1, size=(8, 3, 60, N_MELS))
    values[:4, :, :, 40:44] += 4
    values[4:, :, ::8] += 4
    return values.astype(np.float32)


@pytest.fixture(scope="module")
def dictionary(crops: np.ndarray) -> SoundDictionary:
    dictionary = SoundDictionary(ATOMS)
    dictionary.load_state_dict(fit_dictionary(crops, ATOMS, np.random.default_rng(1)))
    return dictionary


def test_a_description_is_the_mean_presence_of_each_atom(crops, dictionary):
    crop = crops[2, 1].reshape(60, BANDS, 2).mean(axis=2).astype(np.float64)
    kernel = dictionary.whitening.double().numpy()
    atoms = dictionary.atoms.double().numpy()[:, :, 0]
    present = []
    for start in range(0, 60 - PATCH_FRAMES + 1, STRIDE):
        patch = crop[start : start + PATCH_FRAMES].T
        white = (kernel * patch).sum(axis=(1, 2)) + dictionary.offset.double().numpy()
        cosines = atoms @ white / np.linalg.norm(white)
        present.append(np.maximum(cosines - THRESHOLD, 0))
    expected = np.sqrt(np.mean(present, axis=0) + 1e-8)
    found = dictionary(torch.from_numpy(crops[2:3, 1]))[0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-3)  # float32, amplified by the whitening


def test_atoms_are_unit_and_a_louder_crop_is_described_alike(crops, dictionary):
    lengths = dictionary.atoms[:, :, 0].norm(dim=1)
    assert torch.allclose(lengths, torch.ones(ATOMS), atol=1e-5)  # float32
    quiet = torch.from_numpy(crops[:, 0])
    assert torch.allclose(
        dictionary(quiet), dictionary(quiet + 1.5), atol=2e-3
    )  # float32, whitened


def test_kinds_of_sound_are_told_apart_by_direction(crops, dictionary):
    rows = dictionary(torch.from_numpy(crops[:, 0])).numpy()
    rows = rows - rows.mean(axis=0)
    cosines = rows @ rows.T / np.outer(*[np.linalg.norm(rows, axis=1)] * 2)
    assert cosines[:4, :4].min() > 0.5
    assert cosines[:4, 4:].max() < 0


def test_the_same_draws_give_the_same_dictionary(crops, dictionary):
    again = fit_dictionary(crops, ATOMS, np.random.default_rng(1))
    for name, value in dictionary.state_dict().items():
        assert torch.equal(value, again[name]), name
