from __future__ import annotations

from ranking.assembly import SOURCES
from ranking.policies.reasons import CODES


def test_every_source_has_a_reason_of_its_own_to_give() -> None:
    assert set(CODES) == set(SOURCES)
    # "Popular now" is what a page says where nothing else applies: only one source means it.
    assert [source for source, code in CODES.items() if code == "popular_now"] == ["popular"]
