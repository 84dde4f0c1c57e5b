"""`descend layout train.py`: predict the time and the memory of a step on several processes, for each layout."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from descend.core.errors import UsageError
from descend.doctor.commands.options import Arguments, AsModule, Format, Python, Target, number
from descend.lab.script_page import PageContent, plan_for, write_script_page

if TYPE_CHECKING:
    from descend.doctor.record import Record
    from descend.doctor.report.figure import Figure
    from descend.doctor.script.script import Script
    from descend.lab.pages.table import Table
    from descend.parallel.cost import Link

SCALES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "u": 1e-6, "µ": 1e-6, "m": 1e-3}
MEASURED_STEP = 3  # number of the measured step; in earlier steps, the optimizer creates its state
MEASURING_S = 120.0


def layout(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    script: Target,
    arguments: Arguments = None,
    as_module: AsModule = False,
    world: Annotated[int, number("--world", 2, 1000, help="The number of processes.")] = 4,
    bandwidth: Annotated[
        str | None,
        typer.Option(
            metavar="RATE",
            help="Bandwidth of the link between processes, such as 200Mbit or 10Gbit. Default: measured here.",
        ),
    ] = None,
    latency: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Latency of the link between processes, such as 1ms or 50us. Default: measured here."
        ),
    ] = None,
    machine: Annotated[
        int | None,
        number("--machine", 1, 1000, help="The number of processes on one machine, if there are several machines."),
    ] = None,
    inner_bandwidth: Annotated[
        str | None,
        typer.Option(metavar="RATE", help="With --machine: bandwidth within a machine. Default: measured here."),
    ] = None,
    inner_latency: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="With --machine: latency within a machine. Default: measured here."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("layout.html"),
    format: Format = "text",
    python: Python = None,
) -> None:
    """Run a few steps of SCRIPT and predict its step time on several processes, for each parallel layout.

    The layouts are data parallelism, tensor parallelism, pipeline parallelism and their combinations. For each
    layout, the time of a step, the share of it spent waiting for the link, and the memory are shown.
    descend.parallel.Layout applies a layout. With --machine, --bandwidth and --latency are those between machines.
    """
    from descend.doctor.record import facts
    from descend.doctor.sandbox.world import is_in_group
    from descend.doctor.script.script import open_script
    from descend.lab.pages.layout_figures import FACTS, layout_figures, layout_remarks
    from descend.parallel.cost import Machines

    if is_in_group(os.environ):
        raise UsageError("descend layout runs SCRIPT as one process: start it without torchrun")
    if machine is None and (inner_bandwidth or inner_latency):
        raise UsageError("--inner-bandwidth and --inner-latency need --machine, the number of processes on a machine")
    if machine is not None and not (bandwidth and latency):
        raise UsageError("--machine needs --bandwidth and --latency, which cannot be measured between machines here")
    outer = _given_link(bandwidth, latency)
    inner = _given_link(inner_bandwidth, inner_latency)
    plan = plan_for("layers", str(MEASURED_STEP), None, evaluation=False)
    with open_script(script, tuple(arguments or ()), as_module=as_module, python=python) as it:

        def make_figures(record: "Record") -> "list[Figure | Table]":
            """Return the figures and tables that show the measurements in a record."""
            if record.fact(facts.StepCost, f"step {MEASURED_STEP}") is None:
                return []
            between = _link_between_processes(it, *outer)
            within = between if machine is None else _link_between_processes(it, *inner)
            links = between if machine is None else Machines(within, between, machine)
            return layout_figures(record, world, links, (bandwidth, latency))

        write_script_page(
            context,
            it,
            plan,
            PageContent("Layout", FACTS, make_figures, remarks=layout_remarks),
            out,
            as_json=format == "json",
        )


def _given_link(bandwidth: str | None, latency: str | None) -> tuple[float | None, float | None]:
    """Return the bandwidth in bytes per second and the latency in seconds that options give; None without an option."""
    rate = None if bandwidth is None else read_quantity(bandwidth, "bit") / 8
    return rate, None if latency is None else read_quantity(latency, "s")


def read_quantity(text: str, unit: str) -> float:
    """Convert a text such as `10Gbit` to bits per second, or `50us` to seconds. Raise `UsageError` for other texts."""
    found = re.fullmatch(rf"(\d+(?:\.\d*)?)\s*([kMGumµ]?){unit}(?:/s|ps)?", text.strip())
    if found is None or not float(found[1]):
        example = "200Mbit or 10Gbit" if unit == "bit" else "1ms or 50us"
        raise UsageError(f"{text!r} is not a quantity such as {example}")
    return float(found[1]) * SCALES[found[2]]


def _link_between_processes(script: "Script", bandwidth: float | None, latency: float | None) -> "Link":
    """Return the link between processes: `bandwidth` and `latency`, measured on this machine where they are None."""
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
