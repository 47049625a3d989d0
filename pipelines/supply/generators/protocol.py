"""What every generator promises: an order goes in, its tracks or a reason come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ranking.supply.brief import Brief


@dataclass(frozen=True, slots=True)
class Order:
    """One order: so many tracks as the generator makes at a time.

    Args:
        key: Its idempotency key, the task's id.
        brief_id: Whose.
        number: Which of the brief's orders, from 0.
        brief: What is asked.
    """

    key: str
    brief_id: str
    number: int
    brief: Brief


@dataclass(frozen=True, slots=True)
class Accepted:
    """The generator took an order.

    Args:
        external_id: By which it knows the order.
    """

    external_id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The generator refused, or failed; the order does not exist there, or is over.

    Args:
        reason: Why, for people; it holds no key.
        retry: Whether asking again may help.
        retry_after_s: Seconds to wait at least, where the answer says so.
    """

    reason: str
    retry: bool = False
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Unclear:
    """The order was sent and no answer was understood: it may exist, so it is never sent again.

    Args:
        reason: What happened.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Pending:
    """The tracks are not ready yet."""


@dataclass(frozen=True, slots=True)
class DeliveredTrack:
    """One track that is ready, and the way to its sound.

    Args:
        number: Which of the order's tracks, from 0.
        suffix: Of the audio file, with its dot.
        save: Writes the audio to a new file of the given path; returns why it could not, or None.
        model: What made it.
        told: Columns of the table of tracks in which it differs from its brief.
        metadata: What else is known of how it was made; JSON-ready.
    """

    number: int
    suffix: str
    save: Callable[[Path], Failed | None]
    model: str
    told: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The tracks of an order are ready.

    Args:
        tracks: One or more.
    """

    tracks: tuple[DeliveredTrack, ...]


class MusicGenerator(Protocol):
    """Turns orders into tracks; equal keys are one order wherever `repeatable` says so."""

    @property
    def name(self) -> str:
        """By which settings, switches and tracks know it."""

    @property
    def free(self) -> bool:
        """Whether its tracks cost nothing where no price is set."""

    @property
    def repeatable(self) -> bool:
        """Whether sending an order a second time by the same key makes nothing a second time."""

    @property
    def limit_in_flight(self) -> int:
        """Most orders that it has at once."""

    def refuses(self, brief: Brief) -> str:
        """Return why it cannot make this, or "" where it can."""

    def tracks_an_order(self, brief: Brief) -> int:
        """Return how many tracks one order brings."""

    def submit(self, order: Order) -> Accepted | Failed | Unclear:
        """Send an order."""

    def poll(self, order: Order, external_id: str) -> Pending | Delivered | Failed:
        """Ask for an order that was accepted; asking changes nothing."""

    def settle(self, order: Order, external_id: str) -> None:
        """Clear away what is left of an order whose tracks are safely stored, or that is over."""
