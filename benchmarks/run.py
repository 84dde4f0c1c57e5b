"""Measures everything and writes RESULTS.md: `make bench`."""

from consultation import consultation
from measure import HERE, machine
from overhead import overhead
from starting import starting
from writing import writing

RESULTS = HERE / "RESULTS.md"


def main() -> None:
    """Run every benchmark in turn, writing each down as it ends; nothing else should run on the machine."""
    RESULTS.write_text("", encoding="utf-8")
    _write("# Figures", "", f"`make bench` on: {machine()}. Ratios are medians of pairs (least to largest).", "")
    _write("## Handing over the readings of a step", "", writing(), "")
    _write("## Start-up (reach: 0.3 s, and 0.1 s more)", "", "| what | figure |", "|---|---|", *starting(), "")
    _write("## `descend watch`: loop time, watched over unwatched (reach: at most 1.03)", "")
    _write("| step | ratio | same losses |", "|---|---|---|", *overhead(), "")
    _write("## `descend doctor`, over the script's own run with its start-up (reach: 1.5 and 12)", "")
    _write("| script | bare run | diagnosis | verdict |", "|---|---|---|---|", *consultation(), "")


def _write(*lines: str) -> None:
    text = "\n".join(lines) + "\n"
    print(text, end="", flush=True)
    with RESULTS.open("a", encoding="utf-8") as results:
        results.write(text)


main()
