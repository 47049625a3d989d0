"""What hearing costs: two recordings that fingerprints find alike, decoded and compared.

It is paid by pairs that are alike alone, not by every lookup. Seconds are those of the processor,
so that neighbours on the machine do not count.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from embeddings.audio.waveform import SAMPLE_RATE_HZ, decode
from embeddings.fingerprints.duplicates import DuplicateConfig, build_duplicate_index
from embeddings.fingerprints.fingerprint import LIMIT_S, fingerprint_file
from pipelines.audio_evaluation.transformations import TRANSFORMATIONS, Sound, sped, write_sound
from tests.support.tunes import tune

REPEATS = 5


@pytest.mark.parametrize("seconds", [12.0, 30.0, 120.0])
@pytest.mark.parametrize("kind", ["ogg_64", "speed"])
def test_hear_a_copy(tmp_path: Path, seconds: float, kind: str) -> None:

    own = Sound(np.asarray(tune(1, seconds=seconds))[:, None], SAMPLE_RATE_HZ)
    paths = {"known": tmp_path / "known.ogg", "fresh": tmp_path / "fresh.ogg"}
    write_sound(paths["known"], own, TRANSFORMATIONS["ogg_64"].coding)
    changed = sped(own, np.random.default_rng(1)) if kind == "speed" else own
    write_sound(paths["fresh"], changed, TRANSFORMATIONS["ogg_64"].coding)
    known, fresh = (fingerprint_file(paths[name]) for name in ("known", "fresh"))
    index = build_duplicate_index({"known": known.to_bytes()})

    def cost(*, heard: bool) -> float:
        started = time.process_time()
        for _ in range(REPEATS):
            hear = (lambda name: decode(paths[name], LIMIT_S)) if heard else (lambda _: None)
            (match,) = index.matches("fresh", fresh, DuplicateConfig(), hear)
            assert match.was_heard is heard
        return (time.process_time() - started) / REPEATS * 1000

    silent, heard = cost(heard=False), cost(heard=True)
    print(f"\n{seconds:.0f} s, {kind}: {heard:.0f} ms a pair, {silent:.0f} ms without hearing")
