"""The file of what was shown: one row a track, listener and surface, counted up to one moment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from core.errors import ArtifactError
from core.ids import Ids
from ranking.features.shown import OUTCOMES, Entries, ShownRates, TrackKeys, no_shown

SHOWN_FILE = "shown.parquet"
_NAMES = ("track_id", "user_id", "surface")
_COUNTS = ("slots", *OUTCOMES)


def save_shown(shown: ShownRates, folder: Path, track_ids: Sequence[str]) -> None:
    """Write what `ShownRates.compacted` counted.

    Args:
        shown: Compacted.
        folder: Where to.
        track_ids: In catalogue rows.
    """
    keys = shown.entries.keys
    columns = {
        "track_id": [track_ids[row] for row in keys["track"]],
        "user_id": shown.listeners.take(keys["listener"]),
        "surface": shown.surfaces.take(keys["surface"]),
    }
    counts = {name: shown.weights[at] for at, name in enumerate(_COUNTS)}
    schema = dict.fromkeys(_NAMES, pl.String) | dict.fromkeys(_COUNTS, pl.Float32)
    pl.DataFrame({**columns, **counts}, schema=schema).write_parquet(folder / SHOWN_FILE)


def load_shown(folder: Path, tracks: Ids, keys: TrackKeys) -> ShownRates:
    """Read it back into other catalogue rows; an artifact from before there were any has none.

    Args:
        folder: Of the artifact.
        tracks: The catalogue's; what it does not know is left out.
        keys: In its rows.

    Raises:
        ArtifactError: If the file is broken.
    """
    path = folder / SHOWN_FILE
    if not path.is_file():
        return no_shown()
    try:
        frame = pl.read_parquet(path, columns=[*_NAMES, *_COUNTS])
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ArtifactError(f"{path} cannot be read ({error}); train the factors again") from error
    rows = tracks.rows(frame["track_id"].to_list())
    kept = rows >= 0
    listeners = Ids(frame["user_id"].unique().sort().to_list())
    surfaces = Ids(frame["surface"].unique().sort().to_list())
    own = {
        "listener": listeners.rows(frame["user_id"].to_list())[kept],
        "surface": surfaces.rows(frame["surface"].to_list())[kept],
    }
    entries = Entries(np.zeros(int(kept.sum()), np.int64), {**keys.of(rows[kept]), **own})
    weights = np.stack([frame[name].to_numpy()[kept] for name in _COUNTS])
    return ShownRates(listeners, surfaces, entries, weights.astype(np.float32))
