"""From wall seconds to figures, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.bench.embed import speeds


def test_figures_are_those_of_a_calculation_by_hand():
    seconds = {
        "decode": np.array([2.0, 2.0, 4.0]),
        "mel": np.array([1.0, 1.0, 1.0]),
        "encoder": np.array([1.0, 1.0, 3.0]),
        "torch_forward": np.array([1.25, 1.25, 9.0]),
        "pipeline": np.array([2.5, 2.0, 5.0]),
    }
    found = speeds(seconds, audio_s=100.0, cores=2)
    assert found["slowest_stage"] == "decode"
    assert {name: found[name] for name in ("decode", "mel", "encoder", "torch_forward")} == {
        "decode": 50.0, "mel": 100.0, "encoder": 100.0, "torch_forward": 80.0,
    }  # fmt: skip
    assert (found["pipeline"], found["pipeline_wall"]) == (20.0, 40.0)
    assert found["ideal"] == pytest.approx(25.0)  # 1 / (0.02 + 0.01 + 0.01)
    # Within a round: 2 / 2.5, 2 / 2 and 4 / 5.
    assert (found["ratio"], found["ratio_low"], found["ratio_high"]) == (0.8, 0.8, 1.0)
    # Work in turn over core seconds: 4 / 5, 4 / 4 and 8 / 10.
    assert found["ratio_of_ideal"] == 0.8


def test_torch_is_never_the_slowest_stage():
    seconds = {name: np.ones(1) for name in ("decode", "mel", "pipeline")}
    found = speeds(seconds | {"encoder": np.full(1, 2.0), "torch_forward": np.full(1, 9.0)}, 1.0, 1)
    assert found["slowest_stage"] == "encoder"
