"""Pages in experiments: who gets which feed, what is logged of it, and whether it mattered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from core.errors import ArtifactError, ExperimentError
from ranking.assembly import FeedConfig, assemble
from ranking.experiments.interleaving import seeded_coin
from ranking.experiments.lifecycle.stored import StoredExperiment
from ranking.experiments.serving.choosing import attributes_of, choices, rivals, variant_name
from ranking.experiments.serving.comparing import exposures
from ranking.experiments.serving.outcome import serve
from ranking.experiments.serving.variants import Parts, Variants
from ranking.model import AiPreference, Continuation, FeedQuery, Preferences
from ranking.rankers.fusion import FusionRanker
from ranking.sources.beliefs import TrialBoard, no_evidence
from tests.support.running_experiments import running_experiment
from tests.support.worlds import listener_of, query_of, tiny_world

WORLD = tiny_world()
CONFIG = FeedConfig()
PARTS = Parts(
    WORLD.catalogue,
    WORLD.learned,
    FusionRanker(),
    TrialBoard(no_evidence(len(WORLD.catalogue))),
    {"vectors": "v1"},
)
NO_FRESH = {"page": {"fresh": {"share": 0.0}}}
SAME = {"page": {"fresh": {"share": CONFIG.page.fresh.share}}}  # what the settings say anyway
LISTENERS = [query_of(listener_of(WORLD, n)) for n in range(8)]


def variants(load: object = None) -> Variants:
    engine = assemble(PARTS.catalogue, PARTS.learned, PARTS.ranker, CONFIG, PARTS.board)
    return Variants(CONFIG, PARTS, engine, load or _nothing)  # type: ignore[arg-type]


def _nothing(versions: Mapping[str, str]) -> Parts:
    raise ArtifactError(f"nothing to load for {versions}")


def asked(user_id: str, query: FeedQuery = LISTENERS[0]) -> FeedQuery:
    return replace(query, listener=replace(query.listener, user_id=user_id))


def everyone(experiment: StoredExperiment, count: int = 2000) -> Counter[str]:
    """Count the variants that many listeners get of one experiment."""
    named = (choices([experiment], attributes_of(asked(f"u{n}"))) for n in range(count))
    return Counter(variant_name(chosen) for chosen in named)


def test_listeners_are_split_as_the_document_says() -> None:
    found = everyone(running_experiment("fresh", NO_FRESH, coverage=0.5, weights=[0.2, 0.8]))
    assert set(found) == {"", "fresh=control", "fresh=v1"}
    for name, share in (("", 0.5), ("fresh=control", 0.1), ("fresh=v1", 0.4)):
        # Six standard deviations of a count of 2,000.
        assert abs(found[name] - 2000 * share) < 6 * np.sqrt(2000 * share * (1 - share))


def test_a_condition_lets_in_only_whom_it_describes() -> None:
    warm = running_experiment("warm", NO_FRESH, condition={"tracks_heard": {"$gt": 3}})
    search = running_experiment("search", NO_FRESH, condition={"surface": "search"})
    cold = replace(LISTENERS[0], listener=replace(LISTENERS[0].listener, rows=np.arange(2)))
    assert not choices([warm, search], attributes_of(cold))
    assert len(choices([warm, search], attributes_of(LISTENERS[0]))) == 1
    both = attributes_of(replace(LISTENERS[0], surface="search"))
    assert len(choices([warm, search], both)) == 2


def test_what_a_condition_may_ask_for_is_known_of_every_request() -> None:
    wishes = Preferences(ai=AiPreference.LABELLED, region="NZ")
    query = replace(LISTENERS[1], surface="search")
    query = replace(query, listener=replace(query.listener, user_id="ann", preferences=wishes))
    assert attributes_of(query) == {
        "id": "ann", "user_id": "ann", "surface": "search", "country": "NZ", "ai": "labelled",
        "tracks_heard": LISTENERS[1].listener.rows.size,
    }  # fmt: skip


def test_a_tester_gets_what_is_forced_and_is_not_logged() -> None:
    experiment = running_experiment("fresh", NO_FRESH, coverage=0.0, forced={"tester": "v1"})
    query = asked("tester")
    (chosen,) = choices([experiment], attributes_of(query))
    assert (chosen.variation, chosen.by_chance) == (1, False)
    made = variants()
    outcome = serve((chosen,), made, query)
    assert not outcome.page.feed.is_fresh.any()
    assert exposures((chosen,), made, query, outcome, 1.0) == ()


def test_a_variation_serves_its_own_feed_and_control_the_live_one() -> None:
    experiment, made = running_experiment("fresh", NO_FRESH), variants()
    (mine,) = choices([experiment], {"user_id": "anybody"})
    control, treated = mine._replace(variation=0), mine._replace(variation=1)
    live = made.of(())
    assert made.of((control,)) is live
    other = made.of((treated,))
    assert other is made.of((treated,))  # made once
    for query in LISTENERS:
        assert live.engine.serve(query).feed.is_fresh.any()
        assert not other.engine.serve(query).feed.is_fresh.any()


def test_experiments_of_several_layers_are_put_together() -> None:
    made = variants()
    found = [
        running_experiment("fresh", NO_FRESH),
        running_experiment("size", {"page": {"creator_gap": 1, "diversity": 0.0}}),
    ]
    chosen = tuple(one._replace(variation=1) for one in choices(found, {"user_id": "u"}))
    config = CONFIG.model_copy(
        update={
            "page": CONFIG.page.model_copy(
                update={
                    "fresh": CONFIG.page.fresh.model_copy(update={"share": 0.0}),
                    "creator_gap": 1,
                    "diversity": 0.0,
                }
            )
        }
    )
    expected = assemble(PARTS.catalogue, PARTS.learned, PARTS.ranker, config, PARTS.board)
    for query in LISTENERS:
        page = made.of(chosen).engine.serve(query)
        np.testing.assert_array_equal(page.feed.rows, expected.serve(query).feed.rows)
    assert variant_name(chosen) == "fresh=v1,size=v1"


def test_an_edited_experiment_is_another_variant() -> None:
    made = variants()
    first = running_experiment("fresh", NO_FRESH)
    second = running_experiment("fresh", SAME, revision=2)
    mine = [choices([one], {"user_id": "u"})[0]._replace(variation=1) for one in (first, second)]
    assert made.of(mine[:1]) is not made.of(mine[1:])
    assert made.of(mine[1:]).engine.serve(LISTENERS[0]).feed.is_fresh.any()


def test_artifacts_of_its_own_are_loaded_once() -> None:
    asked_for: list[Mapping[str, str]] = []

    def load(versions: Mapping[str, str]) -> Parts:
        asked_for.append(dict(versions))
        return replace(PARTS, versions=versions)

    variations = [{"key": "control"}, {"key": "new", "artifacts": {"ranker": "r9"}}]
    experiment = running_experiment("ranker", variations=variations)
    made = variants(load)
    (mine,) = choices([experiment], {"user_id": "u"})
    treated = (mine._replace(variation=1),)
    assert made.of(treated).parts.versions == {"vectors": "v1", "ranker": "r9"}
    made.of(treated)
    assert asked_for == [{"vectors": "v1", "ranker": "r9"}]
    with pytest.raises(ArtifactError, match="r9"):
        variants().of(treated)


def test_a_variation_that_is_no_feed_is_told() -> None:
    experiment = running_experiment("odd", {"page": {"fresh": {"share": 7}}})
    (mine,) = choices([experiment], {"user_id": "u"})
    with pytest.raises(ExperimentError, match="share"):
        variants().of((mine._replace(variation=1),))


def test_pages_are_compared_with_what_others_would_have_got() -> None:
    experiment = running_experiment("fresh", SAME, NO_FRESH)
    made = variants()
    (mine,) = choices([experiment], {"user_id": "u"})
    query = LISTENERS[0]
    control, same, none = (mine._replace(variation=n) for n in range(3))
    assert [[c.variation for (c,) in rivals((one,), 0)] for one in (control, same, none)] == [
        [1, 2], [0], [0],
    ]  # fmt: skip

    def told(one: object, share: float) -> object:
        chosen = (one,)
        outcome = serve(chosen, made, query)  # type: ignore[arg-type]
        return exposures(chosen, made, query, outcome, share)[0]  # type: ignore[arg-type]

    assert told(same, 1.0) == ("fresh", "v1", False)
    assert told(none, 1.0) == ("fresh", "v2", True)
    assert told(control, 1.0) == ("fresh", "control", True)  # against the second treatment
    assert told(none, 0.0) == ("fresh", "v2", None)


def test_the_asked_share_of_pages_is_compared() -> None:
    experiment, made = running_experiment("fresh", SAME), variants()
    chosen = choices([experiment], {"user_id": "u"})
    outcome = serve(chosen, made, LISTENERS[0])
    count = 400
    compared = [
        exposures(chosen, made, replace(LISTENERS[0], seed=seed), outcome, 0.25)[0].differs
        for seed in range(count)
    ]
    # Six standard deviations.
    told = sum(one is not None for one in compared)
    assert abs(told - 0.25 * count) < 6 * np.sqrt(count * 0.25 * 0.75)
    again = exposures(chosen, made, replace(LISTENERS[0], seed=3), outcome, 0.25)
    assert again == exposures(chosen, made, replace(LISTENERS[0], seed=3), outcome, 0.25)


BACKWARDS = {"page": {"fresh": {"share": 0.0}, "diversity": 1.0, "creator_gap": 1}}


def test_two_variations_share_a_page_and_each_slot_is_as_its_own_had_it() -> None:
    experiment = running_experiment("draft", BACKWARDS, interleave=True)
    made = variants()
    chosen = choices([experiment], {"user_id": "u"})
    control, treated = (chosen[0]._replace(variation=n) for n in range(2))
    shared = 0
    for query in LISTENERS:
        outcome = serve(chosen, made, query)
        pages = {
            key: made.of((one,)).engine.serve(query).feed
            for key, one in (("control", control), ("v1", treated))
        }
        feed = outcome.page.feed
        assert len(set(feed.rows.tolist())) == len(feed) == query.size
        for slot, row in enumerate(feed.rows.tolist()):
            team = outcome.teams.get(row)
            if team is not None:
                at = int(np.flatnonzero(pages[team].rows == row)[0])
                assert feed.sources[slot] == pages[team].sources[at]
                assert feed.reasons[slot] == pages[team].reasons[at]
                assert feed.scores[slot] == pages[team].scores[at]
        counts = Counter(outcome.teams.values())
        assert counts["control"] == counts["v1"]  # a competitive round has one of each
        shared += bool(outcome.teams)
        (told,) = exposures(chosen, made, query, outcome, 0.0)
        assert told == ("draft", "interleaved", bool(outcome.teams))
    assert shared == len(LISTENERS)


def test_pages_that_go_on_are_one_draft() -> None:
    experiment, made = running_experiment("draft", BACKWARDS, interleave=True), variants()
    chosen = choices([experiment], {"user_id": "u"})
    turned = 0
    for query in LISTENERS:
        coin = seeded_coin(query.seed)
        before = serve(chosen, made, replace(query, size=5))
        after = replace(
            query,
            size=4,
            seed=query.seed + 1,
            exclude=before.page.feed.rows,
            continued=Continuation(query.seed, 5),
        )
        outcome = serve(chosen, made, after)
        rows = outcome.page.feed.rows.tolist()
        assert not set(rows) & set(before.page.feed.rows.tolist())
        # Slot 4 began a round that slot 5 completes; of slots 6 and 7 the coin of slot 6 decides.
        assert rows[0] not in outcome.teams
        if rows[1] in outcome.teams:
            assert outcome.teams[rows[1]] == ("control", "v1")[coin(6, 2)]
            turned += 1
    assert turned > len(LISTENERS) // 2


def test_variations_that_want_the_same_share_a_page_that_says_nothing() -> None:
    experiment, made = running_experiment("draft", SAME, interleave=True), variants()
    chosen = choices([experiment], {"user_id": "u"})
    outcome = serve(chosen, made, LISTENERS[0])
    live = made.of(()).engine.serve(LISTENERS[0]).feed
    np.testing.assert_array_equal(outcome.page.feed.rows, live.rows)
    assert not outcome.teams
