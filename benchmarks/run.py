"""Run the benchmarks and write their pages: `make bench` for all, `benchmarks/run.py NAME…` for some."""

import os
import sys
from functools import partial
from pathlib import Path

import comparisons
import discovery
import landscape
import parallel
import parts
import torch
import update_rules
from consultation import consultation
from origins import with_origins
from overhead import overhead
from peers import PEERS, peers
from side_by_side import HERE, machine
from starting import starting
from writing import loading, writing


class Sheet:
    """A page of results, to which each result is added when it is measured. Nothing else should run on the machine."""

    def __init__(self, path: Path, title: str) -> None:
        self.path = path
        path.write_text("", encoding="utf-8")
        self.write(
            f"# {title}", "", f"`make bench` on: {machine()}. Ratios are medians of pairs (least to largest).", ""
        )

    def write(self, *lines: str) -> None:
        """Add lines to the page; after the title of a section, add a line that says how it is measured."""
        text = "\n".join(with_origins(self.path.name, *lines)) + "\n"
        print(text, end="", flush=True)
        with self.path.open("a", encoding="utf-8") as sheet:
            sheet.write(text)


def doctor() -> None:
    """Measure the time of a start and of a diagnosis."""
    sheet = Sheet(HERE / "RESULTS.md", "Figures")
    sheet.write("## Handing over the readings of a step", "", writing(), "")
    sheet.write("## Loading a million readings, over parsing them from JSON", "", loading(), "")
    sheet.write("## Start-up (reach: 0.3 s, and 0.1 s more)", "", "| what | figure |", "|---|---|", *starting(), "")
    sheet.write("## `descend doctor`, over the script's own run with its start-up (reach: 1.5 and 12)", "")
    sheet.write("| script | baseline run | diagnosis | verdict |", "|---|---|---|---|", *consultation(), "")


def watch() -> None:
    """Measure the cost of `descend watch`."""
    sheet = Sheet(HERE / "WATCHING.md", "What watching costs")
    sheet.write("## `descend watch`: loop time, watched over unwatched (reach: at most 1.03)", "")
    sheet.write(
        "Each loop takes about five seconds, two of them half a minute. The ratio includes the start, the reading of",
        "each step and the first findings. All later measurements together take at most two per cent of the time.",
        "",
    )
    sheet.write("| loop | ms a step | steps | ratio | same losses |", "|---|---|---|---|---|")
    for row in overhead():
        sheet.write(row)
    if PEERS in os.environ:
        sheet.write("", "## Others that look into a training, on one loop that all can run", "")
        sheet.write("| tool, its setting | ms a step | steps | ratio | same losses |", "|---|---|---|---|---|")
        for row in peers(os.environ[PEERS]):
            sheet.write(row)


def rules() -> None:
    """Measure the steps of the update rules."""
    sheet = Sheet(HERE / "UPDATE_RULES.md", "The update rules")
    sheet.write(
        "A step of ours in ms; the share of attainable bandwidth (a kernel that only reads and writes the same",
        "streams, over ours); other implementations' steps over ours, each taken in turn with it.",
    )
    for workload in update_rules.WORKLOADS:
        update_rules.write_table(workload, sheet.write)
    sheet.write("", "## Rules for matrices, on those of two transformer blocks of width 256 (1.6 M)", "")
    sheet.write(*update_rules.matrix_table(), "")
    sheet.write("", "## Adam on an embedding of 1 000 000 × 64, by the rows that a sparse gradient touches", "")
    sheet.write("| rows | ms |", "|---|---|", *update_rules.sparse(), "")
    sheet.write("## Memory: what a step takes beyond the optimizer's state, one matrix of 100 M, of the state", "")
    sheet.write("| rule | share |", "|---|---|", *update_rules.memory(), "")
    sheet.write("## The first step, in seconds: its kernel is built, or was built before", "")
    sheet.write("| rule | built | kept |", "|---|---|---|", *update_rules.first_steps(), "")
    sheet.write("## A sweep of 32 learning rates: the same runs one after another, over it", "")
    sheet.write("| model | engine | ratio |", "|---|---|---|", *update_rules.sweeps(), "")


def rules_on_gpu() -> None:
    """Measure the steps of the update rules on a CUDA device."""
    device = torch.cuda.get_device_name()
    sheet = Sheet(HERE / f"UPDATE_RULES_{device.split()[1]}.md", "The update rules on a GPU")
    sheet.write(
        f"On {device}. A step of ours in ms; the share of attainable bandwidth (one copy of as",
        "many bytes, over ours); other implementations' steps over ours, each taken in turn with it.",
    )
    for workload in update_rules.WORKLOADS:
        update_rules.write_table(workload, sheet.write, "cuda")
    sheet.write("", "## Rules for matrices, on those of two transformer blocks of width 256 (1.6 M)", "")
    sheet.write(*update_rules.matrix_table("cuda"), "")
    sheet.write("", "## A sweep of 32 learning rates: the same runs one after another, over it (reach: 10)", "")
    sheet.write("| model | engine | ratio |", "|---|---|---|", *update_rules.sweeps(device="cuda"), "")


def around() -> None:
    """Measure what the parts around the rule cost."""
    sheet = Sheet(HERE / "PARTS.md", "The parts around the rule")
    sheet.write("## A step with it over one without it (reach: at most 1.05)", "")
    sheet.write(f"| part | {' | '.join(parts.MODELS)} |", "|---" * (1 + len(parts.MODELS)) + "|")
    for row in parts.costs():
        sheet.write(row)
    sheet.write("", "## Examples a second of growing batches, over fixed ones of the same mean size (reach: 0.98)", "")
    sheet.write("| what | mean size | ratio |", "|---|---|---|", *parts.loader(), "")
    sheet.write("## A checkpoint over `torch.save` of the same states (reach: at most 1.2)", "")
    sheet.write("| checkpoint | of | ratio |", "|---|---|---|", *parts.checkpoints(), "")


PARTS = {"doctor": doctor, "watch": watch, "rules": rules, "parts": around}
if torch.cuda.is_available():
    PARTS["gpu"] = rules_on_gpu
PAGES = (landscape, parallel, comparisons, discovery)
PARTS |= {name: partial(page.measure, name) for page in PAGES for name in page.SECTIONS}

if __name__ == "__main__":
    if unknown := [name for name in sys.argv[1:] if name not in PARTS]:
        sys.exit(f"unknown: {', '.join(unknown)}. Measure everything with no argument, or some of: {', '.join(PARTS)}")
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
