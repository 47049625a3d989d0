"""Corrections agree with tea-tasting's and scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipelines.experiments.statistics.corrections import adjust

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(p_values=P_VALUES)
def test_benjamini_hochberg_is_scipys(p_values: list[float]) -> None:
    expected = stats.false_discovery_control(p_values)
    np.testing.assert_allclose(adjust(p_values, "benjamini_hochberg"), expected, rtol=1e-12)


@given(p_values=P_VALUES, alpha=st.floats(0.001, 0.5))
def test_holm_rejects_what_its_procedure_rejects(p_values: list[float], alpha: float) -> None:
    adjusted = adjust(p_values, "holm")
    left = len(p_values)
    for at in np.argsort(p_values, kind="stable"):
        # The procedure as it is published: stop at the first that does not hold.
        if p_values[at] * left > alpha:
            break
        assert adjusted[at] <= alpha
        left -= 1
    assert (adjusted <= alpha).sum() == len(p_values) - left


def test_holm_by_hand() -> None:
    assert adjust([0.04, 0.01, 0.03], "holm") == pytest.approx([0.06, 0.03, 0.06])
    assert adjust([0.04, 0.01], "none") == pytest.approx([0.04, 0.01])
    assert adjust([], "holm").size == 0
