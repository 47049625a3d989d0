"""What a ranker is fitted to, whatever its kind: described rows, and what each is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import polars as pl

from ranking.rankers.head_training import OutcomeData
from ranking.rankers.training import RankingData

Kind: TypeAlias = Literal["lambdarank", "heads", "blend"]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """Rows to learn from.

    Args:
        kind: The ranker they are for. `heads` learns from outcomes, the others from grades.
        data: Features with grades, or with outcomes.
        about: One row a row of the data: user_id, track_id and at_ms, the moment it is described
            as of; request_id too where pages were logged.
    """

    kind: Kind
    data: RankingData | OutcomeData
    about: pl.DataFrame
