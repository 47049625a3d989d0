"""The page on the service tells of everything the service has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.app import create_app
from service.metrics import Metrics
from service.settings import Settings

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")


def test_every_path_is_told(tmp_path: Path) -> None:
    paths = create_app(Settings(), tmp_path).openapi()["paths"]
    assert [path for path in paths if path not in PAGE] == []


def test_every_metric_is_told() -> None:
    found = re.findall(r"# TYPE (\S+) ", Metrics().exposition().decode())
    defined = [name for name in found if not name.endswith("_created")]  # the command hides these
    assert defined
    assert [name for name in defined if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize("schema", ["Slot", "FeedAnswer", "EventVerdict", "Readiness"])
def test_every_field_is_told(tmp_path: Path, schema: str) -> None:
    known = create_app(Settings(), tmp_path).openapi()["components"]["schemas"][schema]
    assert [name for name in known["properties"] if name not in PAGE] == []
