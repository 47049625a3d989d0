"""What travels over `/v1/experiments…`: queries, bodies and answers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from core.events import ExternalId
from ranking.experiments.definitions.spec import ExperimentSpec
from ranking.experiments.lifecycle.stored import Action, Change, Status, StoredExperiment
from service.supply.paging import PageAnswer, PageQuery
from service.supply.schemas import Because, Note

Layer = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9._-]*$")]
Revision = Annotated[int, Field(ge=1)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewExperiment(_Body):
    """The body of `POST /v1/experiments`."""

    spec: ExperimentSpec
    why: Note = ""


class ExperimentEdit(_Body):
    """The body of `PUT /v1/experiments/{key}`."""

    revision: Revision
    """The revision that the edit was made from."""
    spec: ExperimentSpec
    """The whole experiment as it shall be."""
    why: Note = ""


class Decision(_Body):
    """The body of `POST …/start` and `POST …/stop`."""

    why: Because
    revision: Revision | None = None
    """The revision that was read; refused where it is not the newest. Null takes any."""


class Archival(_Body):
    """The body of `POST …/archive`; may be left out."""

    why: Note = ""
    revision: Revision | None = None
    """The revision that was read; refused where it is not the newest. Null takes any."""


class ExperimentsQuery(PageQuery):
    """The query of `GET /v1/experiments`."""

    status: Status | None = None
    """Only those that stand so."""
    layer: Layer | None = None
    """Only those in this layer; empty for those in a layer of their own."""


class ExperimentLine(BaseModel):
    """An experiment in a list."""

    key: str
    name: str
    owner: str
    tags: list[str]
    status: Status
    revision: int
    layer: str
    coverage: float
    variations: list[str]
    created_at: int
    updated_at: int
    started_at: int | None
    stopped_at: int | None

    @classmethod
    def of(cls, found: StoredExperiment) -> ExperimentLine:
        """Describe an experiment in short."""
        spec = found.spec
        return cls(
            key=found.key,
            name=spec.name,
            owner=spec.owner,
            tags=list(spec.tags),
            status=found.status,
            revision=found.revision,
            layer=spec.layer,
            coverage=spec.coverage,
            variations=[one.key for one in spec.variations],
            created_at=found.created_at,
            updated_at=found.updated_at,
            started_at=found.started_at,
            stopped_at=found.stopped_at,
        )


class ExperimentsAnswer(PageAnswer):
    """Experiments, the newest first."""

    experiments: list[ExperimentLine]


class ExperimentAnswer(BaseModel):
    """An experiment whole."""

    key: str
    status: Status
    revision: int
    """Counts its changes, from 1; an edit names the one it was made from."""
    created_at: int
    updated_at: int
    started_at: int | None
    stopped_at: int | None
    spec: ExperimentSpec
    sdk: dict[str, Any]
    """The experiment as SDKs take it; a variation's value is its key."""

    @classmethod
    def of(cls, found: StoredExperiment) -> ExperimentAnswer:
        """Describe an experiment whole."""
        return cls(
            key=found.key,
            status=found.status,
            revision=found.revision,
            created_at=found.created_at,
            updated_at=found.updated_at,
            started_at=found.started_at,
            stopped_at=found.stopped_at,
            spec=found.spec,
            sdk=found.document.document(),
        )


class ResultsAnswer(BaseModel):
    """What the newest analysis of an experiment said."""

    key: str
    analysed_at: int
    """UTC milliseconds."""
    results: dict[str, Any]
    """The report of `segue experiment analyze KEY --json`."""


class ChangeAnswer(BaseModel):
    """One change of an experiment."""

    revision: int
    """The revision that it made."""
    action: Action
    at: int
    who: str
    """The key or the person that made it."""
    why: str
    status: Status
    """Where the experiment stood after it."""
    spec: ExperimentSpec
    """What the experiment was after it."""

    @classmethod
    def of(cls, change: Change) -> ChangeAnswer:
        """Describe a change."""
        return cls(**{name: getattr(change, name) for name in cls.model_fields})


class HistoryAnswer(PageAnswer):
    """Changes of an experiment, the first one first."""

    changes: list[ChangeAnswer]


class FeaturesQuery(_Body):
    """The query of `GET /v1/experiments/features`."""

    user_id: ExternalId | None = None
    """Whose forced variations are told too; nobody else's are."""


class FeatureAnswer(BaseModel):
    """One feature, as SDKs take it."""

    defaultValue: Any  # noqa: N815 - as SDKs spell it
    """Key of the control, for who is not in the experiment."""
    rules: list[dict[str, Any]]
    """The listener's forced variation, where there is one; then the experiment."""


class FeaturesAnswer(BaseModel):
    """What client SDKs take as their payload."""

    features: dict[str, FeatureAnswer]
    """Key of an experiment that runs → its feature, whose value is the variation's key."""
