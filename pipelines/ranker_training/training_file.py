"""A training set as one Parquet file: rows for a notebook, and in its metadata what made it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import ConfigError, DataError
from core.ids import new_id
from core.tables import TIME
from pipelines.ranker_training.training_set import Kind, TrainingSet
from ranking.model import Floats, Mask
from ranking.rankers.head_training import OutcomeData, earlier_rows
from ranking.rankers.training import RankingData, held_groups

METADATA = "segue"
OUTCOME = "outcome_"
PLAIN = ("request", "user_id", "track_id", "request_id", "at", "position", "weight", "grade")
SPLIT = "split"


class TrainingSetHeader(BaseModel):
    """What a training set was made from, and how its columns are to be read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    seed: int
    """Of `segue train`: the same seed fits the same ranker to these rows."""
    features: tuple[str, ...]
    """In the order that trees are grown by."""
    config: dict[str, Any]
    """The sections `ranker`, `factors`, `index` and `feed`."""
    inputs: dict[str, str]
    """Input → fingerprint: the tables', the catalogue's, and the version of the vectors."""
    code_revision: str


def write_training_set(
    data: TrainingSet,
    header: TrainingSetHeader,
    validation_share: float,
    path: Path,
    *,
    force: bool = False,
) -> None:
    """Write a training set; the file appears whole or not at all.

    Args:
        data: The rows.
        header: What made them.
        validation_share: Of the trees' settings: which rows are marked as validation.
        path: Where.
        force: Whether a file that is there already gives way.

    Raises:
        ConfigError: If there is a file already, or the folder cannot be written to.
    """
    refuse_existing(path, force=force)
    beside = path.with_name(f".{path.name}.{new_id()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        metadata = {METADATA: header.model_dump_json()}
        frame_of(data, validation_share).write_parquet(beside, metadata=metadata)
        os.replace(beside, path)  # noqa: PTH105 - Path.rename refuses to replace on some systems
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)


def refuse_existing(path: Path, *, force: bool) -> None:
    """Refuse a path where something stands, unless it may give way.

    Raises:
        ConfigError: If something does.
    """
    if path.is_dir() or (path.exists() and not force):
        raise ConfigError(f"{path} exists already; name another file, or add --force")


def read_training_set(path: Path) -> tuple[TrainingSet, TrainingSetHeader]:
    """Read a training set back; rows may have been left out, whole requests at a time.

    Raises:
        DataError: If the file is not a training set.
    """
    try:
        told = pl.read_parquet_metadata(path).get(METADATA)
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path} cannot be read as Parquet: {error}") from error
    if told is None:
        raise DataError(f"{path} holds no training set; `segue export training-set` writes one")
    try:
        header = TrainingSetHeader.model_validate_json(told)
        return _set_of(frame, header), header
    except (ValidationError, pl.exceptions.ColumnNotFoundError) as error:
        raise DataError(f"{path} is no training set of this version: {error}") from error


def frame_of(data: TrainingSet, validation_share: float) -> pl.DataFrame:
    """Return the rows as they stand in the file; features that are not known are null.

    Args:
        data: The rows.
        validation_share: Which of them are marked as validation.

    Raises:
        ValueError: If a feature is called like one of the other columns.
    """
    examples = data.data
    taken = [one for one in examples.names if one in (*PLAIN, SPLIT) or one.startswith(OUTCOME)]
    if taken:
        raise ValueError(f"a feature cannot be called {', '.join(taken)}")
    about = data.about.with_columns(at=pl.col("at_ms").cast(TIME))
    learned = _learned_from(data, validation_share)
    columns: dict[str, pl.Series] = {"request": pl.Series(_requests(data), dtype=pl.Int64)}
    columns |= {name: about[name] for name in PLAIN if name in about.columns}
    if examples.positions is not None:
        columns["position"] = _series(examples.positions.astype(np.float32))
    if examples.weights is not None:
        columns["weight"] = pl.Series(examples.weights, dtype=pl.Float32)
    if isinstance(examples, RankingData):
        columns["grade"] = pl.Series(examples.labels, dtype=pl.Int32)
    else:
        columns |= {f"{OUTCOME}{name}": _series(one) for name, one in examples.outcomes.items()}
    columns[SPLIT] = pl.Series(np.where(learned, "train", "validation"), dtype=pl.String)
    values = {name: _series(examples.values[:, at]) for at, name in enumerate(examples.names)}
    return pl.DataFrame({**columns, **values})


def _series(values: Floats) -> pl.Series:
    return pl.Series(values, dtype=pl.Float32).fill_nan(None)


def _requests(data: TrainingSet) -> NDArray[np.int64]:
    """Return (m,) the number of each row's request, from 0."""
    if isinstance(data.data, RankingData):
        return np.repeat(np.arange(data.data.groups.size), data.data.groups)
    page = pl.struct("request_id", "user_id", "at_ms").rle_id()
    return data.about.select(page.alias("page"))["page"].to_numpy().astype(np.int64)


def _learned_from(data: TrainingSet, share: float) -> Mask:
    """Return (m,) which rows trees are grown on; a blend looks at all of them alike."""
    examples = data.data
    if isinstance(examples, OutcomeData):
        return earlier_rows(examples.at_ms, share)
    held = held_groups(examples.groups.size, share) if data.kind == "lambdarank" else 0
    return np.repeat(np.arange(examples.groups.size), examples.groups) < examples.groups.size - held


def _set_of(frame: pl.DataFrame, header: TrainingSetHeader) -> TrainingSet:
    values = np.empty((frame.height, len(header.features)), dtype=np.float32)
    for at, name in enumerate(header.features):
        values[:, at] = _floats(frame[name])
    about = frame.select(
        *(name for name in ("request_id", "user_id", "track_id") if name in frame.columns),
        pl.col("at").dt.epoch("ms").alias("at_ms"),
    )
    read = _outcomes if header.kind == "heads" else _graded
    return TrainingSet(header.kind, read(frame, header.features, values), about)


def _graded(frame: pl.DataFrame, names: tuple[str, ...], values: Floats) -> RankingData:
    sizes = frame["request"].rle().struct.field("len").to_numpy().astype(np.int64)
    if sizes.size != frame["request"].n_unique():
        raise DataError("the rows of a request must stand together; sort the file by `request`")
    known = frame.columns
    return RankingData(
        names=names,
        values=values,
        labels=frame["grade"].to_numpy().astype(np.int32),
        groups=sizes,
        positions=frame["position"].to_numpy().astype(np.int32) if "position" in known else None,
        weights=_floats(frame["weight"]) if "weight" in known else None,
    )


def _outcomes(frame: pl.DataFrame, names: tuple[str, ...], values: Floats) -> OutcomeData:
    heads = [name for name in frame.columns if name.startswith(OUTCOME)]
    return OutcomeData(
        names=names,
        values=values,
        outcomes={name.removeprefix(OUTCOME): _floats(frame[name]) for name in heads},
        at_ms=frame["at"].dt.epoch("ms").to_numpy().astype(np.int64),
        positions=_floats(frame["position"]),
        weights=_floats(frame["weight"]),
    )


def _floats(column: pl.Series) -> Floats:
    return column.cast(pl.Float32).fill_null(float("nan")).to_numpy()
