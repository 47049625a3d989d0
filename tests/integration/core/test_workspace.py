from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ConfigError
from core.workspace import open_workspace

pytest_plugins = ["tests.support.postgres"]


def test_a_new_folder_is_laid_out_and_opens_again(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "data"
    with open_workspace(root) as workspace:
        assert (root / "segue.db").is_file()
        assert workspace.audio == root / "audio"
        assert workspace.rejects == root / "rejects"
        assert workspace.artifacts.list() == []
        assert workspace.artifacts.live() is None
    with open_workspace(root) as workspace:
        assert workspace.warehouse.root == root / "warehouse"


def test_the_store_may_be_elsewhere(tmp_path: Path, postgres_url: str) -> None:
    with open_workspace(tmp_path / "data", postgres_url) as workspace:
        assert workspace.database.url.startswith("postgresql+psycopg://")
    assert not (tmp_path / "data" / "segue.db").exists()


def test_a_folder_that_cannot_be_made_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ConfigError, match=r"cannot be made.*--data"),
        open_workspace(tmp_path / "file" / "data"),
    ):
        pass
