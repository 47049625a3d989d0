"""Feature columns put into the order a model was trained with."""

from __future__ import annotations

from core.errors import ArtifactError
from ranking.model import FeatureMatrix, Floats


def aligned_columns(features: FeatureMatrix, names: tuple[str, ...]) -> Floats:
    """Return the named columns in order.

    Raises:
        ArtifactError: If one is not there.
    """
    if features.names == names:
        return features.values
    missing = [name for name in names if name not in features.names]
    if missing:
        raise ArtifactError(
            f"the ranker needs the features {', '.join(missing)}, which are not built; "
            "promote a ranker trained with this version"
        )
    place = {name: column for column, name in enumerate(features.names)}
    return features.values[:, [place[name] for name in names]]
