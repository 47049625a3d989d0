"""The simulations of the experiments' statistics, small, with four standard errors to spare."""

from __future__ import annotations

import pytest

from benchmarks.experiment_simulations import PARTS, figures


@pytest.mark.parametrize("part", PARTS)
def test_promises_are_kept(part: str) -> None:
    found = figures(part, quick=True)
    assert found
    missed = [figure for figure in found if not figure.passes(errors=4.0)]
    assert missed == []
