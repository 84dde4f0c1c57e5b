"""Options that `descend prove` and `descend compare` share."""

from typing import Annotated, Literal

import typer

from descend.doctor.commands.options import (
    BUDGET_METAVAR,
    MOST_PROCESSES,
    MOST_STEPS,
    RARELY_USED,
    number,
    read_budget,
)

ComparisonFormat = Literal["text", "json", "markdown", "agent", "github"]

Metric = Annotated[
    str | None,
    typer.Option(
        "--metric",
        metavar="NAME",
        help="Compare the logged metric with this name. Default: the most informative metric that the script logs.",
    ),
]
Margin = Annotated[
    float,
    number(
        "--margin",
        0.1,
        1000,
        kind=float,
        metavar="PERCENT",
        help="Costs that differ by less than this percentage count as equivalent.",
    ),
]
RunSteps = Annotated[
    int | None,
    number("--steps", 1, MOST_STEPS, help="End each run after this many optimizer steps. Default: run to the end."),
]
TotalBudget = Annotated[
    float | None,
    typer.Option(
        "--budget",
        parser=read_budget,
        metavar=BUDGET_METAVAR,
        help="Take at most this long in total, such as 90s, 10m or 1h. Default: no limit.",
    ),
]
ComparedSeeds = Annotated[
    int, number("--seeds", 2, 1000, help="Compare on this many seeds, and on as many more if that does not decide.")
]
Jobs = Annotated[
    int | None,
    number(
        "--jobs",
        1,
        MOST_PROCESSES,
        help="Make this many runs in parallel. Default: one per core.",
        panel=RARELY_USED,
    ),
]
ResultFormat = Annotated[
    ComparisonFormat | None,
    typer.Option(
        "--format",
        help="The format of standard output. Default: text, or agent if a coding assistant runs descend.",
    ),
]
