"""Line charts as SVG: curves over steps with a logarithmic axis, and paths on a surface."""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 520, 280, 60, 20, 34, 46
COLOURS = ("#c2410c", "#0f766e", "#4338ca", "#a16207")  # each has a contrast of at least 4.5 on white
MOST_TICKS = 7  # labels of the vertical axis
MOST_POINTS = 100  # points of a curve that are drawn

Curve = Sequence[tuple[float, float]]


def loss_chart(curves: Mapping[str, Curve], title: str, x_label: str = "optimizer step") -> str:
    """Return a chart of losses, or of other positive values, over optimizer steps.

    Values that are not finite and positive end a curve.

    curves: name -> pairs of step and loss.
    """
    drawn = {name: _thinned(_finite_start(curve)) for name, curve in curves.items()}
    values = [loss for curve in drawn.values() for _, loss in curve]
    low, high = _decades(values)
    steps = 1 + max(step for curve in curves.values() for step, _ in curve)

    def at(step: float, loss: float) -> tuple[float, float]:
        share = (math.log10(loss) - low) / (high - low)
        x = LEFT + (WIDTH - LEFT - RIGHT) * step / steps
        return x, HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    parts = [*_frame(title)]
    for power in range(math.floor(low), math.floor(high) + 1, max(1, math.ceil((high - low) / MOST_TICKS))):
        for multiple in (1, 2, 5) if high - low < 2 else (1,):
            if low <= math.log10(multiple * 10.0**power) <= high:
                _, y = at(0, multiple * 10.0**power)
                parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#d8dce0"/>')
                parts.append(_text(LEFT - 8, y + 4, f"{multiple * 10.0**power:g}", "end"))
    for quarter in range(5):
        step = round(steps * quarter / 4)
        parts.append(_text(at(step, 10**low)[0], HEIGHT - BOTTOM + 18, str(step), "middle"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x_label, "middle"))
    for curve, colour in zip(drawn.values(), COLOURS):
        points = [at(step, loss) for step, loss in curve]
        parts.append(_polyline(points, colour))
    parts += _legend(drawn)
    return "\n".join([*parts, "</svg>"]) + "\n"


def path_chart(
    paths: Mapping[str, Curve], window: tuple[tuple[float, float], tuple[float, float]], ratio: float, title: str
) -> str:
    """Return a chart of paths on the quadratic ½(x²/ratio + y²), with its level lines.

    paths: name -> positions. window: the limits of x and those of y.
    """
    (left, right), (low, high) = window

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + (WIDTH - LEFT - RIGHT) * (x - left) / (right - left),
            HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (y - low) / (high - low),
        )

    centre, unit = at(0, 0), at(1, 1)
    parts = [*_frame(title)]
    parts.append(
        f'<clipPath id="w"><rect x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" '
        f'height="{HEIGHT - TOP - BOTTOM}"/></clipPath><g clip-path="url(#w)" fill="none">'
    )
    for level in (0.01, 0.04, 0.16, 0.5, 1.2, 2.5, 4.5, 8.0, 13.0):
        axes = math.sqrt(2 * level * ratio) * (unit[0] - centre[0]), math.sqrt(2 * level) * (centre[1] - unit[1])
        parts.append(
            f'<ellipse cx="{centre[0]:.1f}" cy="{centre[1]:.1f}" rx="{axes[0]:.1f}" ry="{axes[1]:.1f}" '
            'stroke="#d8dce0"/>'
        )
    for path, colour in zip(paths.values(), COLOURS):
        points = [at(x, y) for x, y in path if math.isfinite(x) and math.isfinite(y)]
        parts.append(_polyline(points, colour))
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{colour}"/>' for x, y in points]
    parts.append("</g>")
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "the flat direction x; y is the steep one", "middle"))
    parts += _legend(paths)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _frame(title: str) -> Iterator[str]:
    """Yield the start of a picture: its size, its description and a white background, which suits a dark page, too."""
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="13"><title>{escape(title)}</title>'
    )
    yield '<rect width="100%" height="100%" rx="6" fill="#ffffff"/>'


def _legend(names: Mapping[str, object]) -> Iterator[str]:
    """Yield the name of each line next to a sample of its colour, above the chart."""
    x = float(LEFT)
    for name, colour in zip(names, COLOURS):
        yield f'<path d="M{x:.0f} 18h18" stroke="{colour}" stroke-width="3"/>'
        yield _text(x + 24, 22, name, "start")
        x += 40 + 7.8 * len(name)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    """Return a text element."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#333">{escape(text)}</text>'


def _polyline(points: Sequence[tuple[float, float]], colour: str) -> str:
    """Return a line through points."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>'


def _finite_start(curve: Curve) -> Curve:
    """Return a curve up to its first value that is not finite and positive."""
    end = next((i for i, (_, loss) in enumerate(curve) if not (math.isfinite(loss) and loss > 0)), len(curve))
    return curve[:end]


def _thinned(curve: Curve) -> Curve:
    """Return at most `MOST_POINTS` points of a curve; each is the geometric mean of its neighbours' losses."""
    size = max(1, math.ceil(len(curve) / MOST_POINTS))
    groups = [curve[start : start + size] for start in range(0, len(curve), size)]
    return [
        (group[len(group) // 2][0], math.exp(sum(math.log(loss) for _, loss in group) / len(group))) for group in groups
    ]


def _decades(values: Sequence[float]) -> tuple[float, float]:
    """Return the decimal logarithms of the ends of an axis that contains all values."""
    low, high = math.log10(min(values)), math.log10(max(values))
    pad = max(0.05 * (high - low), 0.05)
    return low - pad, high + pad
