"""Briefs are written from what a gap's loved tracks have in common, in plain words."""

from __future__ import annotations

import numpy as np
import pytest

from embeddings.measures.key import KEY_NAMES, Key
from embeddings.measures.recording import Measures
from embeddings.measures.silence import Silence
from embeddings.measures.tempo import Tempo
from pipelines.supply.drafting.configuration import DraftingConfig
from pipelines.supply.drafting.writing import KnownTrack, briefs_for, prompt_for
from ranking.supply.brief import PROMPT_CHARS, Brief
from ranking.supply.gap import Estimate, Gap, Spread

ESTIMATE = Estimate(mean=1.0, low=0.5, high=1.5)
DAY_MS = 86_400_000


def gap(**changes: object) -> Gap:
    plain = {
        "segment": "segment-0001", "label": "metal · lead guitar", "words": ("metal", "loud"),
        "listeners": 50, "unheard_good": 1.0, "days_until_dry": Spread(p10=0, p50=3, p90=9),
        "expected_listens_lost": ESTIMATE, "lost_share": ESTIMATE, "gained_per_track": ESTIMATE,
        "confidence": 1.0, "evidence": "enough", "tracks": 4, "missing_tracks": 3.2,
        "plays_a_day": 9.0, "repeat_share": 0.5, "skip_rates": (0.1,) * 5,
        "loved": ("a", "b", "c", "d"), "exhausted": ("d", "a"),
    }  # fmt: skip
    return Gap.model_validate({**plain, **changes})


def measured(bpm: float, key: str, margin: float, energy: float) -> Measures:
    fits = np.full(24, 0.8 - margin)
    fits[KEY_NAMES.index(key)] = 0.8
    return Measures(
        duration_s=30.0,
        lufs=-14.0,
        true_peak_db=-1.0,
        clipped_share=0.0,
        silence=Silence(0.0, 0.0, 0.0, 0.0),
        tempo=Tempo(bpm=bpm, confidence=1.0, evidence=np.zeros(0)),
        key=Key(fits),
        energy=energy,
        brightness=0.8,
    )


KNOWN = {
    "a": KnownTrack("a.ogg", "instrumental", ("metal", "fast")),
    "b": KnownTrack("b.ogg", "instrumental", ("metal", "dark")),
    "c": KnownTrack(None, "en", ("rock",)),
    "d": KnownTrack("d.ogg", None, ()),
}


def drafted(found: Gap, heard: dict[str, Measures] | None = None, **config: object) -> list[Brief]:
    settings = DraftingConfig.model_validate(config)
    return list(briefs_for(found, KNOWN, heard or {}, settings, now_ms=1_000))


def test_as_many_tracks_as_listeners_lack_shared_among_briefs_that_follow_other_tracks() -> None:
    found = drafted(gap(), liked_share=0.5, briefs_per_gap=3)
    assert sum(brief.count for brief in found) == 7  # 3.2 / 0.5, rounded up
    assert [brief.count for brief in found] == [3, 2, 2]
    assert [brief.references for brief in found] == [("a", "d"), ("b",), ("c",)]
    assert all(brief.deadline_ms == 1_000 + 3 * DAY_MS for brief in found)


def test_never_more_than_is_allowed_and_never_more_briefs_than_examples() -> None:
    assert sum(brief.count for brief in drafted(gap(missing_tracks=90.0), tracks_per_gap=5)) == 5
    assert len(drafted(gap(loved=("a",), exhausted=("a",)))) == 1
    assert len(drafted(gap(loved=(), exhausted=()))) == 1
    late = drafted(gap(days_until_dry=Spread(p10=0, p50=0, p90=0)), least_days=2.0)
    assert late[0].deadline_ms == 1_000 + 2 * DAY_MS


def test_a_brief_says_what_its_examples_have_in_common() -> None:
    heard = {
        "a": measured(140.0, "E minor", 0.3, 0.9),
        "d": measured(150.0, "A minor", 0.01, 0.7),  # a key that is not sure is not believed
    }
    first, second = drafted(gap(), heard, briefs_per_gap=2)[:2]
    assert (first.tempo_bpm, first.key, first.energy) == (140.0, "E minor", 0.9)
    assert first.tags[:2] == ("metal", "loud")
    assert "fast" in first.tags
    assert first.prompt == (
        "Instrumental: metal, loud, fast, rock; about 140 beats a minute; in E minor; driving; "
        "a bright sound"
    )
    assert (second.tempo_bpm, second.key) == (150.0, None)


@pytest.mark.parametrize("language", ["instrumental", "en"])
def test_a_prompt_is_never_too_long(language: str) -> None:
    many = ["a very long word of the trade"] * 200
    told = prompt_for(many, 120.0, "C major", 0.5, 0.5, language)
    assert len(told) <= PROMPT_CHARS
    assert told.startswith("Instrumental" if language == "instrumental" else "A song in the")
