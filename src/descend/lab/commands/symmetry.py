"""`descend lab symmetry train.py`: symmetries of a script's network, and their effect on its loss surface."""

from pathlib import Path
from typing import Annotated

import typer

from descend.core.errors import UsageError
from descend.doctor.commands.options import Arguments, AsModule, Format, Python, Target
from descend.lab.script_page import At, PageContent, Steps, plan_for, write_script_page

QUESTIONS = ("permutation", "sharpness", "generalisation", "labels", "convexity", "minima")


def symmetry(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    script: Target,
    arguments: Arguments = None,
    as_module: AsModule = False,
    at: At = "last",
    steps: Steps = None,
    only: Annotated[
        str,
        typer.Option(
            "--only",
            metavar="QUESTIONS",
            help=f"What to measure: one or more of {', '.join(QUESTIONS)}, separated by commas.",
        ),
    ] = ",".join(QUESTIONS),
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("symmetry.html"),
    format: Format = "text",
    python: Python = None,
) -> None:
    """Run SCRIPT in a scratch copy and show the symmetries of its hidden units and their effect on the loss surface.

    Shows permuted units and their mean; a minimum made sharp without changing the function, and the measures of
    sharpness before and after; a sharp and a wide minimum on held-out examples; memorised random labels; convexity; a
    bad local minimum; and plateaus without gradient.
    """
    from descend.doctor.script.script import open_script
    from descend.lab.pages.symmetry_figures import FACTS, symmetry_figures

    asked = [question.strip() for question in only.split(",")]
    if unknown := [question for question in asked if question not in QUESTIONS]:
        raise UsageError(f"--only must be one of {', '.join(QUESTIONS)}, not {unknown[0]!r}")
    plan = plan_for("symmetry", at, steps, questions=[question for question in QUESTIONS if question in asked])
    with open_script(script, tuple(arguments or ()), as_module=as_module, python=python) as target:
        write_script_page(
            context, target, plan, PageContent("Symmetry", FACTS, symmetry_figures), out, as_json=format == "json"
        )
