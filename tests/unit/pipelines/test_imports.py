"""What the command line loads before it does anything."""

from __future__ import annotations

import subprocess
import sys


def test_reading_settings_loads_no_training_library() -> None:
    told = (
        "import sys, pipelines.settings;"
        "heavy = ('torch', 'implicit', 'lightgbm', 'scipy.signal');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
