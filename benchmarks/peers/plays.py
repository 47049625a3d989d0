"""What a play count may be worth to a model."""

from __future__ import annotations

import numpy as np

WEIGHTS = {"count": np.asarray, "log": np.log1p, "one": np.ones_like}
