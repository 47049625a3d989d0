"""Real data and reference figures beside the checkout, for the tests that need them."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"
SHARED_VECTORS = SHARED_DATA.parent / "reference" / "vectors"


def shared_data(name: str) -> Path:
    """Return a folder or file of real data, or skip the test where it is absent."""
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip(f"real data is absent: {path} does not exist")
    return path


def shared_vectors(name: str) -> Path:
    """Return figures from public sources, or skip the test where they are absent."""
    path = SHARED_VECTORS / name
    if not path.exists():
        pytest.skip(f"reference figures are absent: {path} does not exist")
    return path
