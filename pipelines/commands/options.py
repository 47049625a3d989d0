"""Options that several commands share, and what turns their words into values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:  # `--help` needs no pydantic
    from pydantic import BaseModel

Config = TypeVar("Config", bound="BaseModel")

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")
]
Seed = Annotated[int | None, typer.Option(min=0, help="Decides every random choice.")]
Reason = Annotated[str, typer.Option(help="Why; kept with the promotion.")]
Folder = Annotated[
    Path, typer.Argument(exists=True, file_okay=False, readable=True, show_default=False)
]
Files = Annotated[
    list[Path], typer.Argument(exists=True, dir_okay=False, readable=True, show_default=False)
]


def amended(config: Config, **changes: Any) -> Config:
    """Return a config with the options that were given put over it.

    Args:
        config: As the settings have it.
        changes: Field → value; None leaves the field as it is.

    Raises:
        typer.BadParameter: If a value lies outside its limits.
    """
    from pydantic import ValidationError

    given = {name: value for name, value in changes.items() if value is not None}
    try:
        return type(config).model_validate({**config.model_dump(), **given})
    except ValidationError as error:
        faults = [f"--{str(e['loc'][0]).replace('_', '-')}: {e['msg']}" for e in error.errors()]
        raise typer.BadParameter("; ".join(faults)) from error


def parse_pairs(text: str, option: str) -> dict[str, str]:
    """Read `ours=theirs,ours=theirs` into a mapping.

    Raises:
        typer.BadParameter: If a part is not a pair, or a name stands twice.
    """
    pairs: dict[str, str] = {}
    for part in filter(None, (word.strip() for word in text.split(","))):
        ours, equals, theirs = part.partition("=")
        if not (equals and ours.strip() and theirs.strip()):
            raise typer.BadParameter(f"{option}: {part!r} is not NAME=FOREIGN_NAME")
        if ours.strip() in pairs:
            raise typer.BadParameter(f"{option}: {ours.strip()} is named twice")
        pairs[ours.strip()] = theirs.strip()
    return pairs
