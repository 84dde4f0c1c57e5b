"""Snapshots of one training beat one model."""

from torch.optim import SGD

from descend.averaging import SnapshotEnsemble
from descend.claims.claim import Claim, Measured, Scale, Settings, below
from descend.claims.experiments.pairs import tuned
from descend.claims.tasks import TASKS, Task
from descend.claims.training import Recipe, Run, held_out_loss, of, trained, training
from descend.claims.tuning import tune
from descend.schedules import Cosine, WarmRestarts

MEMBERS = 5
MOMENTUM = of(SGD, momentum=0.9)
ONE = Recipe(optimizer=MOMENTUM, start=0.03, schedule=lambda steps: Cosine(steps))
SEVERAL = Recipe(optimizer=MOMENTUM, start=0.03, schedule=lambda steps: WarmRestarts(steps // MEMBERS))


class Snapshots:
    """The held-out loss of the mean prediction of five snapshots, and of one model after as many steps."""

    scale = Scale.RATIO

    def prepare(self, condition: str) -> Settings:
        """Return the tuned learning rates."""
        task = TASKS[condition]
        several = tune(lambda lr, seed: _ensemble_loss(task, lr, seed), SEVERAL.start)
        return {"first": several, "second": tuned(task, ONE, held_out_loss)}

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return both losses."""
        task = TASKS[condition]
        one = held_out_loss(trained(task, ONE, settings["second"].lr, seed))
        return _ensemble_loss(task, settings["first"].lr, seed), one


def _ensemble_loss(task: Task, lr: float, seed: int) -> float:
    """Return the held-out loss of an ensemble of snapshots."""
    ensemble: SnapshotEnsemble | None = None
    for run in training(task, SEVERAL, lr, seed):
        if ensemble is None:
            ensemble = SnapshotEnsemble(run.model, WarmRestarts(run.total // MEMBERS), members=MEMBERS)
        ensemble.step()
    assert ensemble is not None
    run.model.eval()
    return _loss_of_probabilities(run, ensemble)


def _loss_of_probabilities(run: Run, ensemble: SnapshotEnsemble) -> float:
    """Return the negative log-likelihood of the held-out targets under the ensemble's mean probabilities."""
    probabilities = ensemble(run.data.x_out).gather(1, run.data.y_out.unsqueeze(1))
    loss = float(-probabilities.clamp_min(1e-30).log().mean())
    return loss if loss == loss else 100.0


CLAIM = Claim(
    sentence="An ensemble of snapshots from one training with warm restarts beats one model that was trained for as "
    "many steps.",
    source="Ruder 2017, Snapshot ensembles; Huang et al. 2017",
    refuted_by="a held-out loss of the ensemble that is not at least 5 % lower",
    figure="held-out loss of five snapshots / of one model",
    expected=below(1.0),
    experiment=Snapshots(),
    conditions=("digits", "text", "images"),
)
