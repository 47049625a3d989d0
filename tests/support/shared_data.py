"""Real data beside the checkout, for the tests that need it."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"


def shared_data(name: str) -> Path:
    """Return a folder or file of real data, or skip the test where it is absent."""
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip(f"real data is absent: {path} does not exist")
    return path
