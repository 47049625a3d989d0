"""What Prometheus reads of the service."""

from __future__ import annotations

import os
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from ranking.model import Page

MULTIPROCESS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which several workers share their counts; read by prometheus_client."""

# A page takes 1 to 20 ms on one core; the edges are dense there.
BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """Every figure of one process, in a registry of its own so that apps do not share them."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._shown: dict[str, str] = {}
        self._define_requests()
        self._define_feeds()
        self._define_state()

    def _define_requests(self) -> None:
        registry = self._registry
        self.requests = Counter(
            "segue_requests",
            "Answers by route and status.",
            ("method", "route", "status"),
            registry=registry,
        )
        self.request_s = Histogram(
            "segue_request_seconds",
            "Time from the request's head to the end of its answer.",
            ("route",),
            buckets=BUCKETS_S,
            registry=registry,
        )
        self.events = Counter(
            "segue_events", "Posted events by verdict.", ("verdict",), registry=registry
        )

    def _define_feeds(self) -> None:
        registry = self._registry
        self.stage_s = Histogram(
            "segue_feed_stage_seconds",
            "Time a feed spends in a stage.",
            ("stage",),
            buckets=BUCKETS_S,
            registry=registry,
        )
        self.found = Counter(
            "segue_candidates_found", "Candidates by source.", ("source",), registry=registry
        )
        self.candidates = Counter(
            "segue_candidates",
            "Distinct candidates that entered the filters and came out.",
            ("point",),
            registry=registry,
        )
        self.drops = Counter(
            "segue_candidates_dropped", "Candidates by filter.", ("filter",), registry=registry
        )
        self.source_failures = Counter(
            "segue_source_failures", "Sources left out.", ("source",), registry=registry
        )
        self.feeds = Counter("segue_feeds", "Pages served.", registry=registry)
        self.degraded = Counter("segue_feeds_degraded", "Pages a fallback made.", registry=registry)
        self.slots = Counter("segue_slots", "Slots by source.", ("source",), registry=registry)

    def _define_state(self) -> None:
        registry = self._registry
        self.pages_logged = Counter("segue_pages_logged", "Pages written.", registry=registry)
        self.pages_dropped = Counter(
            "segue_pages_dropped", "Pages that were served and not logged.", registry=registry
        )
        self.refusals = Counter(
            "segue_promotions_refused", "Promoted sets that did not fit.", registry=registry
        )
        # Workers swap within the same second; the highest is the newest.
        self.live = Gauge(
            "segue_live_artifact",
            "1 for the version of each kind that is served, 0 for those before.",
            ("kind", "version"),
            multiprocess_mode="livemax",
            registry=registry,
        )
        self.promotion = Gauge(
            "segue_promotion_id",
            "The promotion that is served; 0 where nothing was promoted.",
            multiprocess_mode="livemax",
            registry=registry,
        )
        self.tracks = Gauge(
            "segue_tracks",
            "Tracks in the catalogue: all, and those that may be served.",
            ("kind",),
            multiprocess_mode="livemax",
            registry=registry,
        )
        self.experiments = Gauge(
            "segue_experiments",
            "Experiments that run.",
            multiprocess_mode="livemax",
            registry=registry,
        )
        self.variant_faults = Counter(
            "segue_variant_faults",
            "Pages served outside their experiments because a variation could not be served.",
            registry=registry,
        )

    def observe_page(self, page: Page, around_ms: Mapping[str, float]) -> None:
        """Count one page.

        Args:
            page: What was served.
            around_ms: Stage → time spent outside of the engine.
        """
        trace = page.trace
        self.feeds.inc()
        self.degraded.inc(int(trace.degraded))
        for stage, spent_ms in {**trace.durations_ms, **around_ms}.items():
            self.stage_s.labels(stage).observe(spent_ms / 1000)
        _add(self.found, trace.found)
        _add(self.drops, trace.drops)
        _add(self.source_failures, dict.fromkeys(trace.failed, 1))
        for source in page.feed.sources:
            self.slots.labels(source).inc()
        kept = len(trace.candidates)
        self.candidates.labels("in").inc(kept + sum(trace.drops.values()))
        self.candidates.labels("out").inc(kept)

    def show_live(self, promotion_id: int, versions: Mapping[str, str]) -> None:
        """Say which promotion and which versions are served now."""
        self.promotion.set(promotion_id)
        # Several workers cannot forget a label; a version that left stands at 0.
        for kind, version in self._shown.items():
            self.live.labels(kind, version).set(0)
        for kind, version in versions.items():
            self.live.labels(kind, version).set(1)
        self._shown = dict(versions)

    def show_tracks(self, known: int, servable: int) -> None:
        """Say how many tracks the catalogue holds now."""
        self.tracks.labels("known").set(known)
        self.tracks.labels("servable").set(servable)

    def exposition(self) -> bytes:
        """Return every figure in Prometheus' text format, over all workers where several run."""
        if not os.environ.get(MULTIPROCESS_FOLDER):
            return generate_latest(self._registry)
        merged = CollectorRegistry()
        MultiProcessCollector(merged)  # type: ignore[no-untyped-call]
        return generate_latest(merged)


def _add(counter: Counter, counts: Mapping[str, int]) -> None:
    for label, count in counts.items():
        counter.labels(label).inc(count)
