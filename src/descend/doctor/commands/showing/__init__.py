"""`descend show …`: a picture of one part before it is used."""

import typer

from descend.doctor.commands.options import PASS_ON
from descend.doctor.commands.showing.activations import activations
from descend.doctor.commands.showing.curvature import curvature
from descend.doctor.commands.showing.gradients import gradients
from descend.doctor.commands.showing.schedule import schedule
from descend.doctor.commands.showing.surface import surface
from descend.doctor.commands.showing.symmetry import symmetry
from descend.doctor.commands.showing.trajectories import trajectories

app = typer.Typer(help="Draw schedules, trajectories, curvature, loss surfaces, symmetries and gradient noise.")
app.command()(schedule)
app.command()(activations)
app.command()(trajectories)
app.command(context_settings=PASS_ON)(curvature)
app.command(context_settings=PASS_ON)(surface)
app.command(context_settings=PASS_ON)(gradients)
app.command(context_settings=PASS_ON)(symmetry)

__all__ = ["app"]
