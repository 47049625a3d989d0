"""Names that a prompt may not hold: every creator's, found whatever their case and accents."""
# ruff: noqa: E501 - a word list reads best as text

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import sqlalchemy as sa

from core.schema import creators, tracks
from ranking.supply.brief import Brief

GENERATOR_PREFIX = "generator:"
"""Creators that are generators; their names are words such as `synth`, and nobody is harmed."""
MIN_LETTERS = 3
"""Shorter names (M, U2) stand in any text by chance; a Chinese or Japanese sign counts as two."""
MIN_SQUEEZED = 4
MIN_BARE_LETTERS = 6
"""A single word left after its article (`Beatles`) is looked for from this length on: the Who and
the Band would else forbid plain English."""
MIN_BEARERS = 3
"""A name that the tracks of so many other creators bear as a tag is a word of the trade."""

MUSIC_WORDS = frozenset(
    ["accordion", "acid", "acoustic", "ambient", "arcade", "bass", "bell", "blues", "bossa", "nova", "brass", "bright", "brush", "calm", "cello", "chill", "chip", "chiptune", "choir", "classical", "club", "country", "dance", "dark", "deep", "disco", "dream", "driving", "drum", "drums", "dub", "dusty", "electric", "electronic", "energetic", "energy", "epic", "experimental", "fast", "fiddle", "flute", "folk", "funk", "fusion", "gentle", "glass", "gospel", "grime", "groove", "guitar", "happy", "hardcore", "harmony", "heavy", "house", "indie", "industrial", "instrumental", "jazz", "jungle", "key", "latin", "live", "lo-fi", "loud", "low", "machine", "major", "mellow", "melancholic", "melody", "metal", "minor", "mood", "music", "orchestra", "orchestral", "organ", "pad", "piano", "pluck", "pop", "psychedelic", "pulse", "punk", "quiet", "rap", "reggae", "relaxing", "rhythm", "rock", "romantic", "sad", "saxophone", "sine", "slow", "smooth", "soft", "song", "soul", "space", "steady", "strings", "swing", "synth", "synthwave", "tempo", "techno", "trance", "trap", "triangle", "trip-hop", "trumpet", "upbeat", "vibraphone", "vocal", "voice", "waltz", "warm", "wave", "world"]
)  # fmt: skip
"""Ordinary words of any brief; a creator who calls himself one of them is not named by it."""

_UNDECOMPOSED = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "ð": "d", "þ": "th"}  # noqa: RUF001
)
# Scripts without spaces between words: each sign is a word, so that a name is found inside a text.
_UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_SIGN = re.compile(f"[{_UNSPACED}]")
_SPACED = re.compile(r"\S+")


def fold(text: str) -> str:
    """Return a text without case, accents, ligatures and invisible signs."""
    if text.isascii():
        return text.lower()
    parted = unicodedata.normalize("NFKD", text).casefold().translate(_UNDECOMPOSED)
    return unicodedata.normalize("NFC", parted.translate(_invisible()))


@cache
def _invisible() -> dict[int, None]:
    """Map accents that stand alone and signs that are not seen to nothing."""
    codes = range(sys.maxunicode + 1)
    return {code: None for code in codes if unicodedata.category(chr(code)) in ("Mn", "Cf")}


def words(text: str) -> tuple[str, ...]:
    """Return the folded words of a text, without punctuation.

    >>> words("Björk & Sigur Rós")
    ('bjork', 'sigur', 'ros')
    """
    return tuple(_WORD.findall(fold(text)))


