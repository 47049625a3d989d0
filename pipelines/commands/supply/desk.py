"""What the commands of the desk share: who calls, and the desk of the call's data folder."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # `--help` needs no store
    from pipelines.commands.session import Session
    from ranking.supply.desk import Desk

Who = Annotated[
    str, typer.Option("--by", help="Who says so. [default: you]", show_default=False)
]  # fmt: skip


@contextmanager
def open_desk(session: Session) -> Iterator[Desk]:
    """Open the desk of the call's data folder."""
    from ranking.supply.desk import Desk

    settings = session.settings()
    with session.workspace(settings) as workspace:
        yield Desk(workspace.database, settings.supply.desk)


def myself() -> str:
    """Return who is calling."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a name for its user
        return f"user {os.getuid()}"
