"""Frozen or detached: no gradient reaches some parameters, so they keep their random initial values.

A step is w ← w − lr·∂L/∂w. If `requires_grad` is off, or if `detach()`, `.data`, `.item()` or `no_grad` cuts the graph
between w and the loss, ∂L/∂w is never computed. Then w keeps its initial values, and the rest of the network must use
random features.
"""

from descend.doctor.assess.first_steps import first_steps_without_gradients
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import EARLY, FRESH, Detection, FatalDetection, optimizer_name
from descend.doctor.record import Record, Site, SiteKind, facts
from descend.doctor.remedy_arguments.layers import reentrant_checkpoint
from descend.doctor.remedy_arguments.losses import optimizer_if_derivatives_are_cut, optimizer_if_graph_is_cut
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

CHECKPOINT = "torch.utils.checkpoint.checkpoint: with use_reentrant=True, at least one input must require a gradient"
SOURCE = "torch.Tensor.detach and requires_grad: parameters that are cut off from the graph are not trained"

PROBLEM = Problem(
    id="frozen_or_detached",
    kind="wiring",
    title="part of the model is frozen or detached",
    consequences=frozenset({"inputs_not_normalised"}),
    remedies=(
        RemedyEntry(
            "attach",
            optimizer_if_graph_is_cut,
            "remove the detach",
            "the gradient then passes back through the graph",
            "torch.Tensor.detach",
            leaves_loss=True,
        ),
        RemedyEntry(
            "create_graph",
            optimizer_if_derivatives_are_cut,
            "set create_graph=True in the call that takes the derivative",
            "the derivative can then be differentiated again",
            "torch.autograd.grad",
            judged_on="training",
        ),
        RemedyEntry(
            "call_argument",
            reentrant_checkpoint,
            phrases.SET_ARGUMENT,
            "the checkpoint then passes gradients to its parameters",
            CHECKPOINT,
            cost=1,
        ),
        RemedyEntry(
            "unfreeze",
            optimizer_if_graph_is_cut,
            "unfreeze the parameters",
            "frozen random weights learn nothing",
            "torch.Tensor.requires_grad_",
            leaves_loss=True,
        ),
    ),
    example=CodeExample(
        faulty="code = encoder(inputs).detach()\nloss = F.mse_loss(decoder(code), inputs)",
        fixed="code = encoder(inputs)\nloss = F.mse_loss(decoder(code), inputs)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report parameters with random initial values that receive no gradient, because they are detached or frozen."""
    return (
        _report_checkpoint(record)
        or _report_optimizer_without_gradients(record)
        or _report_constant_derivatives(record)
        or _report_detached_parameters(record)
        or _report_parameters_without_gradient(record)
        or _report_frozen_parameters(record, summary)
    )


def _report_checkpoint(record: Record) -> Detection | None:
    """Report an activation checkpoint that passes no gradient to its parameters."""
    found = record.fact(facts.CheckpointWithoutGradient)
    if found is None:
        return None
    inside = f"{found.parameters} parameters" if found.parameters else "the parameters"
    sentence = (
        "the checkpoint with use_reentrant=True receives no input that needs a gradient, so "
        f"{inside} inside it receive no gradient and are not trained"
    )
    number = ("inputs with a gradient", 0.0)
    return _symptom(sentence, number, record.site(SiteKind.CHECKPOINT, "0"))


def _report_optimizer_without_gradients(record: Record) -> Detection | None:
    """Report an optimizer if none of its parameters receives a gradient in the first steps."""
    for key in record.every(facts.Wiring):
        seen = first_steps_without_gradients(record, key)
        is_fed = any(wiring.is_fed for wiring in seen)
        if len(seen) < EARLY or any(wiring.unheld_count for wiring in seen) or not is_fed:
            continue
        sentence = (
            f"none of the {seen[-1].held} parameters of {optimizer_name(record, key)} receives a gradient in the first "
            f"{len(seen)} steps: the autograd graph from the loss does not reach them"
        )
        where = (
            record.site(SiteKind.BACKWARD)
            if len(record.every(facts.Optimizer)) == 1
            else record.site(SiteKind.OPTIMIZER, key)
        )
        return _symptom(sentence, ("parameters with a gradient", 0.0), record.site(SiteKind.DETACH) or where, key)
    return None


def _report_constant_derivatives(record: Record) -> Detection | None:
    """Report derivatives in the loss that act as constants, because they were computed without create_graph=True."""
    term = record.fact(facts.ConstantTerm)
    if term is None:
        return None
    # If other terms of the loss depend on the parameters, this may be intended, so a trial has to decide.
    is_whole = term.is_whole
    what = "a loss term uses" if is_whole else "the loss uses some"
    sentence = (
        f"{what} derivatives from torch.autograd.grad without create_graph=True. They depend on the parameters, but "
        "pass no gradient back to these parameters, so they act as constants"
    )
    return _symptom(sentence, ("terms without a gradient", 1.0), record.site(SiteKind.DERIVATIVE), certain=is_whole)


def _report_detached_parameters(record: Record) -> Detection | None:
    """Report parameters that receive no gradient because their output is detached from the graph before the loss."""
    found = record.fact(facts.Connections)
    if found is None or not found.cut_count or len(record.every(facts.Optimizer)) > 1 or found.cut_share_fresh < FRESH:
        return None
    share = found.cut_numel / max(1, found.used)
    sentence = (
        f"{found.cut_count} parameters that the loss depends on ({', '.join(found.cut[:3])}) receive no gradient: "
        f"their output is detached from the autograd graph. {share:.0%} of the network keeps its random initial values"
    )
    where = record.site(SiteKind.DETACH) or record.site(SiteKind.BACKWARD)
    # Layers that run under no_grad() may be a teacher or a random projection, so in that case a trial has to decide.
    return _symptom(
        sentence, ("share of parameters without a gradient", share), where, certain=not found.cut_on_purpose
    )


def _report_parameters_without_gradient(record: Record) -> Detection | None:
    """Report parameters that are used but receive no gradient, because a NumPy array or a number cuts the graph."""
    if len(record.every(facts.Optimizer)) > 1:
        return None
    seen = [set(wiring.fact.unreached) for wiring in record.history(facts.Wiring, "0")]
    names = sorted(set.intersection(*seen)) if len(seen) >= EARLY else []
    if not names:
        return None
    sentence = (
        f"{', '.join(names[:3])} {'is' if len(names) == 1 else 'are'} used and held by the optimizer, but received no "
        f"gradient in the first {len(seen)} steps: their output is detached from the autograd graph before the loss, "
        "or the loss does not use it"
    )
    where = record.site(SiteKind.DETACH) or record.site(SiteKind.MODEL)
    return _symptom(sentence, ("parameters in use without a gradient", float(len(names))), where)


def _report_frozen_parameters(record: Record, summary: RunSummary) -> Detection | None:
    """Report parameters that are frozen (`requires_grad=False`) at their random initial values."""
    found = record.fact(facts.Connections)
    if (
        found is None
        or not found.frozen_count
        or found.frozen_share_fresh < FRESH
        or not summary.may_have_learned_little()
    ):
        return None
    share = found.frozen_numel / max(1, found.used)
    sentence = (
        f"{found.frozen_count} parameters are frozen ({', '.join(found.frozen[:3])}) at their random initial values: "
        f"{share:.0%} of the network never learns"
    )
    return _symptom(sentence, ("share of parameters frozen", share), record.site(SiteKind.MODEL), certain=False)


def _symptom(
    sentence: str, number: tuple[str, float], where: Site | None, key: str = "0", certain: bool = True
) -> Detection:
    """Return the symptom of frozen or detached parameters; `number` is the measured quantity and its value."""
    return FatalDetection(
        certain=certain,
        likely=True,
        sentence=sentence,
        quantity=number[0],
        value=number[1],
        bound=0.0,
        source=SOURCE,
        where=where,
        optimizer=key,
        evidence=(("loss", key),),
    )
