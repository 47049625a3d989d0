"""ALS factors: what a listener and a track have in common, and how a new listener is folded in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import linalg

from core.errors import ArtifactError, DataError
from core.ids import Ids
from embeddings.collaborative.confidence import ConfidenceConfig
from embeddings.storage import aligned_rows, load_array, load_ids, save_array, save_ids


class AlsConfig(BaseModel):
    """What is factorised and how long.

    It stands beside the factors, not the fit, so that reading settings does not load the solver.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dim: int = Field(default=64, ge=1, le=1024)
    """Factors of a listener or a track."""
    iterations: int = Field(default=15, ge=1, le=200)
    """Sweeps over listeners and tracks; eight are enough where `frequency` is above 0, as each is
    then solved exactly."""
    regularization: float = Field(default=1.0, gt=0, le=1e6)
    """Ridge weight; it also keeps the systems of new listeners solvable."""
    frequency: float = Field(default=0.0, ge=0, le=2)
    """How the ridge grows with what is known of a listener or track: the weight is multiplied by
    (entries + others / alpha) to this power; 0 is the same ridge for all, 1 as much a term."""
    confidence: ConfidenceConfig = ConfidenceConfig()
    """How play counts were turned into confidences; fold-in must use the same."""
    num_threads: int = Field(default=0, ge=0, le=256)
    """Threads of the fit; 0 means one a core. The factors do not depend on it."""


@dataclass(frozen=True, slots=True)
class Ridge:
    """How strongly a factor is drawn to zero, by how much is known of its owner.

    Args:
        weight: λ.
        frequency: ν; 0 makes the ridge λ for everybody.
        unobserved: What an entry that was not observed weighs against one that was: 1 / alpha.
        n_users: Listeners of the fit.
        n_tracks: Tracks of the fit.

    Source:
        Rendle, Krichene, Zhang and Koren, "Revisiting the Performance of iALS on Item
        Recommendation Benchmarks", 2021, equation 7: λ (|I_u| + α0 |I|)^ν. Our confidences are
        theirs over α0, so that the weight of the unobserved is 1, and so is our λ.
    """

    weight: float
    frequency: float = 0.0
    unobserved: float = 1.0
    n_users: int = 0
    n_tracks: int = 0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.weight) and self.weight >= 0):
            raise DataError(f"regularization is {self.weight}; it must be finite and >= 0")

    def of_user(self, entries: NDArray[np.integer] | int) -> NDArray[np.float64]:
        """Return the ridge of listeners with so many tracks."""
        return self._scaled(entries, self.n_tracks)

    def of_track(self, entries: NDArray[np.integer] | int) -> NDArray[np.float64]:
        """Return the ridge of tracks with so many listeners."""
        return self._scaled(entries, self.n_users)

    def _scaled(self, entries: NDArray[np.integer] | int, others: int) -> NDArray[np.float64]:
        base = np.asarray(entries, dtype=np.float64) + self.unobserved * others
        return np.asarray(self.weight * np.power(base, self.frequency))


def ridge_of(config: AlsConfig, n_users: int, n_tracks: int) -> Ridge:
    """Return the ridge of a fit of so many listeners and tracks."""
    return Ridge(
        weight=config.regularization,
        frequency=config.frequency,
        unobserved=1.0 / config.confidence.alpha,
        n_users=n_users,
        n_tracks=n_tracks,
    )


