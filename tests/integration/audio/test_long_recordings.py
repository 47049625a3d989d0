"""Two hours of sound pass through a worker that stays small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embeddings.audio.waveform import BLOCK_S, SAMPLE_RATE_HZ
from tests.support.sound_files import WRITE_FRAMES, tone, write_long, write_sound

HOURS_2_S = 7_200
LIMIT_MB = 200
RATE_HZ = 8_000  # blocks are bounded in values, so that the rate only makes the test slower
# Peak memory of a process is asked of its own page tables: `ru_maxrss` survives an exec and would
# show the size of this one.
WORKER = """
import itertools, json, sys
from pathlib import Path
from embeddings.audio.spectrogram import log_mel
from embeddings.audio.waveform import read_crops, stream
path = Path(sys.argv[1])
mels = [log_mel(wave) for wave in read_crops(path, 6, 5.0)]
samples = sum(len(block) for block in itertools.islice(stream(path), int(sys.argv[2])))
status = Path("/proc/self/status").read_text()
peak_kb = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
print(json.dumps({"samples": samples, "mels": len(mels), "peak_mb": int(peak_kb) / 1024}))
"""


def measured(path: Path, blocks: int) -> dict[str, float]:
    command = [sys.executable, "-c", WORKER, str(path), str(blocks)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3", "opus"])
def test_two_hours_fit_into_a_small_worker(tmp_path, kind):
    path = tmp_path / f"long.{kind}"
    write_long(path, tone(60, RATE_HZ), RATE_HZ, kind, HOURS_2_S // 60)
    # Crops span two hours. Blocks do in one format; ten minutes of the others keep the test short.
    heard_s = HOURS_2_S if kind == "flac" else 600
    found = measured(path, round(heard_s / BLOCK_S))
    assert found["peak_mb"] < LIMIT_MB
    assert found["mels"] == 6
    # A lossy encoder may add a frame of its own to each minute.
    assert found["samples"] == pytest.approx(heard_s * SAMPLE_RATE_HZ, rel=2e-3)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_eight_channels_at_192_khz_fit_too(tmp_path):
    channels = np.repeat(tone(WRITE_FRAMES / 192_000, 192_000)[:, None], 8, axis=1)
    path = write_sound(tmp_path / "wide.wav", channels, 192_000, "wav24", times=30 * 23)
    assert measured(path, sys.maxsize)["peak_mb"] < LIMIT_MB
