"""Gathers what the page shows while listeners are judged."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.errors import DataError
from core.randomness import generator
from core.workspace import Workspace
from pipelines.evaluate import EvaluationReport
from pipelines.evaluation.audience import Audience, Offered
from pipelines.evaluation.contest import Contest
from pipelines.history import load_history, moment_text
from pipelines.judgement_page.changes import Changes
from pipelines.judgement_page.document import ChangedListener, JudgementDocument, Reliability
from pipelines.judgement_page.importance import importances
from pipelines.judgement_page.live import LIVE, LiveRanker
from pipelines.judgement_page.reliability import PlaceCounts, head_reliability, judged_slots
from pipelines.judgement_page.segments import segment_figures
from pipelines.judgement_page.sources import SourceCounts
from pipelines.ranker_training.ranker_data import labels_of, thinned
from pipelines.ranker_training.train_ranker import RankerTrainingConfig
from ranking.model import FeatureMatrix, Floats, Rows
from ranking.protocols import Ranker
from ranking.rankers.blend import BlendRanker
from ranking.rankers.heads import HeadsRanker
from ranking.rankers.lightgbm import LightGbmRanker

JUDGED = "two_stage"
SAMPLED_ROWS = 100_000  # described rows that are kept: some 50 MB
APART_ROWS = 2_000  # of these are taken apart, feature by feature: a millisecond each


class PageCollector:
    """Looks on while the first split is judged.

    Args:
        workspace: Whose live ranker and titles are shown.
        training: How the judged ranker was learned.
        timed: Whether what is judged came later than what is known.
    """

    def __init__(
        self, workspace: Workspace, training: RankerTrainingConfig, *, timed: bool
    ) -> None:
        self._workspace, self._training, self._timed = workspace, training, timed
        self._rows: list[Floats] = []
        self._sampled = 0
        self._lists: Mapping[str, Mapping[str, Rows]] = {}

    def opens(self, contest: Contest, audience: Audience) -> Mapping[str, Ranker]:
        """Start counting; the live ranker is scored beside, where there is one that can be."""
        self._contest, self._audience = contest, audience
        self._live = LiveRanker.open(self._workspace, contest, timed=self._timed)
        self._sources = SourceCounts(contest.fused.source_names)
        self._places = PlaceCounts(JUDGED)
        self._changes = Changes(LIVE, JUDGED)
        self._names: tuple[str, ...] = contest.engine.features.names
        return {} if self._live.ranker is None else {LIVE: self._live.ranker}

    def sees(self, offered: Offered) -> None:
        """Count some listeners' candidates."""
        self._sources.see(offered, self._audience.relevant)
        self._places.see(offered, self._audience)
        if LIVE in offered.scores:
            self._changes.see(offered)
        self._sample(offered)

    def closes(self, lists: Mapping[str, Mapping[str, Rows]]) -> None:
        """Keep every model's lists."""
        self._lists = lists

    def document(self, report: EvaluationReport, now_ms: int) -> JudgementDocument:
        """Return what the page says, beside the figures of all splits."""
        ranker = self._contest.engine.ranker
        rows, reliability = self._checked(ranker)
        changed: tuple[ChangedListener, ...] = ()
        if self._live.ranker is not None:
            changed = self._changes.listeners(
                self._contest.engine,
                self._contest.catalogue,
                self._audience.relevant,
                self._workspace,
            )
        return JudgementDocument(
            made_at=moment_text(now_ms),
            judged_since=moment_text(self._contest.split.now_ms) if self._timed else None,
            objective=_kind(ranker),
            evaluation=report,
            segments=segment_figures(
                self._contest, self._audience, self._lists, (JUDGED, "union", report.best_baseline)
            ),
            sources=self._sources.shares(report),
            reliability=reliability,
            importance=importances(ranker, _some(rows, APART_ROWS)),
            live=self._live.compared(ranker, rows, changed),
        )

    def _sample(self, offered: Offered) -> None:
        """Keep described rows as training would have them: all that were chosen, some others."""
        starts = offered.starts
        for at, query in enumerate(offered.queries):
            if self._sampled >= SAMPLED_ROWS:
                return
            user = query.listener.user_id
            shortlist = offered.shortlists[at]
            labels = labels_of(
                shortlist, self._audience.relevant[user], self._audience.grades[user]
            )
            if labels.any():
                rng = generator(query.seed, "page")
                kept = thinned(labels, self._training.negatives, rng)
                self._sampled += kept.size
                self._rows.append(offered.features.values[starts[at] + kept])

    def _checked(self, ranker: Ranker) -> tuple[FeatureMatrix, tuple[Reliability, ...]]:
        """Return rows as the ranker's training would have them, and whether predictions hold."""
        empty = np.empty((0, len(self._names)), np.float32)
        rows = FeatureMatrix(self._names, np.concatenate([empty, *self._rows]))
        places = self._places.reliability()
        if not isinstance(ranker, HeadsRanker):
            return rows, (places,)
        history = load_history(self._workspace.warehouse)
        heads = tuple(head for head in self._training.heads.heads if head.name in ranker.outcomes)
        refresh_ms = round(self._training.rates_refresh_hours * 3_600_000)
        try:
            slots = judged_slots(self._contest, history, heads, refresh_ms)
        except DataError:  # listening without pages: only places can be checked
            return rows, (places,)
        shown = FeatureMatrix(slots.names, slots.values)
        return _some(shown, SAMPLED_ROWS), (*head_reliability(ranker, slots), places)


def _kind(ranker: Ranker) -> str:
    names = {HeadsRanker: "heads", LightGbmRanker: "lambdarank", BlendRanker: "blend"}
    return names.get(type(ranker), type(ranker).__name__)


def _some(rows: FeatureMatrix, limit: int) -> FeatureMatrix:
    """Return at most so many rows, drawn alike from all."""
    if len(rows.values) <= limit:
        return rows
    drawn = generator(limit, "rows").choice(len(rows.values), limit, replace=False)
    return FeatureMatrix(rows.names, rows.values[np.sort(drawn)])