@dataclass(frozen=True, slots=True, eq=False)
class AlsFactors:
    """Fitted factors; `users @ tracks.T` is the predicted preference.

    Attributes:
        user_ids: (n_users,) distinct ids.
        track_ids: (n_tracks,) distinct ids.
        users: (n_users, dim) float32.
        tracks: (n_tracks, dim) float32.
        ridge: The ridge that the factors were fitted with.
        confidence: How play counts were turned into confidences; fold-in must use the same.
        gram: (dim, dim) float64, `tracks.T @ tracks`, computed once: a fold-in then costs the
            listener's own tracks only.
    """

    user_ids: tuple[str, ...]
    track_ids: tuple[str, ...]
    users: NDArray[np.float32]
    tracks: NDArray[np.float32]
    ridge: Ridge
    confidence: ConfidenceConfig = field(default_factory=ConfidenceConfig)
    gram: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        _check_side("users", self.user_ids, self.users)
        _check_side("tracks", self.track_ids, self.tracks)
        if self.users.shape[1] != self.tracks.shape[1]:
            raise DataError(
                f"user factors have {self.users.shape[1]} columns and track factors "
                f"{self.tracks.shape[1]}; both must come from one fit"
            )
        object.__setattr__(self, "gram", gram_matrix(self.tracks))

    @property
    def dim(self) -> int:
        """Return the number of factors."""
        return int(self.tracks.shape[1])

    def fold_in(
        self, rows: NDArray[np.int64], confidence: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """Solve for the factors of a listener from what they did just now.

        The same objective as training, solved exactly, so that a listener unknown to the fit and
        one who was in it stand in the same space. A negative confidence -c says, with weight c,
        that the track is *not* liked (preference 0), which is the convention of `implicit`.

        Args:
            rows: (k,) distinct rows of `tracks`.
            confidence: (k,) confidences as in training, |c| >= 1.

        Returns:
            (dim,) float32; zeros when `rows` is empty.

        Source:
            Hu, Koren and Volinsky 2008, equation 4:
            x = (YᵀY + Yᵀ(C - I)Y + λI)⁻¹ Yᵀ C p, with the λ of `Ridge` for k tracks.
        """
        if len(rows) == 0:
            return np.zeros(self.dim, dtype=np.float32)
        own = np.asarray(self.tracks[rows], dtype=np.float64)
        signed = np.asarray(confidence, dtype=np.float64)
        system = self.gram + (own.T * (np.abs(signed) - 1.0)) @ own
        system[np.diag_indices_from(system)] += self.ridge.of_user(len(rows))
        wanted = own.T @ np.maximum(signed, 0.0)
        return _solved(system, wanted).astype(np.float32)

    def aligned(self, track_ids: Sequence[str]) -> NDArray[np.float32]:
        """Return the factors of other track ids in their order.

        Args:
            track_ids: (m,) ids, known or not.

        Returns:
            (m, dim) float32, zero rows for unknown tracks; `tracks` itself, without a copy, when
            the ids are those of this object.
        """
        if track_ids is self.track_ids or tuple(track_ids) == self.track_ids:
            return self.tracks
        return aligned_rows(self.tracks, Ids(self.track_ids).rows(track_ids))

    def save(self, folder: Path) -> None:
        """Write ids, factors and `factors.json` into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        save_ids(folder / "user_ids.parquet", self.user_ids)
        save_ids(folder / "track_ids.parquet", self.track_ids)
        save_array(folder / "users.npy", self.users)
        save_array(folder / "tracks.npy", self.tracks)
        settings = {
            "ridge": asdict(self.ridge),
            "confidence": self.confidence.model_dump(),
        }
        text = json.dumps(settings)
        (folder / "factors.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> AlsFactors:
        """Read factors back, memory-mapped.

        Raises:
            ArtifactError: If a file is missing or broken.
        """
        path = folder / "factors.json"
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))
            ridge = Ridge(**settings["ridge"])
            scheme = ConfidenceConfig.model_validate(settings["confidence"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"{path} cannot be read ({error}); factorize again") from error
        return cls(
            user_ids=load_ids(folder / "user_ids.parquet"),
            track_ids=load_ids(folder / "track_ids.parquet"),
            users=load_array(folder / "users.npy"),
            tracks=load_array(folder / "tracks.npy"),
            ridge=ridge,
            confidence=scheme,
        )


def gram_matrix(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return `values.T @ values` in float64, by blocks so that a mapped file is never copied whole.

    Args:
        values: (n, dim) float32.

    Returns:
        (dim, dim) float64.
    """
    dim = values.shape[1]
    total = np.zeros((dim, dim), dtype=np.float64)
    for start in range(0, len(values), 65_536):
        block = np.asarray(values[start : start + 65_536], dtype=np.float64)
        total += block.T @ block
    return total


def _solved(system: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    try:
        factor = linalg.cho_factor(system, check_finite=False)
    except linalg.LinAlgError:
        # Without a ridge, fewer tracks than factors leave the system singular: the least-norm
        # solution is then the one that says nothing about the unseen directions.
        return np.asarray(linalg.lstsq(system, wanted)[0])
    return np.asarray(linalg.cho_solve(factor, wanted, check_finite=False))


def _check_side(name: str, ids: tuple[str, ...], values: NDArray[np.float32]) -> None:
    if values.ndim != 2 or values.dtype != np.float32 or len(values) != len(ids):
        raise DataError(
            f"{name} are {values.dtype} {values.shape} for {len(ids)} ids; "
            "give one float32 row for each id"
        )
    if len(set(ids)) != len(ids):
        raise DataError(f"{len(ids) - len(set(ids))} ids of {name} stand more than once")
    if not np.isfinite(values).all():
        raise DataError(f"{name} hold values that are not finite; factorize with a larger ridge")
