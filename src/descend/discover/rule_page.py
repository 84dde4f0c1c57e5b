"""The picture of a found rule: its path on a ravine next to those of known optimizers."""

from pathlib import Path

from descend.discover.archive import Entry
from descend.discover.rule_file import optimizer_of
from descend.lab.pages.trajectory_page import write_page
from descend.lab.pages.trajectory_tables import ends_table
from descend.trajectories import Chosen, chosen, surface, trajectories, with_rates

SURFACE, STEPS, OTHERS = "ravine", 200, "SGD,Momentum,Adam,AddSign"


def write_rule_page(best: Entry, path: Path) -> None:
    """Write an HTML page with the path of a rule and of known optimizers, each at the best of some learning rates."""
    ravine = surface(SURFACE, None, None, None)
    starts = ravine.starts(1)
    rules = [Chosen("found", optimizer_of(best.expression)), *chosen(OTHERS)]
    gone = trajectories(ravine, with_rates(ravine, rules, STEPS), starts, STEPS)
    shown = {
        "headline": "The found rule",
        "standfirst": f"The step is lr · {best.expression.formula}: its path on {ravine.formula}, and those of known "
        "optimizers.",
        "remarks": [],
        "command": "descend discover",
        "tables": [ends_table(ravine, gone)],
    }
    write_page(ravine, gone, starts, shown, path)
