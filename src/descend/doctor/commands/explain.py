"""`descend explain`: explain one problem, or list all of them."""

from typing import Annotated

import typer

from descend.doctor.commands.completion import complete_problem_id


def explain(
    symptom: Annotated[
        str | None,
        typer.Argument(
            metavar="ID",
            help="The id of a problem, such as dead_units. A finding shows its id in brackets. "
            "Without an id, all problems are listed.",
            autocompletion=complete_problem_id,
        ),
    ] = None,
) -> None:
    """Explain a problem: what it is, how it is detected, which remedies are tried and why, with example code."""
    from descend.doctor.catalog.diagnosis import check_ids
    from descend.doctor.commands import explanation

    if symptom is None:
        typer.echo(explanation.problem_list())
        return
    check_ids([symptom])
    typer.echo(explanation.explanation(symptom))
