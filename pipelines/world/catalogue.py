"""The catalogue of a built-in world: which tracks there are, who made them, and their files."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from core.randomness import generator
from pipelines.music.attributes import TrackAttributes
from pipelines.music.audio_file import write_track
from pipelines.music.renderer import SAMPLE_RATE_HZ, render_track
from pipelines.music.style import STYLES, sample_attributes
from pipelines.workers import deaf_to_interrupts
from pipelines.world.names import Creator, found_creators, title_tracks


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Tracks of a world in order, as columns of equal length, and the creators they point to."""

    attributes: tuple[TrackAttributes, ...]
    """(n_tracks,) the truth about each track."""
    titles: tuple[str, ...]
    """(n_tracks,) unique titles."""
    creators: tuple[Creator, ...]
    """(n_creators,) about one for eight tracks."""
    creator_rows: np.ndarray
    """(n_tracks,) int64 index into `creators`."""
    numbers: np.ndarray
    """(n_tracks,) int64 the numbers in their ids, ascending."""

    @property
    def track_ids(self) -> tuple[str, ...]:
        """(n_tracks,) their ids."""
        return tuple(f"track-{number:05d}" for number in self.numbers.tolist())

    def take(self, rows: np.ndarray) -> "Catalogue":
        """Return the tracks of some rows, in that order; creators stay."""
        return Catalogue(
            tuple(self.attributes[row] for row in rows),
            tuple(self.titles[row] for row in rows),
            self.creators,
            self.creator_rows[rows],
            self.numbers[rows],
        )


def draw_catalogue(n_tracks: int, seed: int, mean_duration_s: float = 12.0) -> Catalogue:
    """Draw the tracks of a world, unequally many of each style, with creators and titles.

    Args:
        n_tracks: How many tracks.
        seed: Equal seeds give equal catalogues.
        mean_duration_s: Middle of the durations.

    Returns:
        The catalogue; nothing is rendered yet.
    """
    rng = generator(seed, "catalogue")
    names = tuple(STYLES)
    shares = rng.dirichlet(np.full(len(names), 6.0))  # no style dominates, none is missing for long
    drawn = rng.choice(len(names), n_tracks, p=shares)
    attributes = tuple(
        sample_attributes(names[style], generator(seed, "track", place), mean_duration_s)
        for place, style in enumerate(drawn)
    )
    styles = [track.style for track in attributes]
    creators, rows = found_creators(styles, generator(seed, "creators"))
    titles = title_tracks(styles, generator(seed, "titles"))
    return Catalogue(attributes, titles, creators, rows, np.arange(n_tracks))


def record_tracks(
    attributes: Sequence[TrackAttributes],
    paths: Sequence[Path],
    workers: int = 2,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
) -> Iterator[Path]:
    """Render tracks in parallel and write them.

    Args:
        attributes: (n_tracks,) what to render.
        paths: (n_tracks,) where to; the suffix chooses the coding.
        workers: Processes; 1 renders in this one.
        sample_rate_hz: Samples a second.

    Yields:
        Each path, in order, once its file is whole.
    """
    rates = [sample_rate_hz] * len(paths)
    if workers == 1:
        yield from map(record_track, attributes, paths, rates)
        return
    # spawned, because a forked copy of a process that runs BLAS or torch threads may hang
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        with deaf_to_interrupts():  # the processes start as the work is handed over
            recorded = pool.map(record_track, attributes, paths, rates, chunksize=4)
        yield from recorded


def record_track(attributes: TrackAttributes, path: Path, sample_rate_hz: int) -> Path:
    """Render one track, write it and give back its path."""
    write_track(path, render_track(attributes, sample_rate_hz), sample_rate_hz)
    return path
