"""Tables of where a script's cost is convex, what its minima are like, and where it is flat."""

from descend.doctor.record import facts
from descend.doctor.report.table import Table
from descend.doctor.report.wording import count, number, one_line, percent


def convexity_table(found: facts.Convexity, at: str) -> Table:
    """Return what speaks against convexity, by what the cost is a function of."""
    before = f" before their {found.activation}" if found.activation else ""
    named = (
        (f"outputs{before}", found.outputs),
        ("parameters of the output layer", found.output_layer),
        ("all parameters", found.all),
    )
    rows = [(of, *_row(seen)) for of, seen in named if seen]
    caption = (
        f"The cost ({found.loss}) as a function of each, the rest as it is, at a few points and on the straight "
        "ways between them. Curvature: the smallest eigenvalue found, as a share of the largest. A negative one, or a "
        "point above a chord, proves that a cost is not convex; that there is none proves nothing."
    )
    head = ("as a function of", "smallest curvature", "above a chord", "verdict")
    return Table(f"Convex or not{at}", head, rows, caption, frozenset({1, 2}))


def _row(seen: facts.SeenConvexity) -> tuple[str, str, str]:
    lowest = "none is defined" if seen.lowest is None else number(seen.lowest)
    above = number(seen.excess) if seen.excess > 0 else "nowhere"
    return lowest, above, "not convex" if seen.is_refuted else "not refuted"


def minima_table(random: facts.RandomUnits | None, bad: facts.BadMinimum | None, at: str) -> Table:
    """Return what the output layer reaches alone, and a minimum that is bad."""
    rows: list[tuple[str, str, str]] = []
    caption = (
        "As drawn: as the run began with them. With hidden units that stay as they are, fitting the output layer is a "
        "convex problem where the cost is convex in the outputs."
    )
    if random is not None:
        convex = "not convex" if random.is_refuted else "convex, as far as seen"
        rows = [
            ("hidden units as drawn, output layer at its best", number(random.random), convex),
            ("hidden units as here, output layer at its best", number(random.trained), convex),
            ("all as here", number(random.cost), ""),
        ]
    if bad is not None:
        kind = "a local minimum" if bad.is_minimum else "no minimum: a step lowers it"
        rows.append((f"layer “{one_line(bad.layer, 20)}” switched off, the rest at its best", number(bad.cost), kind))
        caption += (
            " With the last rectified units switched off, the inputs reach the outputs no more: the gradient is "
            f"{number(bad.gradient_norm)} long, and of {count(bad.tried, 'random small step')} the best one "
            f"changes the cost by {number(bad.lowest)} of itself."
        )
    return Table(f"Good and bad minima{at}", ("network", "cost", ""), rows, caption, frozenset({1}))


def plateau_table(found: facts.Plateau, at: str) -> Table:
    """Return how the cost, and what it stands for, answer to small steps and to the gradient."""
    rows = [
        ("the cost as it is", percent(found.smooth_unmoved), percent(found.soft_zero)),
        ("the cost with hard thresholds for hidden activations", "", percent(found.hard_zero)),
    ]
    if found.wrong is not None and found.wrong_unmoved is not None:
        wrong = f"the 0–1 loss ({percent(found.wrong, 1)} wrong)"
        rows.append((wrong, percent(found.wrong_unmoved), percent(1.0)))
    caption = (
        "Unmoved: the share of random steps, a hundred-thousandth of the parameters' length, after which the value is "
        "exactly what it was. No gradient: the share of the parameters whose derivative is exactly 0, as that of the "
        "0–1 loss is wherever it has one."
    )
    return Table(f"Plateaux{at}", ("value", "unmoved", "no gradient"), rows, caption, frozenset({1, 2}))
