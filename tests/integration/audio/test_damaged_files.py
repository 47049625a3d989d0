"""Five hundred damaged files: each gives sound or a reason, and the process lives."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.sound_files import KINDS, tone, without_length, write_sound

COUNT = 500
TIMEOUT_S = 240  # takes about 5 s; a decoder that hangs must not hang the suite
SOUND_S = 1.0
# Decoding happens in a process of its own: a fault in a codec would end the tests as well.
WORKER = """
import json, sys, warnings
from pathlib import Path
import numpy as np
from core.errors import AudioDecodeError
from embeddings.audio.spectrogram import log_mel
from embeddings.audio.waveform import read_crops, stream
warnings.simplefilter("error")
for path in sorted(Path(sys.argv[1]).iterdir()):
    print(json.dumps([path.name, "begun"]), flush=True)
    said = []
    for read in (lambda: list(read_crops(path, 3, 0.5)), lambda: list(stream(path))):
        try:
            parts = read()
            made = [*parts, *map(log_mel, parts)]
            finite = made and all(np.isfinite(part).all() for part in made)
            said.append("sound" if finite else "nonsense")
        except AudioDecodeError as error:
            said.append("refused" if error.path == path and error.reason else "no reason")
    print(json.dumps([path.name, *said]), flush=True)
"""

Damage = Callable[[bytearray, np.random.Generator, list[bytes]], bytes]


def flipped(data: bytearray, rng: np.random.Generator, _others: list[bytes]) -> bytes:
    for bit in rng.integers(0, 8 * len(data), rng.integers(1, 200)):
        data[bit // 8] ^= 1 << bit % 8
    return bytes(data)


def flipped_header(data: bytearray, rng: np.random.Generator, _others: list[bytes]) -> bytes:
    for bit in rng.integers(0, 8 * min(len(data), 256), rng.integers(1, 16)):
        data[bit // 8] ^= 1 << bit % 8
    return bytes(data)


def truncated(data: bytearray, rng: np.random.Generator, _others: list[bytes]) -> bytes:
    return bytes(data[: rng.integers(0, len(data))])


def wrong_header(data: bytearray, rng: np.random.Generator, others: list[bytes]) -> bytes:
    size = int(rng.integers(4, 512))
    return others[rng.integers(len(others))][:size] + bytes(data[size:])


def holed(data: bytearray, rng: np.random.Generator, _others: list[bytes]) -> bytes:
    start = rng.integers(0, len(data))
    return bytes(data[:start] + data[start + rng.integers(1, 4_000) :])


def overwritten(data: bytearray, rng: np.random.Generator, _others: list[bytes]) -> bytes:
    start, size = rng.integers(0, len(data)), rng.integers(1, 4_000)
    return bytes(data[:start]) + rng.bytes(size) + bytes(data[start + size :])


DAMAGES: tuple[Damage, ...] = (flipped, flipped_header, truncated, wrong_header, holed, overwritten)


def whole_files(folder: Path, rng: np.random.Generator) -> dict[str, bytes]:
    """Return a file of each kind, mono and in two channels, and an mp3 that declares no length."""
    found: dict[str, bytes] = {}
    for kind in KINDS:
        for channels in (1, 2):
            rate = 48_000 if channels == 2 else 24_000
            sound = tone(SOUND_S, rate) + rng.normal(0, 0.05, round(SOUND_S * rate))
            shaped = np.repeat(sound[:, None], channels, axis=1).astype(np.float32)
            path = write_sound(folder / "whole", shaped, rate, kind)
            found[f"{kind}{channels}"] = path.read_bytes()
    found["mp3plain"] = without_length(found["mp32"])
    return found


@pytest.mark.parametrize("seed", [0])
def test_damaged_files_crash_nothing(tmp_path, seed):
    rng = np.random.default_rng(seed)
    whole = whole_files(tmp_path, rng)
    names, data = list(whole), list(whole.values())
    folder = tmp_path / "damaged"
    folder.mkdir()
    for number in range(COUNT):
        damage, kind = DAMAGES[number % len(DAMAGES)], number // len(DAMAGES) % len(names)
        name = f"{number:03d}.{damage.__name__}.{names[kind]}"
        (folder / name).write_bytes(damage(bytearray(data[kind]), rng, data))
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(folder)],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (lines[-1:], done.stderr[-2_000:])
    verdicts = {name: said for name, *said in lines if said != ["begun"]}
    assert len(verdicts) == COUNT
    counts = Counter(word for said in verdicts.values() for word in said)
    assert set(counts) == {"sound", "refused"}, [
        (name, said) for name, said in verdicts.items() if not set(said) <= {"sound", "refused"}
    ]
    # Both happen often: a flipped bit of PCM is a click, a lost page is the end of a stream.
    assert min(counts.values()) > COUNT // 5
