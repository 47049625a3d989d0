"""What is asked of an experiment comes from a file, and a faulty one is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ExperimentError
from pipelines.experiments.question import read_question

TOML = """
key = "fresh-share"
variations = ["control", "fresh", "bold"]
weights = [2, 1, 1]
start_ms = 2026-03-01T00:00:00Z
end_ms = 2026-03-15T12:00:00+12:00
primary = ["listening_hours"]
guardrails = ["skip_rate"]
secondary = ["likes"]
method = "group_sequential"
planned_listeners = 10000
"""


def test_times_and_weights_are_read(tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(TOML)
    asked = read_question(path)
    assert asked.start_ms == 1_772_323_200_000
    assert asked.end_ms == 1_773_532_800_000
    assert asked.shares == {"control": 0.5, "fresh": 0.25, "bold": 0.25}
    assert asked.control == "control"
    assert asked.metrics == ("listening_hours", "skip_rate", "likes")
    assert [asked.role(name) for name in asked.metrics] == ["goal", "guardrail", "watched"]
    as_json = tmp_path / "spec.json"
    as_json.write_text(asked.model_dump_json())
    assert read_question(as_json) == asked


FAULTS = {
    "name one twice": ('"bold"]', '"fresh"]'),
    "do not fit 3 variations": ("[2, 1, 1]", "[1, 1]"),
    "give each a positive one": ("[2, 1, 1]", "[1, 0, 1]"),
    "does not lie after": ("2026-03-15", "2026-02-15"),
    "have two roles": ('["likes"]', '["likes", "skip_rate"]'),
    "needs planned_listeners": ("planned_listeners = 10000", ""),
    "say the same twice": (
        "planned_listeners",
        "looks = [1]\nlook_times_ms = [5]\nplanned_listeners",
    ),
    "method": ("group_sequential", "peeking"),
    "is not TOML": ("key =", "key"),
}


@pytest.mark.parametrize("told", FAULTS)
def test_faults_are_named(told: str, tmp_path: Path) -> None:
    old, new = FAULTS[told]
    assert old in TOML
    path = tmp_path / "spec.toml"
    path.write_text(TOML.replace(old, new))
    with pytest.raises(ExperimentError, match=told):
        read_question(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"spec\.toml cannot be read"):
        read_question(tmp_path / "spec.toml")
