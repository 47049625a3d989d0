"""Shortage: a world in which some styles never got most of their tracks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.randomness import generator
from pipelines.world.catalogue import Catalogue
from pipelines.world.config import WorldConfig
from pipelines.world.releases import Releases


def starved(
    catalogue: Catalogue, releases: Releases, config: WorldConfig
) -> tuple[Catalogue, Releases]:
    """Return a world's tracks without most of those of its starved styles.

    Everything else is as it would be: the same tracks under the same ids, the same listeners.

    Args:
        catalogue: All the tracks.
        releases: The same tracks.
        config: Which styles, and how much of them is missing.

    Raises:
        DataError: If a starved style has no tracks.
    """
    if not config.starve:
        return catalogue, releases
    rows = kept_rows([track.style for track in catalogue.attributes], config)
    return catalogue.take(rows), releases.take(rows)


def kept_rows(styles: Sequence[str], config: WorldConfig) -> NDArray[np.int64]:
    """Return the tracks that remain, ascending; a starved style keeps at least one.

    Args:
        styles: (n,) style of each track.
        config: Which styles, and how much of them is missing.

    Raises:
        DataError: If a starved style has no tracks.
    """
    kept = np.ones(len(styles), dtype=np.bool_)
    for style in config.starve:
        rows = np.flatnonzero(np.array(styles) == style)
        if not rows.size:
            raise DataError(
                f"the style {style!r} has no tracks to take away in this world; starve another, "
                "or create more tracks"
            )
        left = max(1, round((1.0 - config.starve_share) * rows.size))
        order = generator(config.seed, "starve", style).permutation(rows)
        kept[order[left:]] = False
    return np.flatnonzero(kept)
