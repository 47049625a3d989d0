"""What an evaluation of audio found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from pipelines.audio_evaluation.intervals import label_bootstrap, ratio_bootstrap
from pipelines.audio_evaluation.spaces import EncoderName
from pipelines.audio_evaluation.trials import CHANCE, FIGURES, Outcomes
from pipelines.job import Report
from ranking.evaluation.intervals import Estimate, bootstrap_mean

ENCODERS: tuple[EncoderName, ...] = ("segue", "mfcc", "random")


class EncoderResult(BaseModel):
    """One encoder's figures; intervals resample queries but for `map_by_label`."""

    model_config = ConfigDict(frozen=True)

    encoder: EncoderName
    map: Estimate
    """Mean average precision where only held-out tracks are searched."""
    recall_at_10: Estimate = Field(serialization_alias="recall@10")
    """Tracks of the label among the first ten, as a share of those that could stand there."""
    probe_accuracy: Estimate
    """Share of held-out tracks whose label a linear classifier tells."""
    map_by_label: Estimate
    """`map` with an interval that resamples whole labels."""
    map_at_catalogue_size: Estimate
    """`map` as it would be were there as many held-out tracks of other labels as there are tracks
    of other labels in the catalogue."""
    map_whole_catalogue: Estimate
    """Mean average precision of the same queries where every track is searched; flatters what was
    trained, which holds the tracks of its training apart more than those it never met."""
    recall_at_10_whole_catalogue: Estimate = Field(serialization_alias="recall@10_whole_catalogue")


class Chance(BaseModel):
    """What a random order finds on average."""

    model_config = ConfigDict(frozen=True)

    map: float
    recall_at_10: float = Field(serialization_alias="recall@10")
    map_whole_catalogue: float | None
    recall_at_10_whole_catalogue: float | None = Field(
        serialization_alias="recall@10_whole_catalogue"
    )


class RetrievalReport(Report):
    """Retrieval and probe of every encoder."""

    label: str
    folds: int
    """0 where the encoder was judged as it is, on recordings outside the catalogue."""
    seeds: int
    recordings: int
    """Read by every encoder."""
    labels: int
    """Labels that are searched for."""
    queries: int
    """Tracks that are searched with."""
    chance: Chance
    map_ratio_to_mfcc: Estimate
    """`map` of ours over that of MFCC statistics, query by query."""
    map_ratio_to_mfcc_at_catalogue_size: Estimate
    results: tuple[EncoderResult, ...]
    unreadable: tuple[tuple[str, str], ...]
    """Tracks whose audio could not be read, with the reason."""


class AudioEvaluationReport(Report):
    """Every part that was asked for; the others are null."""

    retrieval: RetrievalReport | None
    cold_start: SerializeAsAny[Report] | None
    duplicates: SerializeAsAny[Report] | None
    skipped: dict[str, str]
    """Parts that there was too little to judge by, with the reason."""

    def document(self) -> dict[str, Any]:
        """Return the parts as JSON-ready values, the retrieval's at the top."""
        told = self.model_dump(mode="json", by_alias=True)
        retrieval = told.pop("retrieval") or {"results": []}
        return {**retrieval, **told}

    def parts(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (title, document) of each part, for people."""
        for name, document in self.model_dump(mode="json", by_alias=True).items():
            if document:
                yield name.replace("_", " "), document


def retrieval_report(
    outcomes: Outcomes,
    *,
    label: str,
    folds: int,
    seeds: int,
    recordings: int,
    unreadable: tuple[tuple[str, str], ...],
    rng: np.random.Generator,
) -> RetrievalReport:
    """Summarise what was measured of each query.

    Args:
        outcomes: The queries.
        label: What belonged together.
        folds: Into how many the recordings were cut.
        seeds: How often.
        recordings: How many were read.
        unreadable: Those that could not be.
        rng: Draws the resamples.
    """
    first, scaled = FIGURES.index("map"), FIGURES.index("map_at_catalogue_size")
    ours, theirs = outcomes.figures["segue"], outcomes.figures["mfcc"]
    return RetrievalReport(
        label=label,
        folds=folds,
        seeds=seeds,
        recordings=recordings,
        labels=int(np.unique(outcomes.codes).size),
        queries=outcomes.codes.size,
        chance=_chance(outcomes),
        map_ratio_to_mfcc=ratio_bootstrap(ours[:, first], theirs[:, first], rng),
        map_ratio_to_mfcc_at_catalogue_size=ratio_bootstrap(
            ours[:, scaled], theirs[:, scaled], rng
        ),
        results=tuple(_result(name, outcomes, rng) for name in ENCODERS),
        unreadable=unreadable,
    )


def _result(name: EncoderName, outcomes: Outcomes, rng: np.random.Generator) -> EncoderResult:
    figures = outcomes.figures[name]
    mean = {key: bootstrap_mean(figures[:, at], rng) for at, key in enumerate(FIGURES)}
    return EncoderResult(
        encoder=name,
        map=mean["map"],
        recall_at_10=mean["recall@10"],
        probe_accuracy=mean["probe_accuracy"],
        map_by_label=label_bootstrap(figures[:, FIGURES.index("map")], outcomes.codes, rng),
        map_at_catalogue_size=mean["map_at_catalogue_size"],
        map_whole_catalogue=mean["map_whole_catalogue"],
        recall_at_10_whole_catalogue=mean["recall@10_whole_catalogue"],
    )


def _chance(outcomes: Outcomes) -> Chance:
    means = outcomes.figures[CHANCE].mean(axis=0)
    known = {key: None if np.isnan(v) else float(v) for key, v in zip(FIGURES, means, strict=True)}
    return Chance(
        map=float(means[FIGURES.index("map")]),
        recall_at_10=float(means[FIGURES.index("recall@10")]),
        map_whole_catalogue=known["map_whole_catalogue"],
        recall_at_10_whole_catalogue=known["recall@10_whole_catalogue"],
    )
