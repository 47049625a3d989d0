"""The engines of variants: the live set under other settings, or with other artifacts."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from core.artifacts import ArtifactStore
from ranking.assembly import FeedConfig, assemble
from ranking.catalogue import Catalogue
from ranking.engine import Engine
from ranking.experiments.lifecycle.variants import feed_of
from ranking.experiments.serving.choosing import Choice
from ranking.learned import Learned
from ranking.loading import load_learned, load_ranker
from ranking.protocols import Ranker
from ranking.sources.beliefs import TrialBoard

KEPT = 64  # engines of combinations of variations; they share their arrays


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What engines are made of.

    Args:
        catalogue: Every track.
        learned: What was learned, in the catalogue's rows.
        ranker: What orders candidates.
        board: What is believed of trial tracks.
        versions: Kind of artifact → version of all that.
    """

    catalogue: Catalogue
    learned: Learned
    ranker: Ranker
    board: TrialBoard
    versions: Mapping[str, str]


def with_artifacts(artifacts: ArtifactStore, parts: Parts, versions: Mapping[str, str]) -> Parts:
    """Return parts with other artifacts over the same catalogue.

    Args:
        artifacts: Where they are.
        parts: What is live.
        versions: Kind of artifact → version, of all kinds.

    Raises:
        ArtifactError: If one is missing, was changed or does not fit the others.
    """
    for kind, version in versions.items():
        if parts.versions.get(kind) != version:
            artifacts.verify(kind, version)
    return replace(
        parts,
        learned=load_learned(artifacts, versions, parts.catalogue),
        ranker=load_ranker(artifacts, versions),
        versions=dict(versions),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """One feed that a variation, or several together, makes.

    Args:
        engine: Serves it.
        parts: What it is made of.
    """

    engine: Engine
    parts: Parts


class Variants:
    """The variants of one live set; made when they are first asked for, and kept.

    Args:
        config: The feed's settings outside experiments.
        parts: The live set.
        engine: Its engine.
        load: Returns the parts that versions name, over the same catalogue, for variations with
            artifacts of their own.
    """

    def __init__(
        self,
        config: FeedConfig,
        parts: Parts,
        engine: Engine,
        load: Callable[[Mapping[str, str]], Parts],
    ) -> None:
        self._config = config
        self._live = Variant(engine, parts)
        self._load = load
        self._parts: dict[str, Parts] = {}
        self._kept: OrderedDict[tuple[tuple[str, int, int], ...], Variant] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, chosen: Sequence[Choice]) -> Variant:
        """Return the variant of some variations together.

        Args:
            chosen: What a listener gets; of two that change the same setting the later one does.

        Raises:
            ArtifactError: If an artifact cannot be loaded or does not fit the others.
            ExperimentError: If the settings do not fit together.
        """
        changing = [one for one in chosen if one.spec.feed or one.spec.artifacts]
        if not changing:
            return self._live
        name = tuple(
            (one.experiment.key, one.experiment.revision, one.variation) for one in changing
        )
        with self._lock:
            if name not in self._kept:
                self._kept[name] = self._made(changing)
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(name)
            return self._kept[name]

    def _made(self, chosen: Sequence[Choice]) -> Variant:
        config, versions = self._config, dict(self._live.parts.versions)
        for one in chosen:
            config = feed_of(config, one.spec)
            versions |= one.spec.artifacts
        parts = self._parts_of(versions)
        engine = assemble(parts.catalogue, parts.learned, parts.ranker, config, parts.board)
        return Variant(engine, parts)

    def _parts_of(self, versions: Mapping[str, str]) -> Parts:
        if versions == self._live.parts.versions:
            return self._live.parts
        name = repr(sorted(versions.items()))
        if name not in self._parts:
            self._parts[name] = self._load(versions)
        return self._parts[name]
