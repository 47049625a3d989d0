"""Off-policy evaluation: another feed on the pages that were served, before anyone sees it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from core.errors import ConfigError, DataError
from core.randomness import generator
from core.workspace import Workspace
from embeddings.vectors import TrackVectors
from pipelines.job import Progress
from pipelines.off_policy.configuration import OffPolicyConfig
from pipelines.off_policy.estimation import judge_fresh_slots, judge_pages
from pipelines.off_policy.evidence import PageEvidence, evidence_of
from pipelines.off_policy.logs import PageLog
from pipelines.off_policy.opening import open_page_log
from pipelines.off_policy.replay import Replay, Replayer
from pipelines.off_policy.report import OffPolicyReport, interval_of
from pipelines.off_policy.reward_model import fit_reward_model
from ranking.assembly import FeedConfig
from ranking.catalogue import Catalogue
from ranking.loading import load_catalogue, load_ranker
from ranking.model import Floats
from ranking.protocols import Ranker

REPLAYED = ("page",)
"""What a log can replay of a feed's settings; the others decide which candidates there are."""

WITHOUT_CANDIDATES = "candidates were not logged: the page was imported"


@dataclass(frozen=True, slots=True)
class Against:
    """The feed that is judged.

    Args:
        label: As people call it.
        feed: Its settings.
        ranker: The version of its ranker; "" keeps the scores that were served.
    """

    label: str
    feed: FeedConfig
    ranker: str = ""


def evaluate_off_policy(
    workspace: Workspace,
    against: Against,
    *,
    variant: str | None,
    config: OffPolicyConfig,
    feed: FeedConfig,
    progress: Progress,
) -> OffPolicyReport:
    """Replay logged pages through another feed and estimate what it would have earned.

    Args:
        workspace: Whose warehouse and artifacts.
        against: The feed to judge.
        variant: The feed whose pages are replayed; None where the log holds one only.
        config: What counts, and how much is replayed.
        feed: The settings that served the pages.
        progress: Shows how far it is.

    Raises:
        ConfigError: If the feed to judge would find other candidates, or the variant is unclear.
        ArtifactError: If its ranker does not exist.
        DataError: If no page can be replayed.
    """
    _check_replayable(feed, against.feed)
    with workspace.database.read() as connection:
        catalogue = load_catalogue(connection)
    log = open_page_log(
        workspace.warehouse,
        catalogue,
        variant=variant,
        action=config.action,
        pages=config.pages,
        rng=generator(config.seed, "pages"),
    )
    replayer = Replayer(
        catalogue=catalogue,
        vectors=_live_vectors(workspace, catalogue),
        logging=feed.page,
        target=against.feed.page,
        ranker=_ranker(workspace, against),
        samples=config.samples,
        seed=config.seed,
    )
    left_out: Counter[str] = Counter()
    if log.without_candidates:
        left_out[WITHOUT_CANDIDATES] = log.without_candidates
    found = _evidence(log, replayer, config, left_out, progress)
    if not found:
        reasons = "; ".join(f"{reason} ({count})" for reason, count in left_out.items())
        raise DataError(f"none of the {log.found} pages can be replayed: {reasons}")
    return _report(found, against, log, config, left_out)


def _check_replayable(served: FeedConfig, judged: FeedConfig) -> None:
    changed = [
        f"[feed.{name}]"
        for name in FeedConfig.model_fields
        if name not in REPLAYED and getattr(served, name) != getattr(judged, name)
    ]
    if changed:
        raise ConfigError(
            f"{', '.join(changed)} differ from the settings that served the pages: they decide "
            "which candidates there are, which a log cannot replay; change [feed.page] or the "
            "ranker, or try the others in an experiment"
        )


def _ranker(workspace: Workspace, against: Against) -> Ranker | None:
    """Return what scores the logged candidates anew, or None where the scores stay."""
    if not against.ranker:
        return None
    return load_ranker(workspace.artifacts, {"ranker": against.ranker})


def _live_vectors(workspace: Workspace, catalogue: Catalogue) -> Floats:
    live = workspace.artifacts.live()
    version = live.versions.get("vectors") if live else None
    if version is None:
        return np.zeros((len(catalogue), 0), dtype=np.float32)
    vectors = TrackVectors.load(workspace.artifacts.folder("vectors", version))
    return vectors.aligned(catalogue.tracks.values)


def _evidence(
    log: PageLog,
    replayer: Replayer,
    config: OffPolicyConfig,
    left_out: Counter[str],
    progress: Progress,
) -> list[PageEvidence]:
    model = fit_reward_model(log.shown_features(), config)
    total = log.slots["request_id"].n_unique()
    found = []
    for page in progress.track(log.pages(left_out), "pages replayed", total):
        replay = replayer.replay(page)
        if isinstance(replay, Replay):
            found.append(evidence_of(replay, model))
        else:
            left_out[replay] += 1
    return found


def _report(
    pages: list[PageEvidence],
    against: Against,
    log: PageLog,
    config: OffPolicyConfig,
    left_out: Counter[str],
) -> OffPolicyReport:
    fresh = judge_fresh_slots(pages, config.clip)
    earned, whole = judge_pages(pages, config.clip)
    same = np.concatenate([page.supported for page in pages])
    return OffPolicyReport(
        against=against.label,
        variant=log.variant,
        action=config.action.value,
        pages=len(pages),
        listeners=len({page.user_id for page in pages}),
        left_out=dict(left_out),
        same_slots=float(same.mean()),
        logged_per_fresh_slot=interval_of(fresh[0]) if fresh else None,
        logged_per_page=interval_of(earned),
        fresh_slots=fresh[1] if fresh else (),
        whole_pages=whole,
    )
