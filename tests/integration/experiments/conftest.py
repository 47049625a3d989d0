"""One running service for the tests that speak to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.experiment_api import Api, running_api


@pytest.fixture(scope="package")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service with keys; tests use experiments of their own."""
    with running_api(tmp_path_factory.mktemp("experiments")) as running:
        yield running
