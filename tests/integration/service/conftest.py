"""One running service for the tests that leave its tracks as they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from tests.support.service_world import Service, lay_world, running_service
from tests.support.supply_api import Api, running_api


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service over sixty tracks; tests use listeners of their own."""
    data = tmp_path_factory.mktemp("service") / "data"
    lay_world(data)
    with running_service(data) as running:
        yield running


@pytest.fixture(scope="package", params=["sqlite", "postgresql"])
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service with keys and a filled supply loop, once over each kind of store."""
    root = tmp_path_factory.mktemp("supply")
    if request.param == "sqlite":
        with running_api(root) as running:
            yield running
        return
    server: Any = request.getfixturevalue("postgres_server")
    name = f"segue_supply_{os.getpid()}"
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    own = url.set(database=name).render_as_string(hide_password=False)
    with running_api(root, own) as running:
        yield running
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
