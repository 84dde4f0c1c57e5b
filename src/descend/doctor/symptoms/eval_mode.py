"""Evaluation mode left on: dropout and batch normalisation are switched off during training.

In evaluation mode, dropout is the identity, and batch normalisation computes (x − running mean)/√(running variance +
ε). The running values are not updated in this mode. So they keep their initial values 0 and 1, and the layer does not
normalise.
"""

from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.layers import optimizer_if_only_dropout_is_off, optimizer_if_others_are_off
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = (
    "torch.nn.Module.eval: switches dropout off and makes normalisation use running statistics, until train() is called"
)

PROBLEM = Problem(
    id="eval_mode",
    kind="wiring",
    title="the model is trained in evaluation mode",
    consequences=frozenset(
        {"bad_initialisation", "exploding_gradients", "instability", "slow_progress", "overfitting"}
    ),
    remedies=(
        RemedyEntry(
            "train_mode",
            optimizer_if_others_are_off,
            "call train() before training",
            "dropout and batch statistics are only active in training mode",
            "torch.nn.Module.train",
        ),
        RemedyEntry(
            "train_mode",
            optimizer_if_only_dropout_is_off,
            "call train() before training, so that dropout is active",
            "with dropout, units memorise less",
            "Srivastava et al. 2014",
            judged_on="held_out",
        ),
    ),
    flatters=True,
    example=CodeExample(
        faulty="for epoch in range(epochs):\n    train(model)\n    model.eval()\n    evaluate(model)",
        fixed=(
            "for epoch in range(epochs):\n    model.train()\n    train(model)\n    model.eval()\n    evaluate(model)"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report modules that are trained in evaluation mode, either after an eval() call or throughout the training."""
    seen = record.history(facts.Modes)
    later = [modes for modes in seen if modes.step > 0]
    if not later or not later[-1].fact.evaluation:
        return None
    last, names, unfit = later[-1], later[-1].fact.evaluation, later[-1].fact.unfit
    if unfit:
        sentence = (
            f"{unfit[0]} normalises with running statistics that were never updated: the model is in evaluation mode "
            "throughout training"
        )
        return _symptom(record, sentence, len(names))
    since = next((modes.step for modes in seen if modes.fact.evaluation), last.step)
    if seen[0].fact.evaluation or any(not modes.fact.evaluation for modes in later if modes.step > since):
        return None
    sentence = (
        f"{', '.join(names[:3])} {'is' if len(names) == 1 else 'are'} in evaluation mode during training since step "
        f"{since} or earlier: eval() was called, but train() was not called afterwards"
    )
    return _symptom(record, sentence, len(names))


def _symptom(record: Record, sentence: str, count: int) -> Detection:
    """Return the symptom of a model that is trained with `count` modules in evaluation mode."""
    return Detection(
        certain=True,
        sentence=sentence,
        quantity="modules in evaluation mode",
        value=float(count),
        bound=0.0,
        source=SOURCE,
        where=record.site(SiteKind.MODEL_CALL, "0") or record.site(SiteKind.MODEL_CALL),
        evidence=(("loss", "0"), ("evaluation_loss", record.held_out_place())),
    )