@dataclass(frozen=True, slots=True)
class NameIndex:
    """Every name that may not be said, ready to be looked for in a text.

    Args:
        names: Folded words joined by spaces → the name as it is written.
        longest: Words of the longest name.
    """

    names: dict[str, str]
    longest: int

    @classmethod
    def of(cls, names: Iterable[str], ordinary: Iterable[str] = ()) -> NameIndex:
        """Index names, leaving out those that are too short or ordinary words.

        Args:
            names: As they are written, in any number.
            ordinary: Names that are words besides `MUSIC_WORDS`.
        """
        passed = MUSIC_WORDS | {" ".join(words(word)) for word in ordinary}
        found: dict[str, str] = {}
        for name in names:
            for form in _forms(name):
                if form not in passed:
                    found.setdefault(form, name)
        return cls(found, max((form.count(" ") + 1 for form in found), default=0))

    def within(self, text: str) -> tuple[str, ...]:
        """Return the folded names that a text holds as whole words, in its order."""
        said = words(text)
        return tuple(dict.fromkeys([*self._among(said), *self._among(_squeezed(fold(text)))]))

    def _among(self, said: Sequence[str]) -> Iterable[str]:
        for start in range(len(said)):
            for end in range(start + 1, min(start + self.longest, len(said)) + 1):
                phrase = " ".join(said[start:end])
                if phrase in self.names:
                    yield phrase


def read_names(connection: sa.Connection, ordinary: Iterable[str] = ()) -> NameIndex:
    """Index the names of all creators of the store, those that only their tracks tell among them.

    Args:
        connection: Inside a transaction.
        ordinary: Names that are ordinary words here.
    """
    told = sa.select(creators.c.name).where(~creators.c.creator_id.startswith(GENERATOR_PREFIX))
    maker = sa.func.coalesce(tracks.c.creator_id, "")
    shown = sa.select(tracks.c.artist).where(
        tracks.c.artist.is_not(None), ~maker.startswith(GENERATOR_PREFIX)
    )
    return NameIndex.of(connection.execute(sa.union(told, shown)).scalars(), ordinary)


def named_in(connection: sa.Connection, brief: Brief, index: NameIndex) -> tuple[str, ...]:
    """Return the creators that a brief names in prompt, tags, title or lyrics.

    A name that is also a tag of tracks by `MIN_BEARERS` other creators is a word of the trade
    (somebody is called `Shoegaze`), and does not count. One creator's own tracks tagged with the
    creator's own name prove nothing.

    Args:
        connection: Inside a transaction.
        brief: What is asked.
        index: See `read_names`.
    """
    texts = (brief.prompt, *brief.tags, brief.title, brief.lyrics)
    hits = dict.fromkeys(hit for text in texts for hit in index.within(text))
    if not hits:
        return ()
    trade = _trade_words(connection, frozenset(hits))
    return tuple(dict.fromkeys(index.names[hit] for hit in hits if hit not in trade))


def _trade_words(connection: sa.Connection, hits: frozenset[str]) -> set[str]:
    """Return those of the folded names that enough other creators' tracks bear as a tag."""
    maker = sa.func.coalesce(tracks.c.artist, tracks.c.creator_id, "")
    bearers: dict[str, set[str]] = {hit: set() for hit in hits}
    for who, tags in connection.execute(sa.select(maker, tracks.c.tags)):
        for tag in {" ".join(words(tag)) for tag in tags} & hits:
            own = " ".join(words(who))
            if own != tag and who:
                bearers[tag].add(own)
    return {tag for tag, who in bearers.items() if len(who) >= MIN_BEARERS}


def _forms(name: str) -> Iterable[str]:
    """Yield the folded ways in which a name is written, without those too short to count."""
    folded = fold(name)
    parts = _WORD.findall(folded)
    said = " ".join(parts)
    if sum(map(_letters, parts)) >= MIN_LETTERS:
        yield said
    if said != folded:  # Jay-Z is written JayZ, AC/DC is written ACDC
        joined = " ".join(filter(None, _squeezed(folded)))
        if joined != said and len(joined) >= MIN_SQUEEZED:
            yield joined
    if len(parts) > 1 and parts[0] == "the":
        bare = parts[1:]
        if len(bare) > 1 or len(bare[0]) >= MIN_BARE_LETTERS:
            yield " ".join(bare)


def _squeezed(folded: str) -> list[str]:
    """Return what stands between spaces, each without its punctuation."""
    return ["".join(_WORD.findall(part)) for part in _SPACED.findall(folded)]


def _letters(word: str) -> int:
    return len(word) + (len(word) if _SIGN.match(word) else 0)
