"""The subcommands of `descend lab`, each of which writes one HTML page."""

import typer

from descend.doctor.commands.command_group import CommandGroup
from descend.doctor.commands.options import PASS_ON
from descend.lab.commands.activations import activations
from descend.lab.commands.critical_points import critical_points
from descend.lab.commands.curvature import curvature
from descend.lab.commands.gradients import gradients
from descend.lab.commands.jacobians import jacobians
from descend.lab.commands.layers import layers
from descend.lab.commands.linear import linear
from descend.lab.commands.schedule import schedule
from descend.lab.commands.surface import surface
from descend.lab.commands.symmetry import symmetry
from descend.lab.commands.trajectories import trajectories

HELP = (
    "Draw learning-rate schedules, optimizer trajectories, activations, gradients by depth, curvature, loss surfaces, "
    "symmetries, gradient noise and the norms of layers. `descend show` is the same command."
)
app = typer.Typer(help=HELP, cls=CommandGroup)
app.command()(schedule)
app.command()(activations)
app.command()(trajectories)
app.command()(linear)
app.command()(jacobians)
app.command()(critical_points)
app.command(context_settings=PASS_ON)(curvature)
app.command(context_settings=PASS_ON)(surface)
app.command(context_settings=PASS_ON)(gradients)
app.command(context_settings=PASS_ON)(layers)
app.command(context_settings=PASS_ON)(symmetry)

__all__ = ["app"]
