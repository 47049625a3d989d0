"""Who is held out is decided once, by id and salt, as often as is asked for, and independently."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ranking.supply.holdout import GeneratedConfig, held_out, holdout_place

USERS = [f"user-{number}" for number in range(20_000)]
GOLDEN = ["user-38", "user-71"]
PLACE = 0.8012871444907688
SHARES = st.floats(0, 1)


@given(user=st.text(), salt=st.text(min_size=1), shares=st.tuples(SHARES, SHARES))
def test_a_larger_holdout_holds_the_smaller(
    user: str, salt: str, shares: tuple[float, float]
) -> None:
    assert 0 <= holdout_place(user, salt) < 1
    small, large = (
        held_out(user, GeneratedConfig(holdout_share=share, holdout_salt=salt[:100]))
        for share in sorted(shares)
    )
    assert large >= small


def test_nobody_and_everybody() -> None:
    nobody, everybody = GeneratedConfig(holdout_share=0), GeneratedConfig(holdout_share=1)
    assert not any(held_out(user, nobody) for user in USERS)
    assert all(held_out(user, everybody) for user in USERS)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5])
def test_as_many_are_held_out_as_are_asked_for(share: float) -> None:
    found = sum(held_out(user, GeneratedConfig(holdout_share=share)) for user in USERS)
    spread = math.sqrt(share * (1 - share) * len(USERS))
    assert abs(found - share * len(USERS)) < 4 * spread  # one of 16,000 fair draws lies further off


def test_another_salt_draws_others_independently() -> None:
    drawn = [GeneratedConfig(holdout_share=0.2, holdout_salt=salt) for salt in ("1", "2")]
    both = sum(all(held_out(user, config) for config in drawn) for user in USERS)
    assert abs(both - 0.04 * len(USERS)) < 4 * math.sqrt(0.04 * 0.96 * len(USERS))


def test_who_is_held_out_stays_so_in_every_release() -> None:
    config = GeneratedConfig(holdout_share=0.05)
    first = [user for user in USERS[:100] if held_out(user, config)]
    assert first == GOLDEN  # a change here ends every measurement under way
    assert holdout_place("user-0", "1") == PLACE


@pytest.mark.parametrize(
    "bad", [{"holdout_share": 1.1}, {"holdout_share": -0.1}, {"holdout_salt": ""}]
)
def test_what_cannot_be_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        GeneratedConfig.model_validate(bad)
