"""A filter answers with a mask, changes nothing, and judges eligibility, never order."""

from __future__ import annotations

import numpy as np
import pytest

from ranking.filters.ai_preference import AiPreferenceFilter
from ranking.filters.blocked_creator import BlockedCreatorFilter
from ranking.filters.disliked import DislikedFilter
from ranking.filters.excluded import ExcludedFilter
from ranking.filters.explicit import ExplicitFilter
from ranking.filters.generated_holdout import GeneratedHoldoutFilter
from ranking.filters.heard import HeardFilter
from ranking.filters.near_duplicate import NearDuplicateConfig, NearDuplicateFilter
from ranking.filters.own_upload import OwnUploadFilter
from ranking.filters.region import RegionFilter
from ranking.filters.servable import ServableFilter
from ranking.listeners.repeats import RepeatConfig
from ranking.merging import no_candidates
from ranking.model import Candidates, one_source
from ranking.protocols import CandidateFilter
from ranking.supply.holdout import GeneratedConfig
from tests.contracts.listeners import requests_of, snapshot
from tests.support.worlds import tiny_world, with_copies

WORLD = with_copies(tiny_world())
REQUESTS = requests_of(WORLD)
ROWS = np.random.default_rng(5).permutation(len(WORLD.catalogue)).astype(np.int64)
EVERYTHING = one_source("any", ROWS, np.linspace(1, 0, ROWS.size, dtype=np.float32))


class FilterContract:
    """Inherit, and say how the filter is made."""

    def make(self) -> CandidateFilter:
        raise NotImplementedError

    def test_it_is_a_filter_with_a_name(self) -> None:
        assert isinstance(self.make(), CandidateFilter)
        assert self.make().name

    @pytest.mark.parametrize("kind", REQUESTS)
    def test_it_answers_with_one_flag_a_candidate_and_changes_nothing(self, kind: str) -> None:
        query, one = REQUESTS[kind], self.make()
        before = snapshot(query) + snapshot(EVERYTHING)
        allowed = one.allows(query, EVERYTHING)
        assert allowed.dtype == np.bool_
        assert allowed.shape == (len(EVERYTHING),)
        np.testing.assert_array_equal(allowed, one.allows(query, EVERYTHING))
        assert snapshot(query) + snapshot(EVERYTHING) == before

    @pytest.mark.parametrize("kind", REQUESTS)
    def test_no_candidates_are_no_flags(self, kind: str) -> None:
        assert self.make().allows(REQUESTS[kind], no_candidates(("any",))).shape == (0,)

    @pytest.mark.parametrize("kind", REQUESTS)
    def test_what_it_kept_it_keeps(self, kind: str) -> None:
        query, one = REQUESTS[kind], self.make()
        kept = EVERYTHING.take(one.allows(query, EVERYTHING))
        assert one.allows(query, kept).all()


class EligibilityContract(FilterContract):
    """For filters that judge each candidate by itself: neither order nor company matters."""

    @pytest.mark.parametrize("kind", REQUESTS)
    def test_a_candidate_is_judged_by_itself(self, kind: str) -> None:
        query, one = REQUESTS[kind], self.make()
        together = one.allows(query, EVERYTHING)
        backwards = one.allows(query, EVERYTHING.take(np.arange(len(EVERYTHING))[::-1]))
        np.testing.assert_array_equal(backwards[::-1], together)
        alone = [one.allows(query, EVERYTHING.take(np.array([at])))[0] for at in range(40)]
        np.testing.assert_array_equal(alone, together[:40])

    @pytest.mark.parametrize("kind", REQUESTS)
    def test_scores_play_no_part(self, kind: str) -> None:
        query, one = REQUESTS[kind], self.make()
        other = Candidates(
            EVERYTHING.rows,
            -EVERYTHING.scores,
            EVERYTHING.sources,
            EVERYTHING.source_scores * np.nan,
            EVERYTHING.source_ranks * np.nan,
        )
        np.testing.assert_array_equal(one.allows(query, other), one.allows(query, EVERYTHING))


class TestServable(EligibilityContract):
    def make(self) -> CandidateFilter:
        return ServableFilter(WORLD.catalogue)


class TestHeard(EligibilityContract):
    def make(self) -> CandidateFilter:
        return HeardFilter(RepeatConfig(), WORLD.catalogue.clusters)


class TestDisliked(EligibilityContract):
    def make(self) -> CandidateFilter:
        return DislikedFilter(WORLD.catalogue.clusters)


class TestBlockedCreator(EligibilityContract):
    def make(self) -> CandidateFilter:
        return BlockedCreatorFilter(WORLD.catalogue)


class TestOwnUpload(EligibilityContract):
    def make(self) -> CandidateFilter:
        return OwnUploadFilter(WORLD.catalogue)


class TestExcluded(EligibilityContract):
    def make(self) -> CandidateFilter:
        return ExcludedFilter(WORLD.catalogue.clusters)


class TestAiPreference(EligibilityContract):
    def make(self) -> CandidateFilter:
        return AiPreferenceFilter(WORLD.catalogue)


class TestGeneratedHoldout(EligibilityContract):
    def make(self) -> CandidateFilter:
        return GeneratedHoldoutFilter(WORLD.catalogue, GeneratedConfig(holdout_share=1))


class TestGeneratedHoldoutOfSome(EligibilityContract):
    def make(self) -> CandidateFilter:
        return GeneratedHoldoutFilter(WORLD.catalogue, GeneratedConfig(holdout_share=0.5))


class TestExplicit(EligibilityContract):
    def make(self) -> CandidateFilter:
        return ExplicitFilter(WORLD.catalogue)


class TestRegion(EligibilityContract):
    def make(self) -> CandidateFilter:
        return RegionFilter(WORLD.catalogue)


class TestNearDuplicate(FilterContract):
    def make(self) -> CandidateFilter:
        return NearDuplicateFilter(WORLD.learned.vectors, NearDuplicateConfig(threshold=0.95))
