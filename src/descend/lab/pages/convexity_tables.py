"""Tables about the convexity, the minima and the plateaus of a script's loss."""

from descend.doctor.record import facts
from descend.doctor.report.formatting import count, number, one_line, percent
from descend.lab.pages.table import Table


def convexity_table(found: facts.Convexity, at: str) -> Table:
    """Return a table of the evidence that the loss is not convex, in the outputs and in the parameters."""
    before = f" before their {found.activation}" if found.activation else ""
    named = (
        (f"outputs{before}", found.outputs),
        ("parameters of the output layer", found.output_layer),
        ("all parameters", found.all),
    )
    rows = [(of, *_convexity_row(seen)) for of, seen in named if seen]
    caption = (
        f"The loss ({found.loss}) as a function of one group of variables with the others fixed, at a few points and "
        "on the lines between them. Smallest curvature: the smallest eigenvalue found, relative to the largest. A "
        "negative eigenvalue, or a point above a chord, proves that the loss is not convex; their absence proves "
        "nothing."
    )
    head = ("as a function of", "smallest curvature", "above a chord", "verdict")
    return Table(f"Convex or not{at}", head, rows, caption, frozenset({1, 2}))


def _convexity_row(seen: facts.SeenConvexity) -> tuple[str, str, str]:
    """Return the cells of a row: the smallest curvature, the largest height above a chord, and the verdict."""
    lowest = "not defined" if seen.lowest is None else number(seen.lowest)
    above = number(seen.excess) if seen.excess > 0 else "nowhere"
    return lowest, above, "not convex" if seen.is_refuted else "not refuted"


def minima_table(random: facts.RandomUnits | None, bad: facts.BadMinimum | None, at: str) -> Table:
    """Return a table of the loss with only the output layer trained, and of the loss at a bad local minimum."""
    rows: list[tuple[str, str, str]] = []
    caption = (
        "Initial: the weights at the start of the run. With fixed hidden units, fitting the output layer is a convex "
        "problem if the loss is convex in the outputs."
    )
    if random is not None:
        convex = "not convex" if random.is_refuted else "no evidence against convexity"
        rows = [
            ("initial hidden units, optimal output layer", number(random.random), convex),
            ("trained hidden units, optimal output layer", number(random.trained), convex),
            ("trained network", number(random.cost), ""),
        ]
    if bad is not None:
        kind = "a local minimum" if bad.is_minimum else "not a minimum, because a small step lowers the loss"
        rows.append((f"layer “{one_line(bad.layer, 20)}” switched off, the rest trained", number(bad.cost), kind))
        caption += (
            " With the last ReLU units switched off, the outputs do not depend on the inputs: the gradient norm is "
            f"{number(bad.gradient_norm)}, and the best of {count(bad.tried, 'small random step')} changes the loss "
            f"by {number(bad.lowest)} times its value."
        )
    return Table(f"Good and bad minima{at}", ("network", "loss", ""), rows, caption, frozenset({1}))


def plateau_table(found: facts.Plateau, at: str) -> Table:
    """Return a table with the share of small steps that do not change the loss, and of derivatives that are 0."""
    rows = [
        ("the loss", percent(found.smooth_unmoved), percent(found.soft_zero)),
        ("the loss with hard thresholds as hidden activations", "", percent(found.hard_zero)),
    ]
    if found.wrong is not None and found.wrong_unmoved is not None:
        wrong = f"the 0–1 loss ({percent(found.wrong, 1)} wrong)"
        rows.append((wrong, percent(found.wrong_unmoved), percent(1.0)))
    caption = (
        "Unchanged: the share of random steps, each 10⁻⁵ of the parameters' norm long, after which the value is "
        "exactly the same. Zero gradient: the share of the parameters whose derivative is exactly 0. The derivative of "
        "the 0–1 loss is 0 wherever it exists."
    )
    return Table(f"Plateaux{at}", ("value", "unchanged", "zero gradient"), rows, caption, frozenset({1, 2}))
