"""What the serving process loads has neither torch nor implicit in it."""

from __future__ import annotations

import subprocess
import sys

LIGHT = (
    "embeddings.vectors, embeddings.index, embeddings.collaborative.factors, "
    "embeddings.collaborative.confidence, embeddings.collaborative.neighbours, "
    "embeddings.audio.configuration, embeddings.audio.waveform, embeddings.audio.crops"
)


def test_light_modules_load_neither_torch_nor_implicit():
    code = f"import sys, {LIGHT}; print(sorted({{'torch', 'implicit'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
