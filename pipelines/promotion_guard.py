"""Keeping a ranker from going live whose recipe is worse than that of the live one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from core.errors import PromotionRefusedError, SegueError
from core.workspace import Workspace
from pipelines.comparing.contenders import Contender, find_contender
from pipelines.comparing.duel import A, B
from pipelines.comparing.report import Duel
from pipelines.comparing.run import compared_recipes
from pipelines.evaluation.configuration import EvaluateConfig
from pipelines.evaluation.material import read_material
from pipelines.fitting import FactorsConfig
from pipelines.job import Progress, Report
from ranking.assembly import FeedConfig
from ranking.evaluation.intervals import Estimate
from ranking.evaluation.pairs import DECISIVE

FORCED = "forced"
"""What a note beside an artifact is about that was promoted in spite of its comparison."""


class PromoteConfig(BaseModel):
    """When a ranker may go live."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    guard: bool = True
    """Whether a ranker of another recipe than the live one's is compared with it first."""
    margin: float = Field(default=0.005, ge=0, lt=1)
    """NDCG@10 that may be lost: refused is what lies below minus this with its whole interval."""
    splits: int = Field(default=2, ge=1, le=100)
    """On how many splits both recipes are learned anew; an earlier comparison on as many or more
    is read again."""


class GuardVerdict(Report):
    """What was made of a challenger."""

    verdict: str
    """In one sentence."""
    compared: bool
    refused: bool
    """True only where it goes live all the same, by force."""
    difference: Estimate | None
    """NDCG@10 of the challenger's recipe less the live one's."""
    margin: float
    against: str | None
    """The live version."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Compares a challenger's recipe with the live one's.

    Args:
        workspace: Whose.
        config: When a ranker may go live.
        evaluate: What is held out.
        factors: How everything besides the ranker is learned.
        feed: The feed.
        progress: Told of every step.
    """

    workspace: Workspace
    config: PromoteConfig
    evaluate: EvaluateConfig
    factors: FactorsConfig
    feed: FeedConfig
    progress: Progress

    def judge(self, versions: Mapping[str, str]) -> GuardVerdict:
        """Return what is made of a set that is to go live.

        Args:
            versions: Kind → version of what is to be promoted.

        Raises:
            ArtifactError: If a ranker is missing.
        """
        live = self.workspace.artifacts.live()
        current = live.versions.get("ranker") if live else None
        wanted = versions.get("ranker")
        if not self.config.guard:
            return self._passed("not compared: [promote] guard is off", current)
        if wanted is None or wanted == current:
            return self._passed("not compared: the live ranker stays", current)
        if current is None:
            return self._passed("not compared: no ranker is live", None)
        return self._judged(wanted, current)

    def _judged(self, wanted: str, current: str) -> GuardVerdict:
        artifacts = self.workspace.artifacts
        artifacts.manifest("ranker", wanted)  # one that is missing is no reason to pass
        try:
            sides = {
                A: find_contender(artifacts, wanted, self.feed),
                B: find_contender(artifacts, current, self.feed),
            }
            if sides[A].recipe.key == sides[B].recipe.key:
                return self._passed("not compared: the same recipe on other data", current)
            duel, reused = self._duel(sides)
        except SegueError as error:  # no interval, so none that lies below the margin
            return self._passed(f"not compared: {error}", current)
        return self._weighed(duel, current, reused=reused)

    def _duel(self, sides: Mapping[str, Contender]) -> tuple[Duel, bool]:
        evaluate = self.evaluate.model_copy(update={"seeds": self.config.splits})
        material = read_material(self.workspace, evaluate)
        recipes = {side: one.recipe for side, one in sides.items()}
        return compared_recipes(self.workspace, material, recipes, self.factors, self.progress)

    def _weighed(self, duel: Duel, current: str, *, reused: bool) -> GuardVerdict:
        found, margin = duel.decisive, self.config.margin
        refused = found.high < -margin
        place = "below" if refused else "not below"
        source = "an earlier comparison" if reused else "a comparison"
        return GuardVerdict(
            verdict=(
                f"{DECISIVE} differs from the live ranker's by {_interval(found)} on "
                f"{duel.splits} splits ({source}), {place} -{margin:g}"
            ),
            compared=True,
            refused=refused,
            difference=found,
            margin=margin,
            against=current,
        )

    def _passed(self, verdict: str, current: str | None) -> GuardVerdict:
        return GuardVerdict(
            verdict=verdict,
            compared=False,
            refused=False,
            difference=None,
            margin=self.config.margin,
            against=current,
        )


def refusal(verdict: GuardVerdict, wanted: str) -> PromotionRefusedError:
    """Return the error of a challenger that may not go live."""
    assert verdict.difference is not None
    return PromotionRefusedError(
        f"ranker {wanted} was not promoted: learned anew on the same splits, its recipe differs by "
        f"{_interval(verdict.difference)} {DECISIVE} from that of the live ranker "
        f"{verdict.against}, and all of the interval lies below the margin -{verdict.margin:g}; "
        f"`segue compare {wanted} live` shows where, and `segue promote --force --reason '…'` "
        "promotes it all the same"
    )


def _interval(found: Estimate) -> str:
    return f"{found.mean:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
