"""One logged page through two arrangements: the one that served it, and the one to be judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.randomness import generator
from pipelines.off_policy.arrangement import Arrangement
from pipelines.off_policy.logs import LoggedPage
from ranking.catalogue import Catalogue, Origin
from ranking.model import Floats, Mask, Rows
from ranking.policies.page import PageConfig
from ranking.policies.retrace import Retraced
from ranking.protocols import Ranker

SAME = 1e-4  # of a propensity: it was computed in 32 bits, perhaps on another machine

NOT_MADE_AGAIN = "the settings, tracks and vectors of today do not make the page again"
NO_SUCH_FEATURES = "features that the target's ranker needs were not logged"


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """A page the target might serve.

    Args:
        slots: (k,) candidates.
        is_fresh: (k,) which slots were drawn.
        supported: (k,) whether the logging policy, had it drawn the same, would show the same.
    """

    slots: Rows
    is_fresh: Mask
    supported: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """What two policies make of one page.

    Args:
        page: As logged.
        logged: The logging policy with the logged draws; it is the logged page.
        target: The target policy with the logged draws.
        entry: The first slot that may depend on who was drawn; those above it follow without
            chance.
        samples: Pages the target might serve.
    """

    page: LoggedPage
    logged: Retraced
    target: Retraced
    entry: int
    samples: tuple[Sampled, ...]

    @property
    def n_draws(self) -> int:
        """Draws the target makes; after one that it cannot make, as many as on another page."""
        known = len(self.target.draws)
        return known if self.target.is_possible else max(known, int(self.samples[0].is_fresh.sum()))

    @property
    def matches(self) -> Mask:
        """(k,) where the target, with the logged draws, shows what was shown.

        Where it cannot make these draws, what it shows above `entry` is known all the same.
        """
        if self.target.is_possible:
            return _equal(self.target.slots, self.page.slots)
        above = self.samples[0].slots[: self.entry]
        return _equal(above, self.page.slots)


@dataclass(frozen=True, slots=True, eq=False)
class Replayer:
    """Replays pages.

    Args:
        catalogue: The tracks.
        vectors: (n_tracks, dim) what the policy calls alike.
        logging: How the log's pages were arranged.
        target: How the target arranges.
        ranker: Judges the logged candidates anew; None keeps the logged scores.
        samples: Pages drawn of the target for each page.
        seed: Decides the draws.
    """

    catalogue: Catalogue
    vectors: Floats
    logging: PageConfig
    target: PageConfig
    ranker: Ranker | None
    samples: int
    seed: int

    def replay(self, page: LoggedPage) -> Replay | str:
        """Return what both policies make of a page, or why that cannot be told."""
        fresh = page.slots[page.is_fresh]
        as_logged = np.arange(len(page.candidates))
        logging = self._arrangement(page, self.logging, as_logged, page.candidates.scores)
        logged = logging.retraced(fresh)
        if not _made_again(page, logged):
            return NOT_MADE_AGAIN
        ranked = self._ranked(page)
        if ranked is None:
            return NO_SUCH_FEATURES
        target = self._arrangement(page, self.target, *ranked)
        made = target.retraced(fresh)
        known = {tuple(fresh.tolist()): _sampled(made, logged)} if made.is_possible else {}
        rng = generator(self.seed, "sampled pages", page.request_id)
        samples = tuple(_samples(target, logging, known, self.samples, rng))
        return Replay(
            page=page,
            logged=logged,
            target=made,
            entry=_entry((logging, page.slots, logged), (target, samples[0].slots, made)),
            samples=samples,
        )

    def _ranked(self, page: LoggedPage) -> tuple[Rows, Floats] | None:
        """Return the target's order of the candidates and their scores, best first."""
        if self.ranker is None:
            return np.arange(len(page.candidates)), page.candidates.scores
        if not set(self.ranker.feature_names) <= set(page.features.names):
            return None
        scores = self.ranker.score(page.features)
        order = np.argsort(-scores, kind="stable")  # as the engine does
        return order, scores[order].astype(np.float32)

    def _arrangement(
        self, page: LoggedPage, config: PageConfig, order: Rows, scores: Floats
    ) -> Arrangement:
        rows = page.candidates.rows[order]
        return Arrangement(
            config=config,
            order=order,
            candidates=replace(page.candidates.take(order), scores=scores),
            trial=page.trial[order],
            creators=self.catalogue.creator_rows[rows],
            generated=self.catalogue.origins[rows] == Origin.GENERATED,
            vectors=self.vectors[rows],
            before=self.catalogue.creator_rows[page.before],
            lately=self.catalogue.origins[page.before] == Origin.GENERATED,
            size=page.slots.size,
        )


def _made_again(page: LoggedPage, found: Retraced) -> bool:
    """Return whether the logging policy was rebuilt rightly: page, draws and propensities."""
    return (
        found.is_possible
        and np.array_equal(found.slots, page.slots)
        and np.array_equal(found.is_fresh, page.is_fresh)
        and np.allclose(found.propensities, page.propensities, rtol=SAME, atol=0)
    )


def _entry(*policies: tuple[Arrangement, Rows, Retraced]) -> int:
    """Return the first slot that may depend on who was drawn, under any of these policies.

    Who is drawn reaches upwards only by spacing, as far as that reaches, and by the caps
    on generated tracks, where the draws could use them up.

    Args:
        policies: Each with a page of its own, and the draws it makes.
    """
    positions = [found.draws[0].position for _, _, found in policies if found.draws]
    if not positions:
        return 0
    reach = max(one.config.creator_gap for one, _, _ in policies) - 1
    entry = max(0, min(positions) - reach)
    left = [one.generated_left(slots[:entry]) for one, slots, _ in policies]
    return entry if min(left) > 0 else 0


def _samples(
    target: Arrangement,
    logging: Arrangement,
    known: dict[tuple[int, ...], Sampled],
    count: int,
    rng: np.random.Generator,
) -> Iterator[Sampled]:
    """Yield pages the target might serve; equal draws make equal pages, which are made once."""
    for _ in range(count):
        drawn = target.drawn(rng)
        key = tuple(drawn.tolist())
        if key not in known:
            known[key] = _sampled(target.retraced(drawn), logging.retraced(drawn))
        yield known[key]


def _sampled(mine: Retraced, theirs: Retraced) -> Sampled:
    return Sampled(mine.slots, mine.is_fresh, _equal(theirs.slots, mine.slots))


def _equal(made: Rows, wanted: Rows) -> Mask:
    """Return (k,) where a page shows what is wanted; nothing where it is shorter."""
    same: NDArray[np.bool_] = np.zeros(wanted.size, dtype=np.bool_)
    common = min(made.size, wanted.size)
    same[:common] = made[:common] == wanted[:common]
    return same
