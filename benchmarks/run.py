"""Measures everything and writes RESULTS.md: `make bench`."""

from consultation import consultation
from measure import HERE, machine
from overhead import overhead
from starting import starting
from writing import writing


def main() -> None:
    """Run every benchmark in turn; nothing else should run on the machine."""
    lines = ["# Figures", "", f"`make bench` on: {machine()}. Ratios are medians of pairs (least to largest).", ""]
    lines += ["## `descend watch`: loop time, watched over unwatched (reach: at most 1.03)", ""]
    lines += ["| step | ratio | same losses |", "|---|---|---|", *overhead(), ""]
    lines += ["## `descend doctor`, over the script's own run with its start-up (reach: 1.5 and 12)", ""]
    lines += ["| script | bare run | diagnosis | verdict |", "|---|---|---|---|", *consultation(), ""]
    lines += ["## Handing over the readings of a step", "", writing(), ""]
    lines += ["## Start-up (reach: 0.3 s, and 0.1 s more)", "", "| what | figure |", "|---|---|", *starting(), ""]
    (HERE / "RESULTS.md").write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


main()
