"""A linear probe: whether a label can be read off the vectors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

OUTER_FOLDS = 4  # a label has four tracks at least, so that each stands in every training part
INNER_FOLDS = 3
STRENGTHS = (0.01, 0.1, 1.0, 10.0)  # inverse ridge of the logistic regression
_MAX_ITERATIONS = 500


def probe(
    vectors: NDArray[np.floating], codes: NDArray[np.int64], seed: int
) -> NDArray[np.float64]:
    """Tell each track's label by a classifier that learned from the others.

    The regularisation is chosen anew inside every training part, for each encoder by itself.

    Args:
        vectors: (n, dim).
        codes: (n,) labels, each of at least `OUTER_FOLDS` tracks.
        seed: Decides the parts.

    Returns:
        (n,) 1 where the label was told rightly, else 0; NaN throughout where there is only one
        label to tell.
    """
    from sklearn.model_selection import StratifiedKFold

    right = np.full(len(codes), np.nan)
    if np.unique(codes).size < 2:
        return right
    outer = StratifiedKFold(OUTER_FOLDS, shuffle=True, random_state=seed % 2**32)
    for train, test in outer.split(vectors, codes):
        classifier = _fitted(vectors[train], codes[train], seed)
        right[test] = classifier.predict(vectors[test]) == codes[test]
    return right


def _fitted(vectors: NDArray[np.floating], codes: NDArray[np.int64], seed: int) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=_MAX_ITERATIONS)),
        {"logisticregression__C": STRENGTHS},
        cv=StratifiedKFold(INNER_FOLDS, shuffle=True, random_state=seed % 2**32),
    )
    with warnings.catch_warnings():
        # Weights that have not settled classify too, and are judged by how well.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return search.fit(vectors, codes)
