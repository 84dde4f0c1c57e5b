"""`descend show …`: a picture of one part before it is used."""

import typer

from descend.showing.activations import activations
from descend.showing.schedule import schedule

app = typer.Typer(help="Draw a part of training before it is used.")
app.command()(schedule)
app.command()(activations)

__all__ = ["app"]
