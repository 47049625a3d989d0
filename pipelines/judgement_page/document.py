"""What the page says, as values: the JSON beside it holds the same."""

from __future__ import annotations

from pipelines.evaluate import EvaluationReport
from pipelines.job import Report
from ranking.evaluation.intervals import Estimate


class SegmentFigure(Report):
    """One model on one kind of listeners or tracks."""

    family: str
    segment: str
    model: str
    listeners: int
    ndcg: Estimate
    """NDCG@10."""
    recall: Estimate
    """Recall@20."""
    shown: float | None
    """Share of the first ten slots that its tracks hold; null of listeners."""


class SourceShare(Report):
    """What one source brings."""

    source: str
    candidates: float
    """Share of all candidates that it offered; several may offer the same."""
    hits: float
    """Share of what was found among the candidates that it offered."""
    unique: float
    """Share of what was found that nobody else offered."""
    recall: Estimate
    """Recall@100 of it alone."""
    ms: float
    """Median time of an offer."""


class Bin(Report):
    """Some rows that were scored alike, and what came of them."""

    rows: int
    predicted: float
    """Mean prediction; the middle of the bin's places where scores are no probabilities."""
    observed: float
    """Share with the outcome, or mean grade."""


class Reliability(Report):
    """Whether predictions hold."""

    name: str
    kind: str
    """`probability`, or `place` where a ranker gives scores that only order."""
    rows: int
    bins: tuple[Bin, ...]
    error: float | None
    """Expected calibration error; null of places."""


class Importance(Report):
    """What one feature is worth to one model."""

    feature: str
    gain: float
    """Share of all gain while trees were grown."""
    shap: float
    """Mean absolute contribution to a raw score."""


class DependencePoint(Report):
    """Rows with about one value of a feature."""

    value: float
    shap: float
    """Mean contribution."""
    low: float
    """Lower quartile."""
    high: float
    """Upper quartile."""


class Dependence(Report):
    """How a feature's contribution goes with its value."""

    feature: str
    points: tuple[DependencePoint, ...]
    missing: float | None
    """Mean contribution where it has no value; null where it always has one."""


class ModelImportance(Report):
    """The features of one model, the weightiest first."""

    model: str
    rows: int
    """Judged rows that were taken apart."""
    features: tuple[Importance, ...]
    dependence: tuple[Dependence, ...]


class Drift(Report):
    """How far one feature has moved since the live ranker was trained."""

    feature: str
    psi: float


class Slot(Report):
    """One slot of a page."""

    title: str
    creator: str
    source: str
    reason: str
    hit: bool
    """Whether the listener went on to choose the track."""


class ChangedListener(Report):
    """One listener's page by the live ranker and by the one that was judged."""

    user_id: str
    tracks_met: int
    overlap: float
    """Rank-biased overlap of both orders, 1 where nothing changed."""
    ndcg_live: float
    ndcg_judged: float
    live: tuple[Slot, ...]
    judged: tuple[Slot, ...]


class LiveComparison(Report):
    """The live ranker beside the one that was judged."""

    version: str | None
    note: str | None
    """Why something is missing, or what is to be thought of."""
    drift: tuple[Drift, ...]
    changed: tuple[ChangedListener, ...]


class JudgementDocument(Report):
    """Everything the page shows."""

    made_at: str
    """ISO 8601."""
    judged_since: str | None
    objective: str
    evaluation: EvaluationReport
    segments: tuple[SegmentFigure, ...]
    sources: tuple[SourceShare, ...]
    reliability: tuple[Reliability, ...]
    importance: tuple[ModelImportance, ...]
    live: LiveComparison
