"""Learning the weights of a blend: the likelihood of what was chosen among all candidates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import optimize

from core.errors import DataError
from ranking.rankers.blend import BlendRanker
from ranking.rankers.training import RankingData

Wide = NDArray[np.float64]


class BlendConfig(BaseModel):
    """Which columns are added up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    affinities: tuple[str, ...] = ("als_standing", "autoencoder_standing")
    """Columns whose weight is never negative: more of them cannot speak against a track."""
    corrections: tuple[str, ...] = ("popularity_standing",)
    """Columns whose weight may have either sign."""
    l2: float = Field(default=1e-3, gt=0)
    """Penalty on the squared weights, beside the mean log-likelihood of a request."""


def fit_blend(data: RankingData, config: BlendConfig) -> BlendRanker:
    """Fit the weights by the listwise softmax: convex, so that there is one answer and no seed.

    Of each request, the loss is the cross-entropy between its labels, made to sum to 1, and the
    softmax of the scores. A handful of weights cannot learn the habits of single listeners, as
    trees do, which is why the first rank does not suffer.

    Args:
        data: Labelled candidates; requests without a label above 0 say nothing.
        config: The columns.

    Raises:
        DataError: If a column is not there or nothing was chosen.

    Source:
        Cao et al., "Learning to Rank: From Pairwise Approach to Listwise Approach", 2007 (ListNet).
    """
    names = (*config.affinities, *config.corrections)
    if missing := [name for name in names if name not in data.names]:
        raise DataError(f"the blend adds up {', '.join(missing)}, which no feature is called")
    if not data.labels.any():
        raise DataError("nothing was chosen of any request; import more listening")
    place = [data.names.index(name) for name in names]
    values = np.nan_to_num(data.values[:, place].astype(np.float64), nan=0.0)
    bounds = [(0.0, None)] * len(config.affinities) + [(None, None)] * len(config.corrections)
    loss = _Listwise(values, data.labels, data.groups, config.l2)
    found = optimize.minimize(
        loss, np.zeros(len(names)), jac=True, method="L-BFGS-B", bounds=bounds
    )
    return BlendRanker(dict(zip(names, found.x.tolist(), strict=True)))


class _Listwise:
    """The loss and its gradient.

    Args:
        values: (m, f) columns.
        labels: (m,) ≥ 0.
        groups: (g,) rows of each request.
        l2: Penalty.
    """

    def __init__(
        self, values: Wide, labels: NDArray[np.int32], groups: NDArray[np.int64], l2: float
    ) -> None:
        kept = groups > 0
        self.values, self.l2 = values, l2
        self.owner = np.repeat(np.arange(int(kept.sum())), groups[kept])
        self.starts = np.concatenate([[0], np.cumsum(groups[kept])[:-1]])
        totals = np.add.reduceat(labels.astype(np.float64), self.starts)
        self.speaks = totals > 0
        self.target = labels / np.maximum(totals, 1.0)[self.owner]

    def __call__(self, weights: Wide) -> tuple[float, Wide]:
        scores = self.values @ weights
        scores -= np.maximum.reduceat(scores, self.starts)[self.owner]
        raised = np.exp(scores)
        totals = np.add.reduceat(raised, self.starts)
        logs = np.add.reduceat(self.target * scores, self.starts) - np.log(totals)
        off = (raised / totals[self.owner] - self.target) * self.speaks[self.owner]
        count = int(self.speaks.sum())
        gradient = self.values.T @ off / count + 2 * self.l2 * weights
        loss = -float(logs[self.speaks].sum()) / count + self.l2 * float(weights @ weights)
        return loss, gradient
