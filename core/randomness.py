"""Seeds: every random choice comes from a generator derived from one seed and a name."""

from __future__ import annotations

import hashlib

import numpy as np


def derive_seed(seed: int, *names: str | int) -> int:
    """Derive an independent seed from a parent seed and a path of names.

    Naming a stream (`derive_seed(7, "als")`) keeps it unchanged when another part of the program
    starts to draw more numbers.

    Args:
        seed: The parent seed.
        names: What the stream is for.

    Returns:
        An integer in [0, 2**63).
    """
    text = "/".join(str(part) for part in (seed, *names))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return a numpy generator for one named stream of a seed."""
    return np.random.default_rng(derive_seed(seed, *names))
