"""Over every page that a policy may serve, the weighed rewards are those of the other policy."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pipelines.off_policy.estimation import pages_in_order, pages_slot_by_slot
from pipelines.off_policy.evidence import PageEvidence, evidence_of
from pipelines.off_policy.logs import LoggedPage
from pipelines.off_policy.replay import NOT_MADE_AGAIN, Replay, Replayer
from pipelines.off_policy.reward_model import RewardModel
from ranking.assembly import FeedConfig, assemble
from ranking.catalogue import Origin, Status
from ranking.evaluation.offpolicy.pages import Behaviour, WeighedPages, cascade_dr, page_ips
from ranking.model import FeatureMatrix, Floats
from ranking.policies.fresh import FreshSlotsConfig
from ranking.policies.page import OpenPage, PageConfig
from ranking.policies.retrace import retrace
from ranking.rankers.fusion import FusionRanker
from tests.support.worlds import listener_of, query_of, tiny_world

WORLD = tiny_world(n_tracks=60, n_creators=14, seed=5)
QUERY = query_of(listener_of(WORLD, 1), size=12)
ENGINE = assemble(WORLD.catalogue, WORLD.learned, FusionRanker(), FeedConfig())
TRACE = ENGINE.serve(QUERY).trace
FRESH = TRACE.candidates.sources.index("fresh")
CANDIDATES = replace(
    TRACE.candidates,
    sources=("fresh",),
    source_scores=TRACE.candidates.source_scores[:, FRESH : FRESH + 1],
    source_ranks=TRACE.candidates.source_ranks[:, FRESH : FRESH + 1],
)
TRIAL = WORLD.catalogue.statuses[CANDIDATES.rows] == Status.TRIAL
APPEAL = np.random.default_rng(3).random(len(CANDIDATES))
WRONG = RewardModel((), (0.4,), 1)  # a model that says the same of everything


def config(temperature: float, **more: object) -> PageConfig:
    fresh = FreshSlotsConfig(share=0.17, temperature=temperature)  # two of twelve slots
    return PageConfig(fresh=fresh, **{"creator_gap": 3, "generated_share": 0.7, **more})


def replayer(logging: PageConfig, target: PageConfig, samples: int = 1) -> Replayer:
    vectors = WORLD.learned.vectors
    return Replayer(WORLD.catalogue, vectors, logging, target, None, samples, seed=1)


Rewards = Callable[[np.ndarray], np.ndarray]


def each_alone(slots: np.ndarray) -> np.ndarray:
    return APPEAL[slots] / (1 + np.arange(slots.size))


def fading(slots: np.ndarray) -> np.ndarray:
    """Return rewards that sink by what stands above."""
    above = np.concatenate([[0.0], np.cumsum(APPEAL[slots])[:-1]])
    return APPEAL[slots] * np.exp(-above / 3)


def every_page(policy: PageConfig, rewards: Rewards) -> list[tuple[float, LoggedPage]]:
    """Return every page a policy may serve, with its probability."""
    found = []
    for pair in itertools.permutations(np.flatnonzero(TRIAL).tolist(), 2):
        opened = OpenPage.of(QUERY, CANDIDATES, WORLD.catalogue, WORLD.learned.vectors, policy)
        made = retrace(opened, np.array(pair))
        if made.is_possible:
            assert [one.logged for one in made.draws] == list(pair)
            page = LoggedPage(
                request_id=f"r{pair}",
                user_id="u",
                at_ms=QUERY.now_ms,
                candidates=CANDIDATES,
                trial=TRIAL,
                features=FeatureMatrix((), np.empty((len(CANDIDATES), 0), dtype=np.float32)),
                slots=made.slots,
                is_fresh=made.is_fresh,
                propensities=made.propensities.astype(np.float64),
                rewards=rewards(made.slots),
                before=QUERY.listener.shown_rows,
            )
            found.append((float(np.prod(page.propensities)), page))
    assert sum(chance for chance, _ in found) == pytest.approx(1, abs=1e-5)
    return found


def truth(policy: PageConfig, rewards: Rewards) -> float:
    return sum(chance * float(page.rewards.sum()) for chance, page in every_page(policy, rewards))


def seen(
    logging: PageConfig, target: PageConfig, rewards: Rewards, samples: int = 1
) -> list[tuple[float, PageEvidence]]:
    """Return the evidence of every page the logging policy may serve."""
    judge = replayer(logging, target, samples)
    found = []
    for chance, page in every_page(logging, rewards):
        replayed = judge.replay(page)
        assert isinstance(replayed, Replay)
        found.append((chance, evidence_of(replayed, WRONG)))
    return found


def expectation(
    evidence: list[tuple[float, PageEvidence]],
    estimate: Callable[[WeighedPages], float],
    *,
    apart: bool = False,
) -> float:
    nobody = np.zeros(1, dtype=np.int64)
    weighed = pages_slot_by_slot if apart else pages_in_order
    return sum(chance * estimate(weighed([one], nobody)) for chance, one in evidence)


MILD = config(0.5)
# Single precision of the propensities: 2^-24 each, two of them and their sums.
CLOSE = {"abs": 2e-5}


@pytest.mark.parametrize("target", [config(0.1), config(50.0)])
def test_draws_at_another_temperature_are_weighed_exactly(target: PageConfig) -> None:
    def found(rewards: Rewards, behaviour: Behaviour) -> float:
        apart = behaviour is Behaviour.INDEPENDENT
        return expectation(
            seen(MILD, target, rewards), lambda pages: page_ips(pages, behaviour).value, apart=apart
        )

    right = truth(target, fading)
    assert found(fading, Behaviour.PAGE) == pytest.approx(right, **CLOSE)
    assert found(fading, Behaviour.CASCADE) == pytest.approx(right, **CLOSE)
    assert found(each_alone, Behaviour.INDEPENDENT) == pytest.approx(
        truth(target, each_alone), **CLOSE
    )
    assert abs(right - truth(MILD, fading)) > 0.005  # the question is not trivial


def test_the_model_adds_no_bias() -> None:
    target = config(0.1)
    nobody, total = np.zeros(1, dtype=np.int64), 0.0
    for chance, one in seen(MILD, target, fading):
        pages = pages_in_order([one], nobody)
        total += chance * cascade_dr(pages, one.expected[None], one.taken[None]).value
    # The model gives every page of twelve slots 4.8, whoever is drawn: sampling adds nothing.
    assert total == pytest.approx(truth(target, fading), abs=1e-4)


@pytest.mark.parametrize("gap", [1, 3, 6])
@pytest.mark.parametrize("cap", [0.2, 1.0])
def test_above_its_entry_no_draw_changes_a_page(gap: int, cap: float) -> None:
    logging = config(0.5, creator_gap=gap, generated_share=cap)
    target = config(0.1, creator_gap=max(1, gap - 1), generated_share=cap)
    judge = replayer(logging, target, samples=8)
    pages = every_page(logging, each_alone)[::9]
    replays = [judge.replay(page) for _, page in pages]
    assert all(isinstance(one, Replay) for one in replays)
    entries = {one.entry for one in replays}  # type: ignore[union-attr]
    if cap == 1.0:
        assert max(entries) == 4 - (gap - 1) if gap < 6 else entries == {0}
    for one, (_, page) in zip(replays, pages, strict=True):
        assert isinstance(one, Replay)
        shown = {tuple(page.slots[: one.entry]) for _, page in pages}
        drawn = {tuple(sampled.slots[: one.entry]) for sampled in one.samples}
        assert len(shown) == len(drawn) == 1


def test_what_the_log_never_shows_is_what_the_weights_lack() -> None:
    """With other spacing the target's pages are partly unknown to the log."""
    for target in (config(2.0, creator_gap=1), config(2.0, creator_gap=5)):
        evidence = seen(MILD, target, each_alone, samples=20)
        supported = expectation(evidence, lambda p: page_ips(p, Behaviour.PAGE).overlap.mean_weight)
        told = np.mean([one.above_supported[-1] for _, one in evidence])
        assert supported == pytest.approx(told, abs=0.1)  # twenty samples a page
        assert supported < 0.95


