from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from core.errors import ConfigError
from core.settings import load_settings


class _Inner(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    share: float = Field(0.1, ge=0, le=1)


class _Feed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    size: int = Field(20, ge=1, le=100)
    name: str = ""
    sources: tuple[str, ...] = ()
    fresh: _Inner = _Inner()


class _Store(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    url: str = ""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    feed: _Feed = _Feed()
    store: _Store = _Store()


def _file(folder: Path, text: str) -> Path:
    path = folder / "segue.toml"
    path.write_text(text)
    return path


def test_without_a_file_the_defaults_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(_Settings, None, {"HOME": "/root"}) == _Settings()


def test_segue_toml_in_the_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _file(tmp_path, "[feed]\nsize = 7\n")
    monkeypatch.chdir(tmp_path)
    assert load_settings(_Settings, None, {}).feed.size == 7


def test_variables_stand_over_the_file_key_by_key(tmp_path: Path) -> None:
    path = _file(tmp_path, "[feed]\nsize = 7\nname = 'file'\n[feed.fresh]\nshare = 0.2\n")
    environ = {
        "SEGUE_FEED__SIZE": "9",
        "SEGUE_FEED__SOURCES": '["popular", "fresh"]',
        "SEGUE_FEED__FRESH__SHARE": "0.5",
        "SEGUE_STORE__URL": "postgresql://host/name",
    }
    settings = load_settings(_Settings, path, environ)
    assert settings.feed == _Feed(
        size=9, name="file", sources=("popular", "fresh"), fresh=_Inner(share=0.5)
    )
    assert settings.store.url == "postgresql://host/name"


def test_sections_of_other_programs_are_left_alone(tmp_path: Path) -> None:
    path = _file(tmp_path, "[service]\nport = 'not our business'\n[world]\nx = 1\n")
    assert load_settings(_Settings, path, {"SEGUE_TRAIN__SEED": "3"}) == _Settings()


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "[fed]\nsize = 3\n[feed]\nsize = 1000\nsizes = 3\n[feed.fresh]\nshare = 'much'\n",
    )
    environ = {"SEGUE_FEEED__SIZE": "3", "SEGUE_DATA": "x", "SEGUE_STORE__URI": "y"}
    with pytest.raises(ConfigError) as caught:
        load_settings(_Settings, path, environ)
    message = str(caught.value)
    for fault in (
        str(path),
        "[fed] is not a section",
        "feed.size: Input should be less than or equal to 100",
        "feed.sizes: Extra inputs are not permitted",
        "feed.fresh.share: Input should be a valid number",
        "variable SEGUE_FEEED__SIZE names no section",
        "variable SEGUE_DATA names no section",
        "store.uri: Extra inputs are not permitted",
        "docs/settings.md",
    ):
        assert fault in message


def test_a_variable_cannot_reach_into_a_value(tmp_path: Path) -> None:
    path = _file(tmp_path, "[feed]\nsize = 3\n")
    with pytest.raises(ConfigError, match="SEGUE_FEED__SIZE__X: size is a value, not a section"):
        load_settings(_Settings, path, {"SEGUE_FEED__SIZE__X": "1"})


def test_a_section_written_as_a_value_is_a_fault(tmp_path: Path) -> None:
    path = _file(tmp_path, "feed = 3\n")
    with pytest.raises(ConfigError, match="feed: Input should be"):
        load_settings(_Settings, path, {})
    with pytest.raises(ConfigError, match="feed is a value, not a section"):
        load_settings(_Settings, path, {"SEGUE_FEED__SIZE": "1"})


def test_a_named_file_must_exist_and_be_toml(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the settings file .*No such file"):
        load_settings(_Settings, tmp_path / "absent.toml", {})
    with pytest.raises(ConfigError, match="is not TOML"):
        load_settings(_Settings, _file(tmp_path, "[feed\n"), {})
    with pytest.raises(ConfigError, match="cannot read the settings file"):
        load_settings(_Settings, tmp_path, {})
