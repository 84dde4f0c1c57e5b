"""Write the page on `descend prove` and `descend compare`; each section can be measured separately."""

import sys
from collections.abc import Callable

from measure import HERE, ROOT, fill_section

sys.path.append(str(ROOT / "clinic"))

PAGE = HERE / "COMPARE.md"
HEAD = """# Comparing changes and settings

`python benchmarks/run.py NAME` measures one section. Stored results are not measured again.
Shares have exact 95 % intervals (Clopper & Pearson 1934).
"""
Write = Callable[..., None]


def measure_prove(write: Write) -> None:
    """Run `descend prove` on changes of the clinic's programs whose effect is known."""
    from known_changes import known_changes
    from mutations.rows import Rows
    from prove_clinic import measure_all, table

    changes, rows = known_changes(), Rows("prove.now")
    measure_all(changes, rows)
    write(
        "Right: a fix helps, an edit without effect has no effect or is equivalent, a planted mistake harms or fails.",
        "No answer: undecided or not comparable.",
        "",
        *table(changes, rows),
        "",
    )


def measure_equal_choices(write: Write) -> None:
    """Compare scripts with copies of themselves, and with a script that is better by a known factor."""
    from mutations.rows import Rows
    from null_comparisons import gain_table, measure_all, null_table

    rows = Rows("null.now", HERE / "measured")
    measure_all(rows)
    write(
        "A copy of the script competes with the script. Both learning rates are searched, from starting values that",
        "are drawn independently. The spread is the relative standard deviation of the cost over the seeds.",
        "",
        *null_table(rows),
        "",
        "The second script has a cost that is lower on average, and independent noise.",
        "",
        *gain_table(rows),
        "",
    )


def measure_known_optima(write: Write) -> None:
    """Search settings of quadratics and of convex problems."""
    from known_optima import convex_problems, quadratics

    write("The best settings are those of Polyak 1964. A step of the grid is half a decade.", "")
    write(*quadratics(), "")
    write("The lowest value that each optimizer reaches with its tuned learning rate, less SciPy's optimum:", "")
    write(*convex_problems(), "")


SECTIONS: dict[str, Callable[[Write], None]] = {
    "prove": measure_prove,
    "equal choices": measure_equal_choices,
    "known optima": measure_known_optima,
}


def measure(name: str) -> None:
    """Measure one section, and replace it in the page."""
    fill_section(PAGE, HEAD, name, SECTIONS[name])
