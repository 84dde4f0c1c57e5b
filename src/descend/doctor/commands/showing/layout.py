"""`descend layout train.py`: what a script's step would cost on several processes, split one way or another."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from descend.doctor.commands.options import Arguments, AsModule, Format, Python, Target, number
from descend.doctor.commands.showing.of_script import Shown, plan_for, show
from descend.ground.errors import UsageError

if TYPE_CHECKING:
    from descend.doctor.record import Record
    from descend.doctor.report.figure import Figure
    from descend.doctor.report.table import Table
    from descend.doctor.script.script import Script
    from descend.parallel.cost import Link

SCALES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "u": 1e-6, "µ": 1e-6, "m": 1e-3}
AT = 3  # the step that is looked at: the optimizer has its state, and whatever is made once has been made
MEASURING_S = 120.0


def layout(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    script: Target,
    arguments: Arguments = None,
    as_module: AsModule = False,
    world: Annotated[int, number("--world", 2, 1000, help="So many processes.")] = 4,
    bandwidth: Annotated[
        str | None,
        typer.Option(metavar="RATE", help="Of the link between them, as in 200Mbit or 10Gbit. Default: measured here."),
    ] = None,
    latency: Annotated[
        str | None, typer.Option(metavar="TIME", help="Of that link, as in 1ms or 50us. Default: measured here.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("layout.html"),
    format: Format = "text",
    python: Python = None,
) -> None:
    """Run a few steps of SCRIPT and predict its step time on several processes, for each layout.

    Data parallel, layers split by their outputs, stages of a pipeline, and both together: seconds, the part of them
    that is spent waiting for the link, and memory. descend.parallel.Layout spreads a script so.
    """
    from descend.doctor.record import facts
    from descend.doctor.report.layout_picture import FACTS, layout_pictures, layout_remarks
    from descend.doctor.script.script import opened

    rate = None if bandwidth is None else quantity(bandwidth, "bit") / 8
    delay = None if latency is None else quantity(latency, "s")
    plan = plan_for("layers", str(AT), None, evaluation=False)
    with opened(script, tuple(arguments or ()), as_module=as_module, python=python) as it:

        def pictures(record: "Record") -> "list[Figure | Table]":
            if record.fact(facts.StepCost, f"step {AT}") is None:
                return []
            return layout_pictures(record, world, _link(it, rate, delay), (bandwidth, latency))

        show(context, it, plan, Shown("Layout", FACTS, pictures, remarks=layout_remarks), out, as_json=format == "json")


def quantity(text: str, unit: str) -> float:
    """Return a number with its unit in bits a second, or in seconds. Raises `UsageError`."""
    found = re.fullmatch(rf"(\d+(?:\.\d*)?)\s*([kMGumµ]?){unit}(?:/s|ps)?", text.strip())
    if found is None or not float(found[1]):
        example = "200Mbit or 10Gbit" if unit == "bit" else "1ms or 50us"
        raise UsageError(f"{text!r} is not as in {example}")
    return float(found[1]) * SCALES[found[2]]


def _link(script: "Script", bandwidth: float | None, latency: float | None) -> "Link":
    """Return the link that is given; what is not given of it is measured between two processes here."""
    import json
    import subprocess

    from descend.parallel.cost import Link

    if bandwidth is not None and latency is not None:
        return Link(bandwidth, latency)
    command = [script.python, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    try:
        ended = subprocess.run(
            [*command, "-m", "descend.parallel.link"], capture_output=True, text=True, timeout=MEASURING_S
        )
        found = Link(**json.loads(ended.stdout.splitlines()[-1]))
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        raise UsageError(
            "the link between two processes here cannot be measured: give --bandwidth and --latency"
        ) from None
    return Link(bandwidth or found.bandwidth, latency or found.latency)
