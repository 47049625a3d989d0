"""Small charts as inline SVG; colours and strokes come from the page's style."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isnan

from pipelines.judgement_page.document import Bin, Dependence, Reliability
from ranking.evaluation.intervals import Estimate

WIDTH, HEIGHT = 280, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 34  # room for the words at the axes


def whisker(figure: Estimate, low: float, high: float, zero: float | None = None) -> str:
    """Return a figure with its interval on a scale, to be as wide as its cell; "" where unknown.

    Args:
        figure: What is drawn.
        low: Left end of the scale.
        high: Right end.
        zero: Where a line is drawn that intervals may cross.
    """
    if any(isnan(value) for value in (figure.mean, figure.low, figure.high)):
        return ""
    span = (high - low) or 1.0

    def x(value: float) -> str:
        return f"{100 * min(max((value - low) / span, 0.0), 1.0):.2f}%"

    line = (
        "" if zero is None else f'<line class="zero" x1="{x(zero)}" x2="{x(zero)}" y1="0" y2="16"/>'
    )
    return (
        f'<svg class="whisker" aria-hidden="true" height="16">{line}'
        f'<line class="range" x1="{x(figure.low)}" x2="{x(figure.high)}" y1="8" y2="8"/>'
        f'<circle class="dot" cx="{x(figure.mean)}" cy="8" r="4"/></svg>'
    )


def bar(share: float, kind: str = "one") -> str:
    """Return a bar as wide as a share of its cell."""
    width = 100 * min(max(share, 0.0), 1.0)
    return (
        f'<svg class="bar {escape(kind)}" aria-hidden="true" height="10">'
        f'<rect width="{width:.2f}%" height="10" rx="2"/></svg>'
    )


def reliability_chart(found: Reliability) -> str:
    """Return predicted against observed rates, or what came of each tenth of the places."""
    if found.kind == "place":
        return _places(found.bins)
    top = max([1e-6, *(max(one.predicted, one.observed) for one in found.bins)]) * 1.05
    frame = Frame(0.0, top, 0.0, top)
    points = [(one.predicted, one.observed) for one in found.bins]
    diagonal = frame.line([(0.0, 0.0), (top, top)], "zero")
    dots = "".join(frame.dot(x, y) for x, y in points)
    inner = diagonal + frame.line(points, "curve") + dots
    return frame.svg(inner, "predicted", "observed", f"Reliability of {found.name}")


def _places(bins: Sequence[Bin]) -> str:
    top = max([1e-6, *(one.observed for one in bins)]) * 1.05
    frame = Frame(0.0, float(len(bins)), 0.0, top)
    bars = "".join(frame.column(at + 0.12, at + 0.88, one.observed) for at, one in enumerate(bins))
    words = "tenth of the list, best first"
    return frame.svg(
        bars, words, "mean grade", "Mean grade by tenth of the ranked list", ends=False
    )


def dependence_chart(found: Dependence) -> str:
    """Return what a feature adds by its value: the mean, and the middle half as a band."""
    points = found.points
    xs = [one.value for one in points]
    ys = [*(one.low for one in points), *(one.high for one in points), 0.0]
    low_x, high_x = (min(xs), max(xs)) if xs else (0.0, 1.0)
    frame = Frame(low_x, high_x, min(ys), max(ys))
    upper = [(one.value, one.high) for one in points]
    lower = [(one.value, one.low) for one in reversed(points)]
    mean = [(one.value, one.shap) for one in points]
    inner = frame.area([*upper, *lower]) + frame.line([(low_x, 0.0), (high_x, 0.0)], "zero")
    inner += frame.line(mean, "curve") + "".join(frame.dot(x, y, 2.5) for x, y in mean)
    return frame.svg(inner, found.feature, "adds", f"What {found.feature} adds by its value")


class Frame:
    """A plot's scales.

    Args:
        low_x: Left end.
        high_x: Right end.
        low_y: Lower end.
        high_y: Upper end.
    """

    def __init__(self, low_x: float, high_x: float, low_y: float, high_y: float) -> None:
        self._x, self._y = (low_x, high_x), (low_y, high_y)

    def x(self, value: float) -> float:
        """Return where a value lies from the left, pixels."""
        low, high = self._x
        return LEFT + (value - low) / ((high - low) or 1.0) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Return where a value lies from the top, pixels."""
        low, high = self._y
        return HEIGHT - BOTTOM - (value - low) / ((high - low) or 1.0) * (HEIGHT - TOP - BOTTOM)

    def line(self, points: Sequence[tuple[float, float]], kind: str) -> str:
        """Return a line through points, in the style of a kind."""
        return f'<polyline class="{kind}" points="{self._places(points)}"/>'

    def area(self, points: Sequence[tuple[float, float]]) -> str:
        """Return a filled area within points."""
        return f'<polygon class="band" points="{self._places(points)}"/>'

    def dot(self, x: float, y: float, radius: float = 3.5) -> str:
        """Return a dot."""
        return f'<circle class="dot" cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="{radius}"/>'

    def column(self, left: float, right: float, top: float) -> str:
        """Return a column from 0 to `top`."""
        width, height = self.x(right) - self.x(left), self.y(0.0) - self.y(top)
        return (
            f'<rect class="column" x="{self.x(left):.1f}" y="{self.y(top):.1f}" '
            f'width="{width:.1f}" height="{height:.1f}" rx="2"/>'
        )

    def svg(self, inner: str, x_name: str, y_name: str, title: str, *, ends: bool = True) -> str:
        """Return the whole chart; `ends` writes the ends of the x axis."""
        floor, right = HEIGHT - BOTTOM, WIDTH - RIGHT
        axes = f'<polyline class="axis" points="{LEFT},{TOP} {LEFT},{floor} {right},{floor}"/>'
        low_x, high_x = (_short(value) for value in self._x)
        low_y, high_y = (_short(value) for value in self._y)
        words = (
            f'<text x="{LEFT - 5}" y="{floor}" class="end">{low_y}</text>'
            f'<text x="{LEFT - 5}" y="{TOP + 9}" class="end">{high_y}</text>'
            f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 6}" class="middle">'
            f"{escape(x_name)}</text>"
            f'<text transform="translate(12 {(TOP + floor) / 2}) rotate(-90)" class="middle">'
            f"{escape(y_name)}</text>"
        )
        if ends:
            words += (
                f'<text x="{LEFT}" y="{floor + 13}">{low_x}</text>'
                f'<text x="{right}" y="{floor + 13}" class="end">{high_x}</text>'
            )
        return (
            f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{escape(title)}">{axes}{inner}{words}</svg>'
        )

    def _places(self, points: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)


def _short(value: float) -> str:
    if value and (abs(value) >= 10_000 or abs(value) < 0.001):
        return f"{value:.1e}"
    return f"{value:.3g}"
