"""Marks every test by the folder it stands in, and keeps workers out of each other's way."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# Before torch, faiss and OpenBLAS are loaded, by a worker or by a program that a test starts: two
# workers with a pool a core each wait for one another more than they compute.
for pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(pool, "1")

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("segue", deadline=None)
hypothesis.settings.load_profile("segue")

MARKS = ("unit", "contracts", "property", "integration", "e2e", "benchmarks")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the mark of its folder."""
    root = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(root).parts[0] if item.path.is_relative_to(root) else ""
        if folder in MARKS:
            item.add_marker(folder)
