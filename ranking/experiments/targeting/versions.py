"""Compare software versions as texts: 1.10.0 after 1.9.0, a pre-release before its release.

Source: GrowthBook SDK specification 0.8.0 (paddedVersionString).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from ranking.experiments.targeting.javascript import as_text, in_code_units

DIGITS = 5  # numbers are padded to as many
RELEASE = "~"  # stands where a pre-release would, and sorts after every other sign
LONGEST_KEPT = 64  # characters; what a client sends in its stead is worked out anew
N_CORE_PARTS = 3  # major, minor, patch


def version_key(version: Any) -> bytes:
    """Return what versions are compared by; build information and a leading `v` do not count."""
    text = as_text(version) if isinstance(version, int | float | str) else ""
    if not text or isinstance(version, bool):
        text = "0"
    return _kept_key(text) if len(text) <= LONGEST_KEPT else _key(text)


def _key(text: str) -> bytes:
    parts = re.split(r"[-.]", text.removeprefix("v").split("+", 1)[0])
    if len(parts) == N_CORE_PARTS:
        parts.append(RELEASE)
    return in_code_units("-".join(_padded(part) for part in parts))


_kept_key = lru_cache(maxsize=4096)(_key)  # listeners have few versions between them


def _padded(part: str) -> str:
    return part.rjust(DIGITS) if part.isascii() and part.isdigit() else part
