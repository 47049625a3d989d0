"""What a comparison says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.comparing.contenders import Saw
from pipelines.evaluation.configuration import Protocol
from pipelines.job import Report
from ranking.evaluation.intervals import Estimate
from ranking.evaluation.pairs import DECISIVE, PairedFigure, Tally


class SegmentPair(Report):
    """NDCG@10 of both rankers on one kind of listeners or tracks."""

    family: str
    segment: str
    listeners: int
    a: Estimate
    b: Estimate
    difference: Estimate
    """Of `a` less `b`, listener by listener."""

    def flipped(self) -> SegmentPair:
        """Return the pair with the rankers exchanged."""
        return self.model_copy(update={"a": self.b, "b": self.a, "difference": -self.difference})


class Duel(Report):
    """Two rankers before the same listeners."""

    listeners: int
    splits: int
    tally: Tally
    """By NDCG@10."""
    figures: tuple[PairedFigure, ...]
    segments: tuple[SegmentPair, ...]

    @property
    def decisive(self) -> Estimate:
        """NDCG@10 of `a` less that of `b`."""
        return next(one.difference for one in self.figures if one.metric == DECISIVE)

    def flipped(self) -> Duel:
        """Return the duel with the rankers exchanged."""
        return self.model_copy(
            update={
                "tally": self.tally.flipped(),
                "figures": tuple(one.flipped() for one in self.figures),
                "segments": tuple(one.flipped() for one in self.segments),
            }
        )


class Side(Report):
    """One of the rankers."""

    name: str
    version: str
    created: str | None
    """When, ISO 8601; null for a fusion."""
    newest_event: str | None
    """The latest thing it was trained on; null where that was not kept."""
    saw_the_judged_part: Saw
    """Whether it was trained on what it is judged by as it is."""
    features: int


class SettingDifference(Report):
    """A setting in which the recipes differ."""

    setting: str
    a: str
    b: str


class ComparisonReport(Report):
    """Both questions, answered."""

    a: Side
    b: Side
    protocol: Protocol
    judged_since: str | None
    """Where the judged part begins, ISO 8601; null without times."""
    caution: str | None
    """What keeps the figures of the rankers as they are from being fair."""
    as_they_are: Duel | None
    """The artifacts themselves, before the same candidates."""
    differences: tuple[SettingDifference, ...]
    """Between the recipes; none where they are the same."""
    recipes: Duel | None
    """Both recipes learned anew on the same splits; null where one cannot be."""
    recipes_note: str | None
    """Why not, or that an earlier result was read again."""

    def parts(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (title, document) of what is shown as tables of its own."""
        document = self.document()
        duels = {name: document.pop(name) for name in ("as_they_are", "recipes")}
        yield "the rankers", document
        for name, title in (
            ("as_they_are", "as they are"),
            ("recipes", "recipe against recipe, learned anew"),
        ):
            if duels[name] is not None:
                yield title, duels[name]
