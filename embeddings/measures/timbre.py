"""Timbre: how the energy of a recording lies over the spectrum, on average and in motion."""

from __future__ import annotations

import numpy as np
from scipy import fft

from embeddings.measures.spectra import Samples, Values, power_spectra, triangular_bands


def timbre_vector(samples: Samples, rate_hz: int, n_coefficients: int = 20) -> Values:
    """Return mean and spread over time of mel-like cepstral coefficients, (2 * n_coefficients,).

    Args:
        samples: (n,) or (n, channels).
        rate_hz: Samples a second.
        n_coefficients: Coefficients kept; the first, which is loudness, is left out.
    """
    hz, power = power_spectra(samples, rate_hz, 1024, 512)
    bands = np.log(triangular_bands(hz, 40, 60.0, 14_000.0) @ power + 1e-8)
    cepstrum = fft.dct(bands, axis=0, norm="ortho")[1 : n_coefficients + 1]
    return np.concatenate([cepstrum.mean(axis=1), cepstrum.std(axis=1)])
