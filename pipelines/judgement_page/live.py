"""The live ranker beside the one that is judged: what it was trained on, and what changes."""

from __future__ import annotations

from dataclasses import dataclass

from core.artifacts import Manifest
from core.errors import ArtifactError, SegueError
from core.workspace import Workspace
from pipelines.comparing.contenders import saw
from pipelines.evaluation.contest import Contest
from pipelines.judgement_page.document import ChangedListener, Drift, LiveComparison
from ranking.assembly import assemble
from ranking.loading import load_ranker
from ranking.model import FeatureMatrix
from ranking.protocols import Ranker
from ranking.rankers.profile import FeatureProfile

LIVE = "live"


@dataclass(frozen=True, slots=True, eq=False)
class LiveRanker:
    """What is live, as far as it can be used here.

    Args:
        workspace: Where.
        manifest: Its artifact; None where no ranker is live.
        ranker: What judges beside; None where it cannot.
        notes: What is to be thought of.
    """

    workspace: Workspace
    manifest: Manifest | None
    ranker: Ranker | None
    notes: tuple[str, ...]

    @classmethod
    def open(cls, workspace: Workspace, contest: Contest, *, timed: bool) -> LiveRanker:
        """Read the live ranker; what keeps it from judging is noted, and stops nothing.

        Args:
            workspace: Where.
            contest: What is judged.
            timed: Whether what is judged came later than what is known; else a ranker that was
                trained on anything has seen it.
        """
        live = workspace.artifacts.live()
        version = live.versions.get("ranker") if live else None
        if version is None:
            return cls(workspace, None, None, ("No ranker is live, so nothing changes.",))
        manifest = workspace.artifacts.manifest("ranker", version)
        try:
            loaded = load_ranker(workspace.artifacts, {"ranker": version})
            feed = assemble(contest.catalogue, contest.learned, loaded, contest.feed)
        except SegueError as error:
            return cls(workspace, manifest, None, (f"The live ranker cannot judge here: {error}.",))
        cut_ms = contest.split.now_ms if timed else 0
        seen = saw(manifest, cut_ms, workspace.warehouse)
        notes = {
            "yes": ("The live ranker saw the judged days in training, which flatters its NDCG.",),
            "unknown": ("The live ranker may have seen the judged days in training.",),
        }
        return cls(workspace, manifest, feed.ranker, notes.get(seen, ()))

    def compared(
        self, judged: Ranker, rows: FeatureMatrix, changed: tuple[ChangedListener, ...]
    ) -> LiveComparison:
        """Return what the page says of it.

        Args:
            judged: The ranker that was judged.
            rows: Judged rows, as its training would have them.
            changed: The listeners that changed most.
        """
        drift, note = self._drift(judged, rows)
        return LiveComparison(
            version=None if self.manifest is None else self.manifest.version,
            note=" ".join([*self.notes, *note]) or None,
            drift=drift,
            changed=changed,
        )

    def _drift(
        self, judged: Ranker, rows: FeatureMatrix
    ) -> tuple[tuple[Drift, ...], tuple[str, ...]]:
        if self.manifest is None or self.ranker is None:
            return (), ()
        if type(self.ranker) is not type(judged):
            return (), ("It learns from other rows than the judged one, so drift says nothing.",)
        folder = self.workspace.artifacts.folder("ranker", self.manifest.version)
        try:
            found = FeatureProfile.load(folder).drift(rows.names, rows.values)
        except ArtifactError:
            return (), ("It was trained before feature profiles were kept: no drift is known.",)
        own = set(self.manifest.feature_names)
        ordered = sorted(found.items(), key=lambda one: (-one[1], one[0]))
        return tuple(Drift(feature=n, psi=psi) for n, psi in ordered if n in own), ()
