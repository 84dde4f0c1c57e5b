"""Overfitting: the loss on held-out data rises while the training loss falls.

A network with enough parameters can fit even random labels (Zhang et al. 2017). So a low training loss does not show
what the loss on new data is. The gap between the two grows with the capacity and shrinks with the number of examples.
Early stopping, weight decay, dropout and more data reduce it.
"""

from descend.core.bound import Bound, Count
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedy_arguments.layers import dropout_after_hidden_layers, moved_images, noisy_inputs
from descend.doctor.remedy_arguments.optimizer_settings import strong_weight_decay
from descend.doctor.remedy_arguments.training_loop import passes_until_least_loss
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Prechelt 1998, §2: the generalisation loss is the rise above the lowest validation error so far"
RISEN = Bound(
    1.3,
    "multiple of the lowest held-out loss",
    "chosen: docs/bounds.md gives the range of values that lead to the same diagnoses",
)
SINCE = Bound(
    0.6,
    "position of the lowest held-out loss among all evaluations, as a share of their number",
    "chosen: after a later minimum, too few evaluations follow to distinguish a rise from chance",
)
LAST = Count(
    3,
    "last evaluations whose mean is compared with the lowest held-out loss",
    "chosen: a single evaluation is too noisy, and the mean of more evaluations would include earlier, lower losses",
)
EVALUATIONS = Count(5, "evaluations", "chosen: with fewer held-out losses, the lowest one may be due to chance")

PROBLEM = Problem(
    id="overfitting",
    kind="dynamics",
    title="the model memorises its training data",
    remedies=(
        RemedyEntry(
            "training_length",
            passes_until_least_loss,
            "stop after {steps} of {of} steps",
            "the held-out loss is smallest before the network memorises the training examples",
            "Prechelt 1998, Early stopping – but when?",
            cost=1,
            judged_on="held_out",
        ),
        RemedyEntry(
            "optimizer_argument",
            strong_weight_decay,
            "weight decay {old:g} → {value:g}",
            "smaller weights give a smoother function of the inputs",
            "Krogh & Hertz 1992",
            cost=1,
            judged_on="held_out",
            neutral=True,
        ),
        RemedyEntry(
            "insert_dropout",
            dropout_after_hidden_layers,
            "add dropout of {p:g} after the hidden layers",
            "no unit can rely on the presence of others, as in an average of many networks",
            "Srivastava et al. 2014; Optimization for Training Deep Models 2018, Dropout",
            cost=3,
            judged_on="held_out",
            neutral=True,
        ),
        RemedyEntry(
            "augment_inputs",
            noisy_inputs,
            "add Gaussian noise to the training inputs",
            "the network never sees the same example twice",
            "Bishop 1995b; Optimization for Training Deep Models 2018, Data augmentation",
            cost=3,
            judged_on="held_out",
            neutral=True,
        ),
        RemedyEntry(
            "augment_inputs",
            moved_images,
            "shift and rotate the training images at random",
            "the network never sees the same example twice",
            "LeCun et al. 1998b, §III.C; Optimization for Training Deep Models 2018, Data augmentation",
            cost=3,
            judged_on="held_out",
            neutral=True,
        ),
    ),
    advice="More data, augmentation, weight decay and dropout help, often more than early stopping.",
    example=CodeExample(
        faulty=(
            "for epoch in range(epochs):\n"
            "    train(model)\n"
            "    validation_loss = evaluate(model)  # lowest in epoch 10 of 100"
        ),
        fixed=(
            'lowest = float("inf")\n'
            "for epoch in range(epochs):\n"
            "    train(model)\n"
            "    validation_loss = evaluate(model)\n"
            "    if validation_loss < lowest:\n"
            "        lowest = validation_loss\n"
            '        torch.save(model.state_dict(), "best.pt")'
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a held-out loss that ends far above its earlier minimum, although the training loss still falls."""
    curve = record.held_out()
    if len(curve) < EVALUATIONS or not curve.min > 0:
        return None
    at = curve.values.index(curve.min)
    if curve.steps[at] in record.series("saved_weights").steps:
        return None  # The script keeps the weights with the lowest held-out loss.
    last = sum(curve.values[-LAST:]) / LAST
    training = record.series("loss", "0").finite()
    fell = training.last < training.at(curve.steps[at])
    if at > SINCE * len(curve) or last < RISEN * curve.min or not fell:
        return None
    return Detection(
        certain=False,
        likely=True,
        sentence=f"the held-out loss rises from {curve.min:.3g} at step {curve.steps[at]} to {last:.3g} (limit: "
        f"{RISEN:g} times its minimum), while the training loss falls: the network memorises its training data",
        quantity="held-out loss / lowest held-out loss",
        value=last / curve.min,
        bound=RISEN,
        source=SOURCE,
        where=record.site(SiteKind.MODEL),
        evidence=(("evaluation_loss", record.held_out_place()), ("loss", "0")),
    )
