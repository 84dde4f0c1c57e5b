"""`descend lab layers train.py`: the norms of each layer's weights and gradient at points of a script's run."""

from pathlib import Path
from typing import Annotated

import typer

from descend.doctor.commands.options import Arguments, AsModule, Format, Python, Target
from descend.lab.script_page import At, Evaluation, PageContent, Steps, plan_for, write_script_page


def layers(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    script: Target,
    arguments: Arguments = None,
    as_module: AsModule = False,
    at: At = "first,last",
    steps: Steps = None,
    evaluation: Evaluation = False,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("layers.html"),
    format: Format = "text",
    python: Python = None,
) -> None:
    """Run SCRIPT in a scratch copy and compare the norms of each layer's weights and gradient.

    With one learning rate for all layers, a layer with a small ratio of weights to gradient moves far, and one with a
    large ratio moves little (You et al. 2017). Also shows how many examples a batch could have in the free memory.
    """
    from descend.doctor.script.script import open_script
    from descend.lab.pages.layer_figures import FACTS, layer_figures, layer_remarks

    plan = plan_for("norms", at, steps, evaluation=evaluation)
    with open_script(script, tuple(arguments or ()), as_module=as_module, python=python) as target:
        content = PageContent("Layers", FACTS, layer_figures, remarks=layer_remarks)
        write_script_page(context, target, plan, content, out, as_json=format == "json")
