"""The errors that Segue raises for a reason outside its code.

SegueError
├── ConfigError             a setting or an argument that cannot be used
├── DataError               a file, row or table that breaks its schema
│   ├── AudioDecodeError    a recording that cannot be read as sound
│   ├── UnknownIdError      an id that nothing in the store bears
│   └── ConflictError       a change that does not fit what stands there now
├── ArtifactError           an artifact that is missing, incomplete or does not fit
│   └── PromotionRefusedError  a challenger that is worse than what is live
├── SourceUnavailableError  a candidate source that cannot answer now
├── StoreUnavailableError   the operational store cannot take or give data now
├── GeneratorError          a music generator that refused or failed
└── ExperimentError         an experiment that cannot be run or analysed

A message names the thing, the value and the next step. Programming errors stay `ValueError` or
`TypeError` and are never caught.
"""

from __future__ import annotations

from pathlib import Path


class SegueError(Exception):
    """Anything that went wrong for a reason outside the code; its text is meant for people."""


class ConfigError(SegueError):
    """A setting or an argument that cannot be used."""


class DataError(SegueError):
    """A file, row or table that breaks its schema."""


class AudioDecodeError(DataError):
    """A recording that cannot be read as sound.

    Args:
        path: The file.
        reason: What is wrong with it, as a short phrase ("is silent", "is truncated").
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be used as audio: {reason}")
        self.path = path
        self.reason = reason


class UnknownIdError(DataError):
    """An id that nothing in the store bears."""


class ConflictError(DataError):
    """A change that does not fit what stands there now."""


class ArtifactError(SegueError):
    """An artifact that is missing, incomplete or does not fit."""


class PromotionRefusedError(ArtifactError):
    """A challenger that is worse than what is live."""


class SourceUnavailableError(SegueError):
    """A candidate source that cannot answer now."""


class StoreUnavailableError(SegueError):
    """The operational store cannot take or give data now."""


class GeneratorError(SegueError):
    """A music generator that refused or failed."""


class ExperimentError(SegueError):
    """An experiment that cannot be run or analysed."""
