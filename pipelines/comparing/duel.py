"""Two rankers' lists for the same listeners, judged side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from core.randomness import generator
from pipelines.comparing.report import Duel, SegmentPair
from pipelines.evaluation.audience import Audience, offer
from pipelines.job import Progress
from pipelines.ranker_training.ranker_data import chunks
from pipelines.splits import Split
from ranking.catalogue import Catalogue
from ranking.engine import Engine
from ranking.evaluation.pairs import DECISIVE, paired_figure, paired_figures, tally_of
from ranking.evaluation.segments import Segment, segments_of
from ranking.evaluation.tables import Judged, judge
from ranking.learned import Learned
from ranking.model import Rows

A, B = "a", "b"


@dataclass(slots=True, eq=False)
class Ledger:
    """What both rankers did, split by split.

    Args:
        whole: Side → one entry a split.
        parts: (family, segment) → side → one entry a split in which anybody stood in it.
    """

    whole: dict[str, list[Judged]] = field(default_factory=lambda: {A: [], B: []})
    parts: dict[tuple[str, str], dict[str, list[Judged]]] = field(default_factory=dict)

    def add(
        self,
        lists: Mapping[str, Mapping[str, Rows]],
        audience: Audience,
        segments: tuple[Segment, ...],
    ) -> None:
        """Judge the lists of one split."""
        for side in (A, B):
            self.whole[side].append(judge(lists[side], audience.relevant, audience.bits))
        for segment in segments:
            relevant = segment.of(audience.relevant)
            if relevant:
                sides = self.parts.setdefault((segment.family, segment.name), {A: [], B: []})
                for side in (A, B):
                    sides[side].append(judge(lists[side], relevant, audience.bits))

    def duel(self, seed: int) -> Duel:
        """Return every figure; the seed draws the resamples."""
        a, b = self.whole[A], self.whole[B]
        return Duel(
            listeners=round(float(np.mean([len(judged.users) for judged in a]))),
            splits=len(a),
            tally=tally_of(a, b),
            figures=paired_figures(a, b, generator(seed, "figures")),
            segments=tuple(
                _pair(family, name, sides, generator(seed, family, name))
                for (family, name), sides in self.parts.items()
            ),
        )


def duel_lists(
    engines: Mapping[str, Engine], audience: Audience, progress: Progress
) -> dict[str, dict[str, Rows]]:
    """Return side → listener → rows, best first; sides with one and the same feed share its work.

    Args:
        engines: Side → feed with its ranker. Two sides may be the same object.
        audience: The listeners.
        progress: Told of each part of them.
    """
    lists: dict[str, dict[str, Rows]] = {side: {} for side in engines}
    parts = list(chunks(audience.queries))
    for part in progress.track(parts, "listeners judged", len(parts)):
        for sides in _sharing(engines):
            finder = engines[sides[0]]
            offered = offer(finder, {side: engines[side].ranker for side in sides}, part)
            for side in sides:
                for at, query in enumerate(part):
                    lists[side][query.listener.user_id] = offered.ranked(side, at).rows
    return lists


def judged_segments(
    split: Split, catalogue: Catalogue, learned: Learned, audience: Audience
) -> tuple[Segment, ...]:
    """Return the segments of a split."""
    met = {query.listener.user_id: query.listener.rows.size for query in audience.queries}
    return segments_of(catalogue, learned.statistics.plays, met, split.now_ms)


def _sharing(engines: Mapping[str, Engine]) -> list[list[str]]:
    """Return the sides in groups that find and describe candidates alike."""
    groups: list[list[str]] = []
    for side, engine in engines.items():
        for group in groups:
            other = engines[group[0]]
            if engine.offerings is other.offerings and engine.features is other.features:
                group.append(side)
                break
        else:
            groups.append([side])
    return groups


def _pair(
    family: str, name: str, sides: Mapping[str, list[Judged]], rng: np.random.Generator
) -> SegmentPair:
    figure = paired_figure(sides[A], sides[B], DECISIVE, rng)
    return SegmentPair(
        family=family,
        segment=name,
        listeners=round(float(np.mean([len(judged.users) for judged in sides[A]]))),
        a=figure.a,
        b=figure.b,
        difference=figure.difference,
    )
