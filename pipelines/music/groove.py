"""Grooves: named rhythm patterns written as step grids, four steps to the beat.

A drum line reads `X` accent, `x` normal, `o` soft, `.` silent. A bass line reads `R` root, `5`
fifth, `3` third, `O` octave, `A` a step towards the next root, `=` hold, `.` silent. A chord line
reads like a drum line.
"""
# ruff: noqa: E501 - one line a part, so that the steps stand under one another

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from core.errors import DataError

Figure: TypeAlias = Literal["sustain", "strum", "stab", "arpeggio"]

STEPS_PER_BEAT = 4
FORCE = {"X": 1.0, "x": 0.72, "o": 0.38}


@dataclass(frozen=True, slots=True)
class Groove:
    """One bar of rhythm for every part."""

    name: str
    figure: Figure
    """How the chord instrument plays its tones."""
    chords: str
    """Chord line."""
    bass: str
    """Bass line."""
    drums: Mapping[str, str] = field(default_factory=dict)
    """Drum name to drum line."""
    beats: int = 4
    """Beats in a bar."""
    swing: float = 0.0
    """How far the second of each pair is late, as a share of `swing_steps`."""
    swing_steps: int = 1
    """Length of the notes that swing: 1 for sixteenths, 2 for eighths."""

    @property
    def steps(self) -> int:
        """Steps in a bar."""
        return self.beats * STEPS_PER_BEAT

    @property
    def echo_beats(self) -> float:
        """Delay of an echo that falls between the beats without blurring the metre."""
        return 0.5 if self.beats % 2 else 0.75

    def beat_of(self, step: float) -> float:
        """Place a step on the time line of the bar.

        Args:
            step: Position in steps from the start of the piece, fractions allowed.

        Returns:
            Position in beats, with swing.
        """
        pair = 2 * self.swing_steps
        whole, inside = divmod(step, pair)
        middle = self.swing_steps * (1.0 + self.swing)
        if inside <= self.swing_steps:
            warped = inside * middle / self.swing_steps
        else:
            late = (inside - self.swing_steps) / self.swing_steps
            warped = middle + late * (pair - middle)
        return (whole * pair + warped) / STEPS_PER_BEAT


_EIGHTHS = "x.o.x.o.x.o.x.o."
_BACKBEAT = "....X.......X..."
_FLOOR = "X...X...X...X..."

