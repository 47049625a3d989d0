"""The set that is served now, and the thread that puts a newer one in its place.

A new set is loaded and tried beside the one that serves, then takes its place by one assignment:
a request that began with the old set ends with it. A set that does not fit is refused and said so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple

import sqlalchemy as sa

from core.artifacts import Live
from core.errors import StoreUnavailableError
from core.schema import tracks
from core.telemetry import logger
from core.workspace import Workspace
from ranking.assembly import FeedConfig
from ranking.supply.trials import TrialsState, load_beliefs, trials_state
from service.feedset import FeedSet, check_set, load_set
from service.metrics import Metrics
from service.statuses import changed_statuses, patched

LATE_COMMIT_MS = 3_600_000  # a long import stamps its rows when it starts and commits at its end
WATCH_ALL_TRACKS = 200_000  # up to here every stamp is looked at: about 20 ms of an index scan
STAMP_MODULUS = 1_000_003  # keeps a sum of stamps far below 2**63


class _TrackState(NamedTuple):
    """A digest of the recently changed tracks: another one means that something changed."""

    tracks: int
    newest_ms: int
    stamps: int


class Standing(NamedTuple):
    """What is served and what is not, as one value: nobody sees one change without the other.

    Attributes:
        feed: What is served; None until a catalogue with something to serve is loaded.
        refused: Why the newest promotion is not what is served, or "".
    """

    feed: FeedSet | None
    refused: str


class LiveFeed:
    """Holds what is served, and renews it while the service runs.

    Args:
        workspace: Where artifacts, tracks and the promotion pointer are.
        config: How feeds are made.
        metrics: Where promotions and refusals are counted.
        clock: Returns UTC milliseconds.
        poll_s: Time between two looks.
        reload_s: Least time between two reloads of the catalogue.
    """

    def __init__(
        self,
        workspace: Workspace,
        config: FeedConfig,
        metrics: Metrics,
        clock: Callable[[], int],
        *,
        poll_s: float,
        reload_s: float,
    ) -> None:
        self._workspace = workspace
        self._config = config
        self._metrics = metrics
        self._clock = clock
        self._poll_s = poll_s
        self._reload_ms = int(reload_s * 1000)
        self._standing = Standing(None, "")
        self._trouble = "the catalogue is being loaded"
        self._tried_promotion = -1
        self._since_ms = 0
        self._loaded_state: _TrackState | None = None
        self._patched_state: _TrackState | None = None
        self._reloaded_at_ms = 0
        self._trials_state: TrialsState | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="live-feed", daemon=True)

    @property
    def standing(self) -> Standing:
        """What is served now, and what was refused."""
        feed, refused = self._standing
        return Standing(feed if feed is not None and feed.servable else None, refused)

    @property
    def current(self) -> FeedSet | None:
        """What is served now; None until a catalogue with something to serve is loaded."""
        return self.standing.feed

    @property
    def is_makeshift(self) -> bool:
        """Whether it is served without artifacts because the promoted ones do not fit."""
        feed, refused = self._standing
        return bool(refused) and feed is not None and not feed.promotion_id

    @property
    def trouble(self) -> str:
        """Why nothing is served, where nothing is."""
        feed = self._standing.feed
        if feed is not None and not feed.servable:
            return "no track can be served; import tracks or create a world"
        return self._trouble

    def start(self) -> None:
        """Start to watch."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Stop watching; a load under way is waited for, at most `timeout_s`."""
        self._stopping.set()
        self._thread.join(timeout_s)

    def look(self) -> None:
        """Look once for a promotion and for changed tracks, and serve what is new."""
        pointer = self._workspace.artifacts.live()
        promotion_id = pointer.promotion_id if pointer else 0
        if self._standing.feed is None or promotion_id != self._tried_promotion:
            self._adopt(pointer)
            return
        self._renew_beliefs()
        state = self._track_state(self._since_ms)
        urgent = False
        if state != self._patched_state:
            urgent = self._patch()
            self._patched_state = state
        due = self._clock() - self._reloaded_at_ms >= self._reload_ms
        if state != self._loaded_state and (due or urgent):
            self._reload(pointer)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
                self._trouble = ""
            except Exception as error:  # the watch must outlive any bad moment
                trouble = f"{type(error).__name__}: {error}"
                if trouble != self._trouble:  # once, not at every look
                    logger().error("live_set_was_not_renewed", error=trouble)
                self._trouble = trouble
            self._stopping.wait(self._poll_s)

    def _adopt(self, pointer: Live | None) -> None:
        """Try the promoted set; where it does not fit keep the old one, or do without artifacts."""
        promotion_id = pointer.promotion_id if pointer else 0
        versions = pointer.versions if pointer else {}
        try:
            for kind, version in versions.items():
                self._workspace.artifacts.verify(kind, version)
            self._serve(self._loaded(versions, promotion_id), refused="")
        except StoreUnavailableError:
            raise  # says nothing of the set
        except Exception as error:
            if pointer is None:
                raise
            self._refuse(promotion_id, f"{type(error).__name__}: {error}")
        self._tried_promotion = promotion_id

    def _reload(self, pointer: Live | None) -> None:
        """Load the catalogue anew; a refused promotion may fit it now."""
        self._reloaded_at_ms = self._clock()
        if self._standing.refused:
            self._adopt(pointer)
            if not self._standing.refused:
                return
        feed, refused = self._standing
        assert feed is not None
        self._serve(self._loaded(feed.versions, feed.promotion_id), refused)

    def _loaded(self, versions: Mapping[str, str], promotion_id: int) -> FeedSet:
        """Load and try a set, remembering the state of the tracks it was loaded from."""
        since_ms = self._horizon_ms()
        state = self._track_state(since_ms)  # before loading: a change meanwhile is seen next time
        loaded = load_set(self._workspace, self._config, versions, promotion_id)
        check_set(loaded, self._clock())
        self._since_ms, self._loaded_state, self._patched_state = since_ms, state, state
        return loaded

    def _serve(self, loaded: FeedSet, refused: str) -> None:
        before = self._standing.feed
        self._standing = Standing(loaded, refused)
        self._metrics.show_tracks(len(loaded.catalogue), loaded.servable)
        if before is None or before.promotion_id != loaded.promotion_id:
            self._metrics.show_live(loaded.promotion_id, loaded.versions)
            logger().info(
                "live_set_changed",
                promotion_id=loaded.promotion_id,
                versions=dict(loaded.versions),
                tracks=len(loaded.catalogue),
            )

    def _refuse(self, promotion_id: int, reason: str) -> None:
        """Keep what is served, or serve without artifacts where that is nothing yet."""
        refused = f"promotion {promotion_id} is not served: {reason}"
        logger().error("promotion_was_refused", promotion_id=promotion_id, reason=reason)
        feed = self._standing.feed
        if feed is None:
            self._serve(self._loaded({}, 0), refused)
        else:
            self._standing = Standing(feed, refused)
        self._metrics.refusals.inc()  # last: who sees the count also sees the reason

    def _renew_beliefs(self) -> None:
        """Hang up what is believed of trial tracks now, where a trial moved since the last look."""
        feed = self._standing.feed
        assert feed is not None
        with self._workspace.database.read() as connection:
            state = trials_state(connection)
            if state == self._trials_state:
                return
            feed.board.beliefs = load_beliefs(connection, feed.catalogue)
        self._trials_state = state

    def _patch(self) -> bool:
        """Put changed statuses into the set that serves; say whether a reload must not wait."""
        feed, refused = self._standing
        assert feed is not None
        with self._workspace.database.read() as connection:
            changes = changed_statuses(connection, feed.catalogue, self._since_ms)
        if not changes.rows.size:
            return False
        catalogue = patched(feed.catalogue, changes)
        self._serve(feed.with_catalogue(self._workspace, catalogue, self._config), refused)
        return changes.touches_blocked

    def _horizon_ms(self) -> int:
        """Return from which stamp on changes are looked for."""
        with self._workspace.database.read() as connection:
            count = connection.execute(sa.select(sa.func.count()).select_from(tracks)).scalar_one()
            if count <= WATCH_ALL_TRACKS:
                return 0
            newest = connection.execute(sa.select(sa.func.max(tracks.c.updated_at))).scalar_one()
        return min(int(newest), self._clock()) - LATE_COMMIT_MS

    def _track_state(self, since_ms: int) -> _TrackState:
        stamp = tracks.c.updated_at
        query = sa.select(
            sa.func.count(),
            sa.func.coalesce(sa.func.max(stamp), 0),
            sa.func.coalesce(sa.func.sum(stamp % STAMP_MODULUS), 0),
        ).where(stamp >= since_ms)
        with self._workspace.database.read() as connection:
            count, newest_ms, stamps = connection.execute(query).one()
        return _TrackState(int(count), int(newest_ms), int(stamps))
