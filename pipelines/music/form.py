"""Form: how many bars a piece has, what each section does, and which chord sounds when."""

from dataclasses import dataclass

from pipelines.music.attributes import TrackAttributes
from pipelines.music.groove import STEPS_PER_BEAT, Groove, groove_named
from pipelines.music.harmony import Chord, Colour, read_progression
from pipelines.music.style import style_named

LONGEST_CHORD_S = 2.4
SHORTEST_TAIL_S = 0.6

_INTENSITY = {"intro": 0.5, "verse": 0.75, "chorus": 1.0, "break": 0.4, "outro": 0.55}
_FORMS = {
    1: ("chorus",),
    2: ("verse", "chorus"),
    3: ("intro", "verse", "chorus"),
    4: ("intro", "verse", "chorus", "chorus"),
    5: ("intro", "verse", "chorus", "verse", "chorus"),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar and its place in the form."""

    index: int
    section: str
    """`intro`, `verse`, `chorus`, `break` or `outro`."""
    within: int
    """Bars since the section began."""
    is_last: bool
    """Whether the section ends with this bar."""
    intensity: float
    """0 to 1, how much of the band plays and how hard."""


@dataclass(frozen=True, slots=True)
class Span:
    """A chord and the steps it lasts, counted from the start of the piece."""

    start: int
    steps: int
    chord: Chord


@dataclass(frozen=True, slots=True)
class Plan:
    """What is decided before any note is written."""

    attributes: TrackAttributes
    groove: Groove
    bars: tuple[Bar, ...]
    spans: tuple[Span, ...]
    """Chords of all bars; the tonic of the tail is not among them."""

    @property
    def step_s(self) -> float:
        """Mean length of a step."""
        return 60.0 / self.attributes.tempo_bpm / STEPS_PER_BEAT

    @property
    def tail_s(self) -> float:
        """Start of the last, held tonic."""
        return len(self.bars) * self.groove.steps * self.step_s

    def time_of(self, step: float) -> float:
        """Seconds at which a step sounds, with swing."""
        return self.groove.beat_of(step) * 60.0 / self.attributes.tempo_bpm

    def tonic(self) -> Chord:
        """The chord of the key itself, in the colour of the style."""
        numeral = "i" if self.attributes.mode == "minor" else "I"
        colour = style_named(self.attributes.style).colour
        plain: Colour = "power" if colour == "power" else "triad"
        return read_progression(numeral, self.attributes.key, self.attributes.mode, plain)[0]


def plan_piece(attributes: TrackAttributes) -> Plan:
    """Lay out bars, sections and chords so that the piece fills its duration and ends at home."""
    groove = groove_named(attributes.rhythm)
    bar_s = groove.beats * 60.0 / attributes.tempo_bpm
    n_bars = max(1, int((attributes.duration_s - SHORTEST_TAIL_S) / bar_s))
    bars = _lay_out(n_bars)
    return Plan(attributes, groove, bars, _spread_chords(attributes, groove, n_bars, bar_s))


def _lay_out(n_bars: int) -> tuple[Bar, ...]:
    unit = 4 if n_bars >= 16 else 2 if n_bars >= 4 else 1
    names = section_names(max(1, n_bars // unit))
    bars: list[Bar] = []
    for place, name in enumerate(names):
        length = unit if place < len(names) - 1 else n_bars - unit * (len(names) - 1)
        first = len(bars)
        bars.extend(
            Bar(first + i, name, i, i == length - 1, _INTENSITY[name]) for i in range(length)
        )
    return tuple(bars)


def section_names(n_sections: int) -> tuple[str, ...]:
    """Name the sections: six or more end in an outro, eight or more have a break before it."""
    if n_sections in _FORMS:
        return _FORMS[n_sections]
    middle = ["verse" if i % 2 == 0 else "chorus" for i in range(n_sections - 2)]
    middle[-1] = "chorus"
    if n_sections >= 8:
        middle[-2] = "break"
    return ("intro", *middle, "outro")


def _spread_chords(
    attributes: TrackAttributes, groove: Groove, n_bars: int, bar_s: float
) -> tuple[Span, ...]:
    colour = style_named(attributes.style).colour
    chords = read_progression(attributes.progression, attributes.key, attributes.mode, colour)
    is_halved = bar_s > LONGEST_CHORD_S and groove.beats % 2 == 0
    steps = groove.steps // 2 if is_halved else groove.steps
    n_spans = n_bars * groove.steps // steps
    return tuple(Span(i * steps, steps, chords[i % len(chords)]) for i in range(n_spans))
