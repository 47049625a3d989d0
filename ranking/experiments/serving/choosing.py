"""What a listener gets: one variation of each running experiment that they are in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ranking.experiments.assigning.assignment import assign
from ranking.experiments.assigning.context import Context
from ranking.experiments.assigning.sticky import StickyStore
from ranking.experiments.definitions.spec import VariationSpec
from ranking.experiments.lifecycle.stored import StoredExperiment
from ranking.model import FeedQuery

CONTROL = 0


class Choice(NamedTuple):
    """A variation that a listener gets.

    Args:
        experiment: Of which experiment.
        variation: Which; 0 is control.
        by_chance: Whether their hash decided; those who were forced in are not analysed.
    """

    experiment: StoredExperiment
    variation: int
    by_chance: bool

    @property
    def spec(self) -> VariationSpec:
        """What the variation is."""
        return self.experiment.spec.variations[self.variation]


def attributes_of(query: FeedQuery) -> dict[str, Any]:
    """Return what is known of who asks for a page: what experiments may target."""
    listener = query.listener
    return {
        "id": listener.user_id,
        "user_id": listener.user_id,
        "surface": query.surface,
        "country": listener.preferences.region,
        "ai": listener.preferences.ai.value,
        "tracks_heard": int(listener.rows.size),
    }


def choices(
    experiments: Iterable[StoredExperiment],
    attributes: Mapping[str, Any],
    sticky: StickyStore | None = None,
) -> tuple[Choice, ...]:
    """Return what a listener gets of the experiments that run.

    Args:
        experiments: Each of them alone decides who is in it.
        attributes: What is known of the listener; `user_id` is who they are.
        sticky: Where experiments that ask for it keep whom they assigned.
    """
    found = []
    for one in experiments:
        who = str(attributes.get(one.spec.hash_attribute, ""))
        forced = {one.key: one.forced[who]} if who in one.forced else {}
        result = assign(
            one.document, Context(attributes, forced=forced, sticky=sticky), _no_parents
        )
        if result.in_experiment:
            found.append(Choice(one, result.variation, result.hash_used))
    return tuple(found)


def variant_name(chosen: Sequence[Choice]) -> str:
    """Return what the page log calls the feed of these variations; "" where there are none."""
    return ",".join(f"{one.experiment.key}={one.spec.key}" for one in chosen)


def rivals(chosen: Sequence[Choice], place: int) -> tuple[tuple[Choice, ...], ...]:
    """Return what the listener might have got, had one experiment decided otherwise.

    Args:
        chosen: What they get.
        place: Which of the experiments.

    Returns:
        Control in place of a treatment; every treatment in place of control.
    """
    mine = chosen[place]
    others = (
        [CONTROL] if mine.variation != CONTROL else range(1, len(mine.experiment.spec.variations))
    )
    return tuple(
        (*chosen[:place], mine._replace(variation=other), *chosen[place + 1 :]) for other in others
    )


def _no_parents(_: object) -> bool:
    """Feeds have no parents: a condition on another feature never holds."""
    return False
