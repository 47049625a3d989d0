from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from pipelines.commands.bars import show_bars
from pipelines.commands.display import MAX_FIGURES, MAX_ROWS, print_json, print_report


def _printed(document: dict[str, Any], title: str = "job", width: int = 160) -> str:
    stream = io.StringIO()
    print_report(Console(file=stream, width=width), title, document)
    return stream.getvalue()


def _cells(line: str) -> list[str]:
    inner = line.replace("┃", "│").removeprefix("│").removesuffix("│")
    return [cell.strip() for cell in inner.split("│")]


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"ü": [1, None]})
    out = capsys.readouterr().out
    assert json.loads(out) == {"ü": [1, None]}
    assert "ü" in out


def test_json_refuses_what_json_has_no_word_for() -> None:
    with pytest.raises(ValueError, match="JSON"):
        print_json({"x": float("nan")})


def test_figures_are_rows_and_nested_ones_carry_their_path() -> None:
    text = _printed(
        {
            "rows_read": 1234567,
            "reasons": {"at is missing": 2},
            "rate": 0.123456,
            "created": False,
            "file": None,
            "tags": ("a", "b"),
            "at": 1_767_225_600_000,
        }
    )
    lines = [_cells(line) for line in text.splitlines()]
    for row in (
        ["rows read", "1,234,567"],
        ["reasons at is missing", "2"],
        ["rate", "0.1235"],
        ["created", "no"],
        ["file", "-"],
        ["tags", "a, b"],
        ["at", "2026-01-01 00:00:00 UTC"],
    ):
        assert row in lines


def test_lists_are_tables_and_intervals_stay_together() -> None:
    estimate = {"mean": 0.25, "low": 0.2, "high": 0.3}
    text = _printed(
        {
            "protocol": "temporal",
            "results": [
                {"model": "popular", "metrics": {"ndcg@10": estimate}},
                {"model": "two_stage", "metrics": {"ndcg@10": estimate, "mrr": estimate}},
            ],
        }
    )
    lines = [_cells(line) for line in text.splitlines()]
    assert ["model", "ndcg@10", "mrr"] in lines
    assert ["popular", "0.250 [0.200, 0.300]", ""] in lines
    assert ["two_stage", "0.250 [0.200, 0.300]", "0.250 [0.200, 0.300]"] in lines


def test_a_figure_that_was_not_measured_is_a_dash() -> None:
    nothing = {"mean": None, "low": None, "high": None}
    one = {"mean": 0.5, "low": None, "high": None}
    for width in (80, 160):
        text = _printed({"results": [{"model": "a", "x": nothing, "y": one}]}, width=width)
        assert ["a", "-", "0.500"] in [_cells(line) for line in text.splitlines()]


def test_a_narrow_terminal_keeps_names_whole_and_shortens_intervals() -> None:
    estimate = {"mean": 0.25, "low": 0.21, "high": 0.3}
    metrics = {f"metric@{at}": estimate for at in range(6)}
    text = _printed({"results": [{"model": "source:collaborative", "metrics": metrics}]}, width=80)
    assert "source:collaborative" in text
    assert "±0.050" in text  # the longer half: nothing is made to look surer than it is
    assert "…" not in text


def test_long_lists_say_what_they_leave_out() -> None:
    text = _printed({"slots": [{"position": row} for row in range(MAX_ROWS + 5)]})
    assert "and 5 more" in text


def test_figures_that_rows_do_not_share_stand_on_one_line() -> None:
    many = {f"error@{at}": at / 8 for at in range(MAX_FIGURES + 3)}
    rows = [{"kind": "bridge", "metrics": many}, {"kind": "ranker", "metrics": {"trees": 63}}]
    text = _printed({"artifacts": rows}, width=200)
    assert "trees 63" in text
    assert "error@1 0.125" in text
    assert "and 3 more" in text
    assert f"error@{MAX_FIGURES}" not in text


def test_markup_in_data_is_text() -> None:
    assert "[bold]title[/]" in _printed({"title": "[bold]title[/]", "rows": [{"a": "[red]x"}]})


def test_bars_pass_everything_on_and_draw_only_where_enabled() -> None:
    for enabled in (True, False):
        stream = io.StringIO()
        console = Console(file=stream, force_terminal=True, width=80)
        with show_bars(console, "train", enabled=enabled) as bars:
            assert list(bars.track(iter("abc"), "rendering", 3)) == ["a", "b", "c"]
            assert list(bars.track([1, 2], "again")) == [1, 2]
            move = bars.counter("fitting")
            move(1, 2)
            move(2, 2)
        assert ("train" in stream.getvalue()) == enabled


def test_a_bar_goes_when_its_step_fails() -> None:
    console = Console(file=io.StringIO(), force_terminal=True)
    with show_bars(console, "train", enabled=True) as bars:
        steps = bars.track([1, 2, 3], "half")
        next(steps)
        steps.close()  # type: ignore[attr-defined]
        assert [task.description for task in bars._display.tasks] == ["train"]
