"""A brief: what to make, for whom and until when; a person may edit it, a generator follows it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from core.events import LATEST_MS

PROMPT_CHARS = 1024
"""Longest prompt that generators take (the Mureka API's limit)."""
MAX_SECONDS = 3600.0
INSTRUMENTAL = "instrumental"
BriefStatus = Literal["draft", "approved", "rejected", "closed"]
"""`draft` waits for a person, `approved` may be ordered, `closed` was delivered or ran out."""


def _without_nul(text: str) -> str:
    if "\x00" in text:  # PostgreSQL keeps no text with one in it
        raise ValueError("holds a NUL character; leave it out")
    return text


Text = Annotated[str, AfterValidator(_without_nul)]


class Brief(BaseModel):
    """What is asked of a generator. What nobody measured is None, and left to the generator."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    title: Text = Field(min_length=1, max_length=200)
    """What people call it: the segment's label."""
    tags: tuple[Text, ...] = ()
    """Words for the music, the most telling first."""
    tempo_bpm: float | None = Field(default=None, ge=40, le=220)
    """Beats a minute."""
    key: str | None = Field(default=None, pattern=r"^(C|C#|D|Eb|E|F|F#|G|Ab|A|Bb|B) (major|minor)$")
    """For example `Eb minor`."""
    energy: float | None = Field(default=None, ge=0, le=1)
    """0 calm to 1 driving."""
    brightness: float | None = Field(default=None, ge=0, le=1)
    """0 dark to 1 bright."""
    loudness_lufs: float = Field(default=-14.0, ge=-40, le=-5)
    """Integrated loudness (EBU R128) of what is heard."""
    seconds: tuple[float, float] = (20.0, 60.0)
    """Shortest and longest length."""
    language: Text = INSTRUMENTAL
    """Of the words: an ISO 639-1 code, or `instrumental`."""
    lyrics: Text = Field(default="", max_length=3000)
    """Words to be sung, where it is not instrumental."""
    count: int = Field(default=1, ge=1, le=1000)
    """How many tracks."""
    deadline_ms: int = Field(ge=0, le=LATEST_MS)
    """When they are no longer wanted, UTC milliseconds."""
    prompt: Text = Field(min_length=1, max_length=PROMPT_CHARS)
    """What is wanted, in plain words and without anyone's name."""
    references: tuple[Text, ...] = ()
    """Tracks of the catalogue that its listeners love, best first; their sound is the aim."""
    cost_limit: float = Field(default=0.0, ge=0)
    """Most that may be spent on it, in the account's currency; 0 sets no limit of its own."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        shortest, longest = self.seconds
        if not 0 < shortest <= longest <= MAX_SECONDS:
            raise ValueError(
                f"seconds is {self.seconds}: give the shortest first, above 0, and the longest, "
                f"at most {MAX_SECONDS:.0f}"
            )
        return self
