"""What each source brings to the candidates and to what is found among them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipelines.evaluate import EvaluationReport
from pipelines.evaluation.audience import Offered
from pipelines.judgement_page.document import SourceShare
from ranking.model import Rows


class SourceCounts:
    """Counts offers, part by part of the audience.

    Args:
        names: The sources, in column order.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._all = 0
        self._found = 0
        self._offered, self._hits, self._unique = (np.zeros(len(names)) for _ in range(3))

    def see(self, offered: Offered, relevant: Mapping[str, Rows]) -> None:
        """Count the candidates of some requests."""
        for query, shortlist in zip(offered.queries, offered.shortlists, strict=True):
            by = ~np.isnan(shortlist.source_ranks)
            hit = np.isin(shortlist.rows, relevant[query.listener.user_id])
            alone = by.sum(axis=1) == 1
            self._all += len(shortlist)
            self._found += int(hit.sum())
            self._offered += by.sum(axis=0)
            self._hits += by[hit].sum(axis=0)
            self._unique += by[hit & alone].sum(axis=0)

    def shares(self, report: EvaluationReport) -> tuple[SourceShare, ...]:
        """Return every source's share, beside what it finds alone and how long it takes."""
        alone = {result.model: result.metrics["recall@100"] for result in report.results}
        return tuple(
            SourceShare(
                source=name,
                candidates=float(self._offered[at] / max(self._all, 1)),
                hits=float(self._hits[at] / max(self._found, 1)),
                unique=float(self._unique[at] / max(self._found, 1)),
                recall=alone[f"source:{name}"],
                ms=report.source_ms[name],
            )
            for at, name in enumerate(self.names)
        )
