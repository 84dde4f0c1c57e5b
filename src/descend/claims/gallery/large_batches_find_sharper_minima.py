"""Large batches converge to sharper minima."""

from torch.func import functional_call

from descend.claims.claim import Claim, below
from descend.claims.experiments.equal_loss import AtEqualLoss
from descend.claims.training import Run
from descend.landscape.loss import Loss
from descend.landscape.sharpness import filter_normalised_rise

RADIUS = 0.5  # share of each unit's weights


def sharpness(run: Run) -> float:
    """Return the rise of the training loss after random steps of half the length of each unit's weights."""
    run.model.eval()
    names = [name for name, _ in run.model.named_parameters()]

    def loss(theta):  # type: ignore[no-untyped-def]
        outputs = functional_call(run.model, dict(zip(names, theta)), (run.data.x,))
        return run.task.loss(outputs, run.data.y)

    return max(1e-9, filter_normalised_rise(Loss((loss,)), list(run.model.parameters()), RADIUS))


CLAIM = Claim(
    sentence="Large batches converge to sharper minima than small ones.",
    source="Cheng, COMP5211 lecture 4, Sharp vs wide local minimum; Keskar et al. 2017, §2; Ruder 2017, Understanding "
    "generalization in Deep Learning",
    refuted_by="a sharpness with small batches that is not at least 5 % lower, at the same training loss",
    figure="filter-normalised sharpness with batches of 32 / with all examples, at one training loss",
    expected=below(1.0),
    experiment=AtEqualLoss(sharpness),
    conditions=("digits", "table", "images"),
)
