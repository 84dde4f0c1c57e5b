"""The row that stands before each initialisation of the whole network: the script's own, mended where it stands."""

from descend.doctor.canon.entry import Row
from descend.doctor.canon.phrases import INIT, VARIANCE
from descend.doctor.doses import following_activation

IN_PLACE = Row(
    "initialise_in_place",
    following_activation,
    "initialise for {activation} where the weights are drawn",
    VARIANCE,
    INIT,
    cost=1,
    redraws=True,
)
