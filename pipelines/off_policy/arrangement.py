"""How one policy arranges a logged page: with the draws of the log, or with its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ranking.model import Candidates, Floats, Mask, Rows
from ranking.policies.page import NOBODY, OpenPage, PageConfig
from ranking.policies.retrace import Retraced, draws_of, retrace


@dataclass(frozen=True, slots=True, eq=False)
class Arrangement:
    """How one policy arranges one page; candidates go in and come out numbered as logged.

    Args:
        config: The arrangement.
        order: (n,) the candidates as logged, best first; the columns below are in this order.
        candidates: With the policy's scores.
        trial: (n,) which of them were on trial.
        creators: (n,) who made them.
        generated: (n,) which of them are generated.
        vectors: (n, dim) their audio vectors.
        before: (m,) creators of the slots seen before, latest first.
        lately: (m,) which of these slots were generated.
        size: Slots of the page.
    """

    config: PageConfig
    order: Rows
    candidates: Candidates
    trial: Mask
    creators: Rows
    generated: Mask
    vectors: Floats
    before: Rows
    lately: Mask
    size: int

    def open(self) -> OpenPage:
        """Return the page with nothing filled."""
        return OpenPage(
            candidates=self.candidates,
            config=self.config,
            creators=self.creators,
            generated=self.generated,
            trial=self.trial,
            vectors=self.vectors,
            before=self.before[: self.config.creator_gap],
            lately=self.lately,
            wanted=self.size,
        )

    def retraced(self, fresh: Rows) -> Retraced:
        """Return the page that follows from these draws."""
        place = np.empty_like(self.order)
        place[self.order] = np.arange(self.order.size)
        found = retrace(self.open(), place[fresh])
        draws = tuple(
            replace(
                one,
                choices=one.choices._replace(pool=self.order[one.choices.pool]),
                logged=int(self.order[one.logged]) if one.logged != NOBODY else NOBODY,
            )
            for one in found.draws
        )
        return replace(found, draws=draws, slots=self.order[found.slots])

    def generated_left(self, above: Rows) -> int:
        """Return how many generated tracks the caps allow beside some candidates and any draws."""
        page = self.open()
        place = np.isin(self.order, above)
        return page.generated_left - int(self.generated[place].sum()) - page.n_fresh

    def drawn(self, rng: np.random.Generator) -> Rows:
        """Return whom the policy might draw for its fresh slots, from the top."""
        return self.order[draws_of(self.open(), rng)]