def test_a_page_that_its_settings_do_not_make_is_refused() -> None:
    _, page = every_page(MILD, each_alone)[0]
    assert replayer(config(0.4), MILD).replay(page) == NOT_MADE_AGAIN
    turned = replace(page, slots=page.slots[::-1].copy())
    assert replayer(MILD, MILD).replay(turned) == NOT_MADE_AGAIN


def test_a_cap_that_leaves_fewer_draws_is_no_lack_of_support() -> None:
    """Where the cap allows one generated track, and all on trial are generated, one is drawn."""
    origins = WORLD.catalogue.origins.copy()
    origins[CANDIDATES.rows[TRIAL]] = Origin.GENERATED
    catalogue = replace(WORLD.catalogue, origins=origins)
    policy = config(0.5, generated_share=0.1)
    opened = OpenPage.of(QUERY, CANDIDATES, catalogue, WORLD.learned.vectors, policy)
    drawn = np.flatnonzero(TRIAL)[:1]
    made = retrace(opened, drawn)
    assert (opened.n_fresh, len(made.draws), made.is_possible) == (2, 1, True)
    page = replace(
        every_page(MILD, each_alone)[0][1],
        slots=made.slots,
        is_fresh=made.is_fresh,
        propensities=made.propensities.astype(np.float64),
        rewards=each_alone(made.slots),
    )
    judge = replace(replayer(policy, config(0.1, generated_share=0.1)), catalogue=catalogue)
    found = judge.replay(page)
    assert isinstance(found, Replay)
    (draw,) = evidence_of(found, WRONG).draws
    assert draw.unsupported == 0
    assert draw.logged == pytest.approx(page.propensities[page.is_fresh][0])


class Upside:
    """Judges the other way round than the log did."""

    feature_names = ()

    def score(self, features: FeatureMatrix) -> Floats:
        return np.arange(len(features.values), dtype=np.float32)


def test_another_ranker_turns_the_order_and_not_the_draws() -> None:
    _, page = every_page(MILD, each_alone)[0]
    judge = replace(replayer(MILD, MILD), ranker=Upside())
    found = judge.replay(page)
    assert isinstance(found, Replay)
    assert [one.propensity for one in found.target.draws] == pytest.approx(
        page.propensities[page.is_fresh].tolist(), rel=1e-6
    )
    first = found.target.slots[0]
    assert first == np.flatnonzero(~TRIAL)[-1]
    assert not found.matches[0]
