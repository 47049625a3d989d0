"""What travels over `/v1/supply/…`: queries, bodies and answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    WithJsonSchema,
)

from core.events import ExternalId
from core.ids import MAX_ID_CHARS
from ranking.supply.brief import Brief, BriefStatus, Text
from ranking.supply.gap import Gap
from ranking.supply.tasks import Task
from ranking.supply.trials import Trial
from ranking.supply.verdicts import Overruling, Reason
from service.supply.paging import PageAnswer, PageQuery

MAX_NOTE_CHARS = 2_000

Note = Annotated[Text, StringConstraints(max_length=MAX_NOTE_CHARS, strip_whitespace=True)]
Because = Annotated[Note, Field(min_length=1)]
SegmentId = Annotated[str, Field(max_length=MAX_ID_CHARS, pattern=r"^[^\x00-\x1f\x7f]*$")]
TrialStatus = Literal["open", "graduated", "retired"]


def _changes_schema() -> dict[str, Any]:
    """Return the schema of a brief of which nothing is required."""
    schema = Brief.model_json_schema()
    schema.pop("required")
    for field in schema["properties"].values():
        field.pop("default", None)  # what is left out stays as it is
    schema.update(title="BriefChanges", description="What changes of a brief.", minProperties=1)
    return schema


BriefChanges = Annotated[
    dict[str, JsonValue], Field(min_length=1), WithJsonSchema(_changes_schema())
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GapsAnswer(PageAnswer):
    """The shortages found last, best worth filling first."""

    found_at: int | None
    """When they were looked for, UTC milliseconds; null where none are kept."""
    gaps: list[Gap]


class BriefsQuery(PageQuery):
    """The query of `GET /v1/supply/briefs`."""

    status: BriefStatus | None = None
    """Only those that stand so."""
    segment: ExternalId | None = None
    """Only those for this segment."""


class BriefAnswer(BaseModel):
    """A brief as it lies on the desk."""

    brief_id: str
    segment_id: str
    """Whom it is for; empty where it is for nobody in particular."""
    status: BriefStatus
    revision: int
    """Counts its changes, from 1; an edit names the one it was made from."""
    decided_by: str | None
    """The key or the person that approved, rejected or closed it last."""
    note: str | None
    """What they said."""
    created_at: int
    updated_at: int
    brief: Brief


class BriefsAnswer(PageAnswer):
    """Briefs, the newest first."""

    briefs: list[BriefAnswer]


class NewBrief(_Body):
    """The body of `POST /v1/supply/briefs`."""

    segment_id: SegmentId = ""
    """Whom it is for; empty where it is for nobody in particular."""
    brief: Brief


class BriefEdit(_Body):
    """The body of `PATCH /v1/supply/briefs/{brief_id}`."""

    revision: int = Field(ge=1)
    """The revision that the edit was made from."""
    brief: BriefChanges
    """The fields that change; null where nobody says what it should be."""


class Approval(_Body):
    """The body of `POST …/approve`; may be left out."""

    note: Note = ""
    revision: int | None = Field(default=None, ge=1)
    """The revision that was read; refused where it is not the newest. Null approves any."""


class Rejection(_Body):
    """The body of `POST …/reject`."""

    note: Because
    """Why not."""


class TasksQuery(PageQuery):
    """The query of `GET /v1/supply/tasks`."""

    brief: ExternalId | None = None
    """Only what was ordered for this brief."""


class TasksAnswer(PageAnswer):
    """Orders to generators, the newest first; those of one brief in order of number."""

    tasks: list[Task]


class VerdictsQuery(PageQuery):
    """The query of `GET /v1/supply/verdicts`."""

    generator: ExternalId | None = None
    """Only of what this made."""
    brief: ExternalId | None = None
    """Only of what was made for this brief."""
    passed: bool | None = None
    """Only those that stand so, a person's word before the gate's."""


class VerdictAnswer(BaseModel):
    """What the gate found of a track, and what a person said instead."""

    track_id: str
    brief_id: str | None
    generator: str
    stands: bool
    """Whether the track passes, a person's word before the gate's."""
    passed: bool
    """Whether the gate let it pass."""
    reasons: list[Reason]
    """The checks that failed."""
    overruling: Overruling | None
    judged_at_ms: int
    measurements: dict[str, Any]
    """Everything that was measured."""


class VerdictsAnswer(PageAnswer):
    """Verdicts, the latest first."""

    verdicts: list[VerdictAnswer]


class Word(_Body):
    """The body of `POST …/overrule`: `{"pass": true, "note": "…"}`."""

    passes: bool = Field(alias="pass", strict=True)
    """Whether the track passes."""
    note: Because
    """Why."""


class TrialsQuery(PageQuery):
    """The query of `GET /v1/supply/trials`."""

    status: TrialStatus | None = None
    """Only those that stand so."""


class TrialsAnswer(PageAnswer):
    """Trials, the oldest first."""

    trials: list[Trial]


class SwitchAnswer(BaseModel):
    """One switch as it stands."""

    name: str
    """A generator, or `all`."""
    stopped: bool
    reason: str
    set_by: str
    """The key or the person that set it; `gate` where too few of its tracks passed."""
    set_at: int


class SwitchesAnswer(BaseModel):
    """Every switch that was ever set, in order of name; what was never set is not stopped."""

    switches: list[SwitchAnswer]


class SwitchBody(_Body):
    """The body of `POST …/stop` and `POST …/resume`."""

    reason: Because
    """Why; kept with the switch."""


class Amount(BaseModel):
    """A part of the budget."""

    tracks: int
    cost: float
    """In the account's currency."""


class BudgetAnswer(BaseModel):
    """What may be ordered today."""

    day: str
    """The UTC day, `2026-11-28`; an order counts on the day it is planned."""
    auto_approve: bool
    """Whether drafts are ordered without a person."""
    limit: Amount
    spent: Amount
    left: Amount
    """Never below 0, even where the budget was cut after it was spent."""
