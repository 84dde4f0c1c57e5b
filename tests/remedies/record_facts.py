"""Facts about the inputs, loss and targets of a run, as the remedies read them from its record."""

from descend.doctor.record import facts

INPUTS = facts.Inputs(
    features=3,
    examples=40,
    constant_features=0,
    mean=(0.0,) * 3,
    std=(1.0,) * 3,
    min=-3.0,
    max=3.0,
    largest_rms=1.0,
    finite=True,
    shape=(8, 3),
    first_layer="linear",
)
LOSS = facts.LossInput(
    function="mse_loss",
    task="real",
    shape=(64, 1),
    target_shape=(64, 1),
    dtype="float32",
    min=-3.0,
    max=3.0,
    classes=1,
    spread=1.0,
    reduction="mean",
    by_hand=False,
    activation=None,
)
TARGETS = facts.Targets(
    "float32", 256, min=260.0, max=740.0, mean=500.0, std=80.0, median=500.0, constant_cost=6400.0, largest_rms=506.0
)
