"""How each section of the pages is measured: its command, seeds, intervals, and limits that may end a run early.

The programs write these lines into the pages, and a test compares both.
"""

from dataclasses import dataclass
from shlex import quote

FIXED = "one, fixed"
PAIRED = "least to largest of {} pairs, after their median"
NO_INTERVAL = "none"
NO_LIMIT = "no run ends early"


@dataclass(frozen=True)
class Origin:
    """Where the figures of one section come from. `part` is the argument of `run.py` that measures it."""

    part: str
    seeds: str
    intervals: str = NO_INTERVAL
    limits: str = NO_LIMIT

    @property
    def line(self) -> str:
        """The sentence in the page."""
        command = f"python benchmarks/run.py {quote(self.part)}"
        return f"Command: `{command}`. Seeds: {self.seeds}. Intervals: {self.intervals}. Limits: {self.limits}."


def _rules(part: str) -> dict[str, Origin]:
    """Return the origins of the tables of update rules that both devices have."""
    steps = Origin(part, "one draw of tensors", "none (medians of 15 rounds)")
    return {name: steps for name in ("150 tensors, 10.7 M", "one matrix, 100 M", "3000 tensors of 64")}


_SWEEP = "A sweep of 32 learning rates: the same runs one after another, over it"
_ON_GPU = {**_rules("gpu"), f"{_SWEEP} (reach: 10)": Origin("gpu", "one draw of tensors", "none (60 steps each)")}

# page -> title of a section -> its origin
ORIGINS: dict[str, dict[str, Origin]] = {
    "RESULTS.md": {
        "Handing over the readings of a step": Origin("doctor", "nothing is drawn", "none (one run of 100 000 steps)"),
        "Loading a million readings, over parsing them from JSON": Origin(
            "doctor", "nothing is drawn", PAIRED.format(5)
        ),
        "Start-up (reach: 0.3 s, and 0.1 s more)": Origin(
            "doctor", "nothing is drawn", "least to largest of 9, after their median"
        ),
        "`descend doctor`, over the script's own run with its start-up (reach: 1.5 and 12)": Origin(
            "doctor", "the script's own", "none (medians of 2 runs)", "the doctor observes 1000 steps or 60 s at most"
        ),
    },
    "WATCHING.md": {
        "`descend watch`: loop time, watched over unwatched (reach: at most 1.03)": Origin(
            "watch", FIXED, f"{PAIRED.format(5)}, unless the text says otherwise"
        ),
        "Others that look into a training, on one loop that all can run": Origin("watch", FIXED, PAIRED.format(2)),
    },
    "UPDATE_RULES.md": {
        **_rules("rules"),
        "Adam on an embedding of 1 000 000 × 64, by the rows that a sparse gradient touches": Origin(
            "rules", "one draw of tensors", "none (medians of 7)"
        ),
        "Memory: what a step takes beyond the optimizer's state, one matrix of 100 M, of the state": Origin(
            "rules", "nothing is drawn", "none (one run)"
        ),
        "The first step, in seconds: its kernel is built, or was built before": Origin(
            "rules", "nothing is drawn", "none (one run of each)"
        ),
        _SWEEP: Origin("rules", "one draw of tensors", "none (60 steps each)"),
    },
    "UPDATE_RULES_H100.md": _ON_GPU,
    "UPDATE_RULES_H200.md": _ON_GPU,
    "PARTS.md": {
        "A step with it over one without it (reach: at most 1.05)": Origin("parts", FIXED, PAIRED.format(41)),
        "Examples a second of growing batches, over fixed ones of the same mean size (reach: 0.98)": Origin(
            "parts", "one draw of data", PAIRED.format(25)
        ),
        "A checkpoint over `torch.save` of the same states (reach: at most 1.2)": Origin(
            "parts", "one draw of weights", PAIRED.format(25)
        ),
    },
    "PARALLEL.md": {
        "Hogwild": Origin("hogwild", "the process's number", "none (means of 5)"),
        "Staleness": Origin("staleness", "0 and 1", "none (means of both)", "3000 gradients in all"),
        "Splits": Origin("splits", FIXED, "least to largest of 5 launches, after their median"),
        "A table of 2013": Origin("a table of 2013", "nothing is drawn", "none (arithmetic)"),
        "Large batches": Origin("large batches", "0 to 4, and 2 others for the rate", "± the standard error"),
        "Stragglers": Origin("stragglers", "the worker's number", "none (one run of each)"),
        "A narrow link": Origin("a narrow link", FIXED, "none (one launch of each)"),
        "A server": Origin("a server", "nothing is drawn", PAIRED.format(7)),
        "A graph over workers": Origin("a graph over workers", FIXED, "none (medians of 3 launches)"),
        "Updates": Origin("updates", FIXED, "none (one run of each)", "200 updates"),
    },
    "LANDSCAPE.md": {
        "Curvature": Origin(
            "curvature", "0; 0 to 2 for eigenvalues; 200 draws for the trace", f"of times, {PAIRED.format(5)}"
        ),
        "Surfaces": Origin("surfaces", FIXED, f"of the time, {PAIRED.format(5)}"),
        "Trajectories": Origin("trajectories", FIXED, "none (times are medians of 5)"),
        "Gradients": Origin(
            "gradients",
            "0; 200 draws for what is covered and found; 0 to 2 for sizes of the batch",
            "95 % in brackets",
            "3000 steps to a training loss of 0.3, reached at each size",
        ),
        "Symmetry": Origin(
            "symmetry", "0; 0 to 4 for sharp against wide", limits="300 passes to learn labels, marked where reached"
        ),
        "Critical points": Origin(
            "critical points",
            "200 starts; 0 to 4 for random directions",
            limits="150 evaluations, else left out",
        ),
        "Trade-off": Origin("trade-off", "0 to 9; 1000 and 1001 for the learning rate", "95 % in brackets"),
    },
    "DISCOVERY.md": {
        "Rediscovery": Origin("rediscovery", "0 to 19", "exact, 95 %", "500 rules for each search"),
        "Proxy tasks": Origin("proxy tasks", "0 to 19", "exact, 95 %", "500 rules for each search"),
        "Best rules": Origin("best rules", "0 to 19", "least to largest", "500 rules for each search"),
        "Transfer": Origin("transfer", "0 to 6; 1000 and 1001 for the learning rate", "97 % in brackets"),
    },
    "COMPARE.md": {
        "Prove": Origin(
            "prove", "5, and 5 more if undecided", "exact, 95 %", "30 minutes for each change, else no answer"
        ),
        "Equal choices": Origin(
            "equal choices",
            "1000 × the number of the comparison, and following ones",
            "exact, 95 %",
            "8 runs of search",
        ),
        "Known optima": Origin("known optima", "0", limits="12 runs of search; 32 for two settings"),
        "Workloads": Origin(
            "workloads", "0 and 5 to 10 fresh ones; 1000 to 1019 to judge", limits="8 runs of search for each optimizer"
        ),
    },
}


def with_origins(page: str, *lines: str) -> list[str]:
    """Return lines of a page with the origin of each section after its title."""
    found = list[str]()
    for line in lines:
        found.append(line)
        if line.startswith("## "):
            found += ["", ORIGINS[page][line.removeprefix("## ")].line]
    return found
