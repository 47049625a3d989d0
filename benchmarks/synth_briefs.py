"""Measures how well `synth` does what briefs ask: `python -m benchmarks.synth_briefs`."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from core.randomness import generator
from embeddings.measures.key import estimate_key
from embeddings.measures.tempo import estimate_tempo_bpm, onset_similarity
from pipelines.music.attributes import NOTE_NAMES
from pipelines.music.style import STYLES, sample_attributes
from pipelines.supply.generators.protocol import Delivered, Order
from pipelines.supply.generators.synth import Synth
from ranking.supply.brief import Brief


class Measured(NamedTuple):
    """One brief, what was asked and what was heard."""

    style: str
    asked_bpm: float
    heard_bpm: float
    played_bpm: float
    asked_key: str
    heard_key: str
    seconds: float


def drawn_brief(style: str, seed: int, seconds: tuple[float, float] = (20.0, 60.0)) -> Brief:
    """Return a brief for a track as the style draws one."""
    drawn = sample_attributes(style, generator(seed, "brief", style))
    return Brief(
        title=style,
        prompt=f"{style} music",
        tags=(style,),
        tempo_bpm=drawn.tempo_bpm,
        key=drawn.key_name,
        energy=drawn.energy,
        brightness=drawn.brightness,
        seconds=seconds,
        deadline_ms=1,
    )


def played_bpm(sound: NDArray[np.float32], rate: int, near_bpm: float) -> float:
    """Return the tempo whose 4 and 8 beats return most exactly, within 8 % of one that is known.

    The blind estimate may count a level above or below; this asks how fast the level in question
    goes.
    """
    similar = onset_similarity(sound, rate)
    bpm = near_bpm * np.linspace(0.92, 1.08, 1601)
    score = sum(
        np.interp(n * 6000.0 / bpm, np.arange(similar.size), similar) for n in (4, 6, 8, 12)
    )
    return float(bpm[np.argmax(score)])


def measure(count: int, seed: int, seconds: tuple[float, float]) -> Iterator[Measured]:
    """Order one track of each of so many briefs, drawn from the styles in turn."""
    synth, names = Synth(), list(STYLES)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            brief = drawn_brief(names[number % len(names)], seed + number, seconds)
            answer = synth.poll(Order(f"k{number}", f"brief-{number}", 0, brief), f"k{number}")
            assert isinstance(answer, Delivered)
            path = Path(folder) / f"{number}.ogg"
            assert answer.tracks[0].save(path) is None
            sound, rate = soundfile.read(path, dtype="float32")
            key, mode = estimate_key(sound, rate)
            assert brief.tempo_bpm is not None
            assert brief.key is not None
            yield Measured(
                brief.title,
                brief.tempo_bpm,
                estimate_tempo_bpm(sound, rate),
                played_bpm(sound, rate, brief.tempo_bpm),
                brief.key,
                f"{NOTE_NAMES[key]} {mode}",
                len(sound) / rate,
            )


def main() -> None:
    """Print each brief and the shares."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--briefs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    found = []
    options = parser.parse_args()
    for one in measure(options.briefs, options.seed, (20.0, 60.0)):
        found.append(one)
        print(
            f"{one.style:16} asked {one.asked_bpm:6.1f} bpm, heard {one.heard_bpm:6.1f}, played "
            f"{one.played_bpm:6.1f}; asked {one.asked_key:9} heard {one.heard_key:9} "
            f"{one.seconds:.0f} s"
        )
    ratios = np.array([one.heard_bpm / one.asked_bpm for one in found])
    played = np.array([one.played_bpm / one.asked_bpm for one in found])
    levels = np.array([0.5, 1.0, 2.0])
    octave = (np.abs(ratios[:, None] / levels - 1) <= 0.03).any(axis=1)
    print(f"tempo within 3 %, blind estimate: {np.mean(np.abs(ratios - 1) <= 0.03):.3f}")
    print(f"  counting twice or half as fast: {octave.mean():.3f}")
    print(f"tempo within 3 %, the level that was asked: {np.mean(np.abs(played - 1) <= 0.03):.3f}")
    print(f"  largest deviation: {np.abs(played - 1).max():.4f}")
    keys = np.mean([one.asked_key == one.heard_key for one in found])
    print(f"key right: {keys:.3f}")


if __name__ == "__main__":
    main()
