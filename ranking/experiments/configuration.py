"""Settings that all experiments share (`[experiments]`)."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ranking.experiments.definitions.definition import Filter
from ranking.experiments.layering.layers import HASH_VERSION, Holdout

ATTRIBUTE = "user_id"
"""What is hashed of a listener where nobody says otherwise."""


class Frame(BaseModel):
    """What an experiment is laid into: the layers' seed and the holdout.

    An experiment keeps the one it was started with; a setting that changes moves nobody who runs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    holdout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the listeners who are in no experiment; with a larger one nobody leaves. Holds for
    experiments that are started from then on."""
    holdout_seed: str = Field(default="holdout", min_length=1, max_length=100)
    """Decides who they are; another one draws others."""
    layer_seed: str = Field(default="layer", min_length=1, max_length=100)
    """What every layer's seed begins with; another one draws all layers anew, and is refused while
    experiments run in them."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.holdout_seed.startswith(self._prefix):
            raise ValueError(
                f"holdout_seed {self.holdout_seed!r} could be a layer's, which begin with "
                f"{self._prefix!r}; choose another"
            )
        return self

    @property
    def _prefix(self) -> str:
        return f"{self.layer_seed}/"

    def layer(self, name: str) -> str:
        """Return the seed of a layer."""
        return f"{self._prefix}{name}"

    def held_out(self) -> Holdout | None:
        """Return who is in no experiment, None where everybody may be."""
        if not self.holdout:
            return None
        return Holdout(seed=self.holdout_seed, share=self.holdout, attribute=ATTRIBUTE)

    def filters(self) -> tuple[Filter, ...]:
        """Return what every experiment carries."""
        holdout = self.held_out()
        return () if holdout is None else (holdout.filter(),)


class ExperimentsConfig(Frame):
    """What all experiments share: layers, the holdout and what is measured."""

    compare_share: float = Field(default=0.1, ge=0, le=1)
    """Share of the pages in experiments that are compared, after the answer left, with the pages
    of the other variations."""
    metrics: Path | None = None
    """The team's metric file; without one, the metrics that come with the package."""

    def frame(self) -> Frame:
        """Return what an experiment that starts now is laid into."""
        return Frame(**{name: getattr(self, name) for name in Frame.model_fields})


def layer_filter(seed: str, ranges: tuple[tuple[float, float], ...], attribute: str) -> Filter:
    """Return the filter that keeps an experiment inside its ranges of a layer."""
    return Filter(seed=seed, ranges=ranges, attribute=attribute, hash_version=HASH_VERSION)
