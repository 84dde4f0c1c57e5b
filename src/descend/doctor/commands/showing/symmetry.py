"""`descend show symmetry train.py`: what the hidden units of a script's network hide in its cost."""

from pathlib import Path
from typing import Annotated

import typer

from descend.doctor.commands.options import Arguments, AsModule, Format, Python, Target
from descend.doctor.commands.showing.of_script import At, Shown, Steps, plan_for, show
from descend.ground.errors import UsageError

QUESTIONS = ("permutation", "sharpness", "generalisation", "labels", "convexity", "minima")


def symmetry(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    script: Target,
    arguments: Arguments = None,
    as_module: AsModule = False,
    at: At = "last",
    steps: Steps = None,
    only: Annotated[
        str, typer.Option("--only", metavar="QUESTIONS", help=f"Of {', '.join(QUESTIONS)}; several with commas.")
    ] = ",".join(QUESTIONS),
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("symmetry.html"),
    format: Format = "text",
    python: Python = None,
) -> None:
    """Run SCRIPT in a scratch copy and show what its hidden units hide in its cost.

    Units in other orders and at their mean; a minimum made sharp without changing the function, and which measures of
    sharpness survive; a sharper minimum beside a wider one on held-out examples; random labels learned by heart; what
    is convex; a bad minimum; what has no gradient.
    """
    from descend.doctor.report.symmetry_picture import FACTS, symmetry_pictures
    from descend.doctor.script.script import opened

    asked = [question.strip() for question in only.split(",")]
    if unknown := [question for question in asked if question not in QUESTIONS]:
        raise UsageError(f"--only must be of {', '.join(QUESTIONS)}, not {unknown[0]!r}")
    plan = plan_for("symmetry", at, steps, questions=[question for question in QUESTIONS if question in asked])
    with opened(script, tuple(arguments or ()), as_module=as_module, python=python) as target:
        show(context, target, plan, Shown("Symmetry", FACTS, symmetry_pictures), out, as_json=format == "json")
