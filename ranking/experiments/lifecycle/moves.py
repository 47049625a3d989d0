"""Where an experiment may go from where it stands, and who says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import ConflictError, DataError
from ranking.experiments.lifecycle.stored import Status, StoredExperiment

_MOVES: Mapping[Status, tuple[Status, ...]] = {
    "draft": ("running", "archived"),
    "running": ("stopped",),
    "stopped": ("archived",),
    "archived": (),
}
_NEXT: Mapping[Status, str] = {
    "draft": "start it first",
    "running": "stop it first",
    "stopped": "create another one under a new key",
    "archived": "create another one under a new key",
}


@dataclass(frozen=True, slots=True)
class Said:
    """Who changes an experiment.

    Args:
        who: The person or the key.
        at: When, UTC milliseconds.
        why: What they say.
    """

    who: str
    at: int
    why: str = ""


def check_said(said: Said, key: str) -> None:
    """Make sure that somebody says why.

    Raises:
        DataError: If nobody does.
    """
    if not said.why.strip():
        raise DataError(f"nobody says why experiment {key!r} is to change; give a reason")


def check_move(found: StoredExperiment, to: Status) -> None:
    """Make sure that an experiment may go somewhere.

    Raises:
        ConflictError: If it may not.
    """
    if to not in _MOVES[found.status]:
        raise ConflictError(
            f"experiment {found.key!r} is {found.status} and cannot be {to}; {_NEXT[found.status]}"
        )


def stale(found: StoredExperiment, revision: int) -> ConflictError:
    """Return the refusal of a change that was made from another revision than the newest."""
    return ConflictError(
        f"experiment {found.key!r} is at revision {found.revision}, you started from {revision}; "
        "show it again and decide on what stands there now"
    )
