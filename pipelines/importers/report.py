"""What an import did, in counts."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from pipelines.job import Report


class NearDuplicate(BaseModel):
    """A copy, and the track that stands for it."""

    model_config = ConfigDict(frozen=True)

    track_id: str
    canonical_id: str
    heard: bool
    """Whether the recordings themselves were compared; where one is gone, their fingerprints."""


class ImportReport(Report):
    """What an import read, took and refused."""

    name: str
    """Which importer."""
    rows_read: int
    """Rows (or recordings) found in the input."""
    imported: int
    """Those that were new, or changed what was known."""
    duplicates: int
    """Those that were known already, here or further up the input."""
    rejected: int
    """Those that break the schema."""
    reasons: dict[str, int]
    """Reason → how many were refused for it."""
    rejects: str
    """The file that holds them, one line a refused row; "" where there is none."""
    events: int
    """Interactions that were added to the history."""
    tracks: int
    """Tracks that were added to the catalogue or changed in it."""
    users: int
    """Listeners that the new rows tell of."""
    seconds: float
    """How long it took."""
    copies: int = 0
    """Tracks among the imported that hold a recording which another track holds."""
    near_duplicates: tuple[NearDuplicate, ...] = ()
    """Those tracks."""
