"""The families of mistakes, and those that are none."""

from mutations.families import benign, gradients, inputs, labels, losses, modes, networks, shapes, steps

FAMILIES = {
    "losses": losses.OPERATORS,
    "labels": labels.OPERATORS,
    "inputs": inputs.OPERATORS,
    "gradients": gradients.OPERATORS,
    "steps": steps.OPERATORS,
    "networks": networks.OPERATORS,
    "shapes": shapes.OPERATORS,
    "modes": modes.OPERATORS,
}
BENIGN = {"benign": benign.OPERATORS}
