"""What a draft was made for, as the store has it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from core.schema import briefs
from core.workspace import Workspace
from pipelines.supply.gate.configuration import RenditionConfig
from ranking.supply.brief import Brief


class Briefing(NamedTuple):
    """A brief and what it aims at.

    Attributes:
        brief: What to make; None where the draft has none, or it is not known.
        reference: (dim,) the vector it keeps; empty where it has none.
    """

    brief: Brief | None
    reference: NDArray[np.float32]


def read_briefing(workspace: Workspace, brief_id: str | None) -> Briefing:
    """Read a brief."""
    query = sa.select(briefs.c.brief, briefs.c.reference).where(briefs.c.brief_id == brief_id)
    with workspace.database.read() as connection:
        row = None if brief_id is None else connection.execute(query).first()
    if row is None:
        return Briefing(None, np.zeros(0, dtype=np.float32))
    kept = np.frombuffer(row.reference, dtype="<f4").astype(np.float32)
    return Briefing(Brief.model_validate(row.brief), kept)


def target_lufs(briefing: Briefing, config: RenditionConfig) -> float:
    """Return how loud a rendition is to be."""
    return config.target_lufs if briefing.brief is None else briefing.brief.loudness_lufs
