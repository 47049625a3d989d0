"""Marks every test by the folder it stands in."""

from __future__ import annotations

from pathlib import Path

import pytest

MARKS = ("unit", "contracts", "property", "integration", "e2e", "benchmarks")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the mark of its folder."""
    root = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(root).parts[0] if item.path.is_relative_to(root) else ""
        if folder in MARKS:
            item.add_marker(folder)
