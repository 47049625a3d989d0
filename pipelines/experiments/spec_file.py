"""Read what a team wrote of an experiment from a TOML or JSON file."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.errors import DataError
from ranking.experiments.definitions.spec import ExperimentSpec

SHOWN_CHARS = 60  # of a wrong value


def read_spec(path: Path) -> tuple[ExperimentSpec, int | None]:
    """Read a spec, or what `segue experiment show --json` prints.

    Args:
        path: The file; JSON where its name ends so, else TOML.

    Returns:
        The spec, and the revision that the file says it was made from, if it does.

    Raises:
        DataError: Naming every field that is wrong and its value.
    """
    document = _document(path)
    shown = document.get("spec")
    revision = document.get("revision") if isinstance(shown, dict) else None
    try:
        read = ExperimentSpec.model_validate(shown if isinstance(shown, dict) else document)
    except ValidationError as error:
        faults = "\n  ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'as a whole'}: {fault['msg']} (given: "
            f"{_shown(fault['input'])})"
            for fault in error.errors()
        )
        raise DataError(
            f"{path} is no experiment:\n  {faults}\ndocs/experiments.md lists every field"
        ) from error
    return read, revision if isinstance(revision, int) else None


def _document(path: Path) -> dict[str, Any]:
    is_json = path.suffix.lower() == ".json"
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if is_json else tomllib.loads(text)
    except (OSError, ValueError) as error:
        kind = "JSON" if is_json else "TOML"
        raise DataError(f"{path} cannot be read as {kind}: {error}; mend it") from error
    if not isinstance(found, dict):
        raise DataError(f"{path} holds no object; write one experiment as {{...}}")
    return found


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"
