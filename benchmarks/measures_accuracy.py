"""How well music is measured: on rendered tracks, whose tempo, key and character were asked for.

    python -m benchmarks.measures_accuracy [--tracks 100] [--seconds 25] [--fit]

Tracks of all styles are rendered and encoded as the built-in world does, with another seed than
the 112 that the scales of energy and brightness were fitted to; `--fit` fits those anew.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr

from embeddings.audio.waveform import SAMPLE_RATE_HZ
from embeddings.measures.character import BRIGHTNESS, ENERGY, find_traits, fit_scale
from embeddings.measures.recording import Measures, measure
from embeddings.measures.sound import read_sound
from embeddings.measures.tempo import agrees
from pipelines.music.attributes import TrackAttributes
from pipelines.music.audio_file import write_track
from pipelines.music.renderer import SAMPLE_RATE_HZ as RENDERED_HZ
from pipelines.music.renderer import render_track
from pipelines.music.style import STYLES, sample_attributes

FITTED, JUDGED = (112, 11), (100, 12)  # tracks and seed


class Rendered(NamedTuple):
    """A track whose truth is known."""

    asked: TrackAttributes
    path: Path


def rendered(count: int, seed: int, seconds: float, folder: Path) -> Iterator[Rendered]:
    """Yield tracks of all styles in turn; files that are there already are taken."""
    rng, names = np.random.default_rng(seed), list(STYLES)
    for at in range(count):
        asked = sample_attributes(names[at % len(names)], rng, seconds)
        path = folder / f"{seed}-{seconds:g}-{at:03d}.ogg"
        if not path.exists():
            write_track(path, render_track(asked), RENDERED_HZ)
        yield Rendered(asked, path)


def fit(folder: Path, seconds: float) -> None:
    """Print the scales of energy and brightness."""
    found, asked = [], []
    for each in rendered(*FITTED, seconds, folder):
        sound = read_sound(each.path)
        mono = soxr.resample(sound.samples.mean(axis=1), sound.rate_hz, SAMPLE_RATE_HZ)
        found.append(find_traits(mono, SAMPLE_RATE_HZ))
        asked.append((each.asked.energy, each.asked.brightness))
    energy, brightness = np.array(asked).T
    print("ENERGY =", fit_scale(found, tuple(ENERGY[1]), energy))
    print("BRIGHTNESS =", fit_scale(found, tuple(BRIGHTNESS[1]), brightness))


def judge(folder: Path, count: int, seconds: float) -> None:
    """Print what was measured against what was asked."""
    tracks = list(rendered(count, JUDGED[1], seconds, folder))
    started = time.process_time()
    found = [measure(each.path) for each in tracks]
    spent_s = time.process_time() - started
    asked = [each.asked for each in tracks]
    rng = np.random.default_rng(1)
    ratio = np.array([m.tempo.bpm / a.tempo_bpm for m, a in zip(found, asked, strict=True)])
    octaves = np.abs(ratio[:, None] / np.array([0.5, 1.0, 2.0]) - 1.0) <= 0.03
    sure = np.array([m.tempo.confidence for m in found]) >= 0.2
    exact = np.abs(ratio - 1.0) <= 0.03
    keys = np.array([m.key.name == a.key_name for m, a in zip(found, asked, strict=True)])
    wide = np.array([m.key.margin for m in found]) >= 0.05
    near = np.array(
        [m.key.shortfall(a.key_name) <= 0.05 for m, a in zip(found, asked, strict=True)]
    )
    print(f"tempo within 3 %                {exact.mean():.2f}")
    print(f"  of {sure.mean():.2f} with confidence ≥ 0.2  {exact[sure].mean():.2f}")
    print(f"  or of half or twice the tempo {octaves.any(axis=1).mean():.2f}")
    print(f"agrees with the asked tempo     {_agreeing(found, [a.tempo_bpm for a in asked]):.2f}")
    others = [[float(np.exp(rng.uniform(np.log(60), np.log(180))))] * len(found) for _ in range(20)]
    print(f"  with a tempo drawn at random  {np.mean([_agreeing(found, o) for o in others]):.2f}")
    print(f"key right                       {keys.mean():.2f}")
    print(f"  of {wide.mean():.2f} with margin ≥ 0.05     {keys[wide].mean():.2f}")
    print(f"  shortfall of the asked ≤ 0.05 {near.mean():.2f}")
    for name in ("energy", "brightness"):
        values = np.array([getattr(m, name) for m in found])
        truth = np.array([getattr(a, name) for a in asked])
        r, off = np.corrcoef(values, truth)[0, 1], np.abs(values - truth).mean()
        print(f"{name:10} correlation {r:.2f}, mean error {off:.2f}")
    sound_s = sum(m.duration_s for m in found)
    print(f"{len(found) / spent_s:.2f} tracks a second ({sound_s / spent_s:.0f} s of sound)")


def _agreeing(found: list[Measures], bpm: list[float]) -> float:
    return float(np.mean([agrees(m.tempo, b, 0.04) for m, b in zip(found, bpm, strict=True)]))


def main() -> None:
    """Read the options and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=JUDGED[0])
    parser.add_argument("--seconds", type=float, default=25.0)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--folder", type=Path, help="Where to keep the rendered tracks.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if options.fit:
            fit(folder, options.seconds)
        else:
            judge(folder, options.tracks, options.seconds)


if __name__ == "__main__":
    main()