_ALL = (
    Groove(
        "four-floor", "stab", "x..x..x...x..x..", "..R...R...R...R.",
        {"kick": _FLOOR, "clap": "....x.......x...", "open": "..x...x...x...x.", "shaker": "o.o.o.o.o.o.o.o."},
    ),
    Groove(
        "deep-floor", "sustain", "x...............", "R=.R..R...R..R..",
        {"kick": _FLOOR, "clap": "....x.......x..o", "hat": "..x...x...x..ox.", "rim": "...o......o....."},
    ),
    Groove(
        "driving", "stab", "x.....x...x.....", ".RRR.RRR.RRR.RRR",
        {"kick": _FLOOR, "hat": "o.Xoo.Xoo.Xoo.Xo", "clap": "....o.......o..."},
    ),
    Groove(
        "hypnotic", "arpeggio", "x.oxx.o.x.oxx.o.", "..R...R...R..RR.",
        {"kick": _FLOOR, "hat": "..X...X...X...X.", "rim": "......o..o......", "ride": "x...x...x...x..."},
    ),
    Groove(
        "night-drive", "sustain", "x...............", "R.R.R.R.R.R.O.R.",
        {"kick": "X...x...X...x...", "snare": _BACKBEAT, "hat": _EIGHTHS},
    ),
    Groove(
        "neon", "arpeggio", "X.x.x.x.X.x.x.x.", "R.O.R.O.R.O.R.O.",
        {"kick": _FLOOR, "snare": _BACKBEAT, "open": "..o...o...o...o."},
    ),
    Groove(
        "backbeat", "strum", "X...x.x.X...x.x.", "R=..R.R.R=....5.",
        {"kick": "X.....x.X.......", "snare": _BACKBEAT, "hat": _EIGHTHS},
    ),
    Groove(
        "gallop", "stab", "X.xxX.xxX.xxX.xx", "R.RRR.RRR.RRR.RR",
        {"kick": "X.xxX.xxX.xxX.xx", "snare": _BACKBEAT, "ride": "X...X...X...X..."},
    ),
    Groove(
        "thrash", "stab", "X.x.X.x.X.x.XxXx", "R.R.R.R.R.R.RRRR",
        {"kick": "X.x.X.x.X.x.X.x.", "snare": _BACKBEAT, "hat": "X...X...X...X..."},
    ),
    Groove(
        "breakbeat", "sustain", "x...............", "R=====....R=5===",
        {"kick": "X...o.....x.....", "snare": "....X..o.o..X..o", "hat": "x.o.x.o.x.o.x.o.", "ride": "X...X...X...X..."},
    ),
    Groove(
        "roller", "stab", "x.....x.....x...", "R=..R=..O=..R=5=",
        {"kick": "X...o.x.....o...", "snare": _BACKBEAT, "hat": "xoooxoooxoooxooo", "ride": "X...X...X...X..."},
    ),
    Groove(
        "boom-bap", "stab", "x.....o...x.....", "R=.....R..5=....",
        {"kick": "X......x..x.....", "snare": _BACKBEAT, "hat": "x.o.x.o.x.o.x.oo"}, swing=0.22,
    ),
    Groove(
        "dusty", "strum", "x.......o.......", "R==...R=..5=..R.",
        {"kick": "X..x....x.......", "snare": _BACKBEAT, "hat": "x.x.x.x.x.x.x.x."}, swing=0.16,
    ),
    Groove(
        "ride-swing", "stab", "x.....x.........", "R=..3=..5=..A=..",
        {"ride": "X...x.o.X...x.o.", "hat": "....x.......x...", "kick": "o...o...o...o..."},
        swing=0.3, swing_steps=2,
    ),
    Groove(
        "bossa", "stab", "x..x..x...x..x..", "R==.5.R.R==.5.R.",
        {"rim": "x..x..x...x..x..", "shaker": "x.o.x.o.x.o.x.o.", "kick": "X...x...X...x..."},
    ),
    Groove(
        "waltz", "stab", "....x...x...", "R===........",
        {"kick": "x...........", "shaker": "....o...o..."}, beats=3,
    ),
    Groove(
        "waltz-flow", "arpeggio", "X.o.x.o.x.o.", "R=..5=..5=..",
        {"kick": "x...........", "rim": "....x...x..."}, beats=3,
    ),
    Groove(
        "fingerpick", "arpeggio", "X.o.x.o.X.o.x.o.", "R=..5=..R=..5=..",
        {"kick": "o.......o.......", "shaker": "....x.......x..."},
    ),
    Groove(
        "campfire", "strum", "X...x.x...x.x.x.", "R=......5=......",
        {"kick": "x.......x.......", "clap": "....o.......o...", "shaker": "o.o.o.o.o.o.o.o."},
    ),
    Groove(
        "drift", "sustain", "x...............", "R===============",
        {"shaker": "o...o...o...o..."},
    ),
    Groove(
        "heartbeat", "arpeggio", "x...o...x...o...", "R=======........",
        {"kick": "x...o...x...o...", "rim": "......o.......o."},
    ),
    Groove(
        "march", "stab", "X...x.x.X...x...", "R=..5=..R=..5=..",
        {"timpani": "X.......x...o...", "snare": "x...o.ooo...o.oo"},
    ),
    Groove(
        "ostinato", "arpeggio", "X.x.X.x.X.x.X.x.", "R=======R=======",
        {"timpani": "X...............", "kick": "o...o...o...o...", "shaker": "o...o...o...o..."},
    ),
    Groove(
        "arcade", "arpeggio", "xxxxxxxxxxxxxxxx", "R.O.R.O.R.O.R.O.",
        {"kick": "X...o...X.x.o...", "snare": _BACKBEAT, "hat": "x.x.x.x.x.x.x.x."},
    ),
    Groove(
        "bounce", "stab", "..x...x...x...x.", "R...5...R...5.R.",
        {"kick": _FLOOR, "snare": "....x.......x..x", "hat": "..x...x...x...x."},
    ),
)  # fmt: skip

GROOVES: dict[str, Groove] = {groove.name: groove for groove in _ALL}


def groove_named(name: str) -> Groove:
    """Look a groove up by its name.

    Raises:
        DataError: if there is none of that name.
    """
    if name not in GROOVES:
        raise DataError(f"rhythm {name!r} is unknown: choose one of {', '.join(sorted(GROOVES))}")
    return GROOVES[name]
