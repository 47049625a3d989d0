"""How settings are read: one `segue.toml`, `SEGUE_…` variables over it, every fault at once.

A program declares a frozen pydantic model with one field a section and calls `load_settings`.
Sections that belong to another program of the house are known here, so that a mistyped one is not.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import ConfigError

PREFIX = "SEGUE_"
DEFAULT_FILE = "segue.toml"
SECTIONS = (
    "store", "feed", "embeddings", "train", "tune", "tracking", "evaluate", "world", "supply",
    "experiments", "service",
)  # fmt: skip
"""Every section that some program of the house reads."""


class StoreSection(BaseModel):
    """Where the operational store is (`[store]`); every program reads it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = ""
    """`postgresql+psycopg://user@host/name`; empty is SQLite inside the data folder."""


Settings = TypeVar("Settings", bound=BaseModel)


def load_settings(model: type[Settings], path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read the sections a program declares from a file and the environment.

    A variable names section and key with two underscores between: `SEGUE_FEED__SIZE=20` sets
    `[feed] size`. Its value is read as JSON where it is JSON, else as text.

    Args:
        model: A frozen model with one field a section.
        path: The TOML file; None reads `segue.toml` where there is one.
        environ: The environment.

    Raises:
        ConfigError: Naming every fault: unreadable file, unknown section, key or variable, value
            out of range.
    """
    chosen = path if path is not None else Path(DEFAULT_FILE)
    values = settings_file(path)
    faults = [f"[{name}] is not a section" for name in values if name not in SECTIONS]
    for name, text in environ.items():
        if name.startswith(PREFIX):
            faults += _set_variable(values, name, text)
    own = {name: value for name, value in values.items() if name in model.model_fields}
    try:
        settings = model.model_validate(own)
    except ValidationError as error:
        faults += [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    if faults:
        listed = "\n  ".join(faults)
        raise ConfigError(
            f"settings from {chosen} and {PREFIX}… variables cannot be used:\n  {listed}\n"
            f"sections are {', '.join(SECTIONS)}; docs/settings.md lists their keys"
        )
    return settings


def settings_file(path: Path | None) -> dict[str, Any]:
    """Return what a settings file says, unchecked.

    Args:
        path: The TOML file; None reads `segue.toml` where there is one.

    Raises:
        ConfigError: If it cannot be read.
    """
    default = Path(DEFAULT_FILE)
    if path is None:
        return _read_toml(default) if default.is_file() else {}
    return _read_toml(path)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the settings file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def _set_variable(values: dict[str, Any], name: str, text: str) -> list[str]:
    """Put one variable into the nested values; return what is wrong with it."""
    *parents, key = name.removeprefix(PREFIX).lower().split("__")
    if not parents or parents[0] not in SECTIONS:
        return [f"variable {name} names no section; write {PREFIX}SECTION__KEY"]
    place = values
    for parent in parents:
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            return [f"variable {name}: {parent} is a value, not a section"]
    try:
        place[key] = json.loads(text)
    except json.JSONDecodeError:
        place[key] = text
    return []
