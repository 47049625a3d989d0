"""One running service for the tests that leave its tracks as they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.service_world import Service, lay_world, running_service


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service over sixty tracks; tests use listeners of their own."""
    data = tmp_path_factory.mktemp("service") / "data"
    lay_world(data)
    with running_service(data) as running:
        yield running
