"""What every job shares: how it tells of its progress and what it reports at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from core.artifacts import Manifest

Item = TypeVar("Item")


class Progress(Protocol):
    """Shows people that a job moves; the command line draws bars, tests stay silent."""

    def track(self, items: Iterable[Item], name: str, total: int | None = None) -> Iterator[Item]:
        """Yield the items, advancing a bar called `name`."""

    def counter(self, name: str) -> Callable[[int, int], None]:
        """Return a callback for (done, total) of a step that loops elsewhere."""


class Silent:
    """A progress nobody sees."""

    def track(self, items: Iterable[Item], name: str, total: int | None = None) -> Iterator[Item]:  # noqa: ARG002
        """Yield the items."""
        yield from items

    def counter(self, name: str) -> Callable[[int, int], None]:  # noqa: ARG002
        """Return a callback that does nothing."""
        return lambda _done, _total: None


class Report(BaseModel):
    """What a job did, printed as a table or as one JSON document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def document(self) -> dict[str, Any]:
        """Return the report as JSON-ready values."""
        return self.model_dump(mode="json")


class MadeArtifact(Report):
    """One artifact that a job made."""

    kind: str
    version: str
    metrics: dict[str, float]

    @classmethod
    def of(cls, manifest: Manifest) -> MadeArtifact:
        """Describe an artifact by its manifest."""
        return cls(kind=manifest.kind, version=manifest.version, metrics=manifest.metrics)
