"""Some models on each kind of listeners and tracks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.randomness import generator
from pipelines.comparing.duel import judged_segments
from pipelines.evaluation.audience import Audience
from pipelines.evaluation.contest import Contest
from pipelines.judgement_page.document import SegmentFigure
from ranking.evaluation.intervals import bootstrap_mean
from ranking.evaluation.segments import Segment
from ranking.evaluation.tables import PER_LISTENER, Judged, judge
from ranking.model import Rows

NDCG, RECALL = PER_LISTENER.index("ndcg@10"), PER_LISTENER.index("recall@20")


def segment_figures(
    contest: Contest,
    audience: Audience,
    lists: Mapping[str, Mapping[str, Rows]],
    models: Sequence[str],
) -> tuple[SegmentFigure, ...]:
    """Return the figures of models by segment; segments in which nobody stands are left out."""
    # What is shown is counted for everybody, not only for those who chose something of it.
    whole = {one: judge(lists[one], audience.relevant, audience.bits) for one in models}
    return tuple(
        _figure(segment, model, judge(lists[model], relevant, audience.bits), whole[model])
        for segment in judged_segments(contest.split, contest.catalogue, contest.learned, audience)
        if (relevant := segment.of(audience.relevant))
        for model in models
    )


def _figure(segment: Segment, model: str, judged: Judged, whole: Judged) -> SegmentFigure:
    rng = generator(0, segment.family, segment.name, model)
    shown = segment.share_shown(whole)
    return SegmentFigure(
        family=segment.family,
        segment=segment.name,
        model=model,
        listeners=len(judged.users),
        ndcg=bootstrap_mean(judged.values[:, NDCG], rng),
        recall=bootstrap_mean(judged.values[:, RECALL], rng),
        shown=None if np.isnan(shown) else shown,
    )
