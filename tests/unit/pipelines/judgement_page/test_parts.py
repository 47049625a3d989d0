"""The page's parts: bins, dependence, charts."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from core.errors import ConfigError
from pipelines.judgement_page.charts import bar, dependence_chart, reliability_chart, whisker
from pipelines.judgement_page.importance import POINTS, dependence
from pipelines.judgement_page.page import prepare_folder
from pipelines.judgement_page.reliability import binned
from ranking.evaluation.intervals import Estimate


def test_bins_of_honest_probabilities_lie_on_the_diagonal() -> None:
    rng = np.random.default_rng(3)
    predicted = rng.uniform(0, 1, 40_000)
    found = binned("finish", predicted, rng.random(40_000) < predicted)
    assert [one.rows for one in found.bins] == [4_000] * 10
    # The standard error of a rate over 4,000 rows is at most 0.008.
    assert all(abs(one.predicted - one.observed) < 0.03 for one in found.bins)
    assert found.error == pytest.approx(
        np.mean([abs(one.predicted - one.observed) for one in found.bins])
    )
    halved = binned("finish", predicted / 2, rng.random(40_000) < predicted)
    assert halved.error == pytest.approx(0.25, abs=0.01)  # the mean of p - p / 2
    assert binned("none", np.empty(0), np.empty(0, bool)).error is None


def test_dependence_follows_what_is_added_and_keeps_the_missing_apart() -> None:
    values = np.append(np.linspace(-1, 1, 600), np.full(50, np.nan)).astype(np.float32)
    added = np.append(np.linspace(-1, 1, 600) ** 2, np.full(50, 7.0))
    found = dependence("x", values, added)
    assert found.missing == 7.0
    assert len(found.points) == POINTS
    assert all(abs(point.shap - point.value**2) < 0.02 for point in found.points)
    assert all(point.low <= point.shap <= point.high for point in found.points)
    nothing = dependence("x", np.full(3, np.nan, np.float32), np.ones(3))
    assert (nothing.points, nothing.missing) == ((), 1.0)
    assert "<svg" in dependence_chart(nothing)
    flat = dependence("x", np.ones(9, np.float32), np.ones(9))
    assert [(one.value, one.shap) for one in flat.points] == [(1.0, 1.0)]
    assert "nan" not in dependence_chart(flat).lower()


def test_a_whisker_stands_where_its_figure_says() -> None:
    drawn = whisker(Estimate(mean=0.5, low=0.25, high=0.75), 0.0, 1.0)
    assert re.findall(r'x[12]="([\d.]+)%"', drawn) == ["25.00", "75.00"]
    assert 'cx="50.00%"' in drawn
    assert whisker(Estimate(mean=0.5, low=float("nan"), high=0.7), 0, 1) == ""
    assert 'width="100.00%"' in bar(3.0)


def test_names_in_charts_are_words() -> None:
    found = binned('<b onload="x">', np.array([0.1, 0.9]), np.array([False, True]))
    assert "<b" not in reliability_chart(found)
    named = dependence("</svg><script>", np.ones(3, np.float32), np.ones(3))
    assert "<script" not in dependence_chart(named)


def test_a_folder_that_cannot_be_written_to_is_named_before_anything_is_judged(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file: "):
        prepare_folder(tmp_path / "file")
    prepare_folder(tmp_path / "new" / "folder")
    assert (tmp_path / "new" / "folder").is_dir()
