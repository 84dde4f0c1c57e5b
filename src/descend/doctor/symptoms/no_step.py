"""No step: the script computes no gradients, never uses them, or clears them before the step.

Training is w ← w − lr·g. If `backward()` or `step()` is not called, if the gradients are cleared between the two, or if
lr is 0, then w stays the same. The loss varies only because the batches differ.
"""

from descend.doctor.assess.first_steps import first_steps_without_gradients
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import EARLY, Detection, FatalDetection, optimizer_name
from descend.doctor.record import Record, Site, SiteKind, facts
from descend.doctor.remedy_arguments.losses import loss_without_backward
from descend.doctor.remedy_arguments.training_loop import optimizer_with_wiped_gradients, optimizer_without_steps
from descend.doctor.script.run_names import EndReason
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "torch.optim: backward() fills .grad, and only optimizer.step() changes the parameters"

PROBLEM = Problem(
    id="no_step",
    kind="wiring",
    title="the optimizer never changes the weights",
    consequences=frozenset(
        {"frozen_or_detached", "inputs_not_normalised", "no_zero_grad", "schedule", "targets_not_scaled"}
    ),
    remedies=(
        RemedyEntry(
            "call_step",
            optimizer_without_steps,
            "call optimizer.step() after the backward pass",
            "only optimizer.step() changes the parameters",
            "torch.optim.Optimizer.step",
        ),
        RemedyEntry(
            "call_backward",
            loss_without_backward,
            "call {loss}.backward() before the step",
            "only the backward pass computes the gradients that the step needs",
            "torch.Tensor.backward",
            judged_on="training",
        ),
        RemedyEntry(
            "step_later",
            optimizer_with_wiped_gradients,
            "call step() after the backward pass, not before it",
            "the step then uses the gradients of the same batch",
            "torch.optim.Optimizer.step",
            cost=1,
        ),
        RemedyEntry(
            "clear_later",
            optimizer_with_wiped_gradients,
            "clear the gradients after the step, not before it",
            "the step then uses the gradients of backward()",
            "torch.optim.Optimizer.zero_grad",
        ),
    ),
    example=CodeExample(
        faulty=(
            "for inputs, targets in loader:\n"
            "    optimizer.zero_grad()\n"
            "    loss = F.cross_entropy(model(inputs), targets)\n"
            "    loss.backward()"
        ),
        fixed=(
            "for inputs, targets in loader:\n"
            "    optimizer.zero_grad()\n"
            "    loss = F.cross_entropy(model(inputs), targets)\n"
            "    loss.backward()\n"
            "    optimizer.step()"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report missing optimizer steps, gradients that are cleared before each step, or missing backward passes."""
    return _report_missing_steps(record) or _report_cleared_gradients(record) or _report_missing_backward_passes(record)


def _report_missing_steps(record: Record) -> Detection | None:
    """Report a run that makes backward passes but no optimizer steps."""
    passes = record.fact(facts.BackwardPasses)
    ended = record.ending is not None and record.ending.reason in (EndReason.FINISHED, EndReason.WINDOW)
    if not ended or record.steps or passes is None or passes.backward < EARLY or not record.every(facts.Optimizer):
        return None
    sentence = (
        f"the run made {passes.backward} backward passes but no optimizer step, so the parameters keep their initial "
        "values"
    )
    return _symptom(sentence, "optimizer steps", 1.0, record.site(SiteKind.BACKWARD))


def _report_cleared_gradients(record: Record) -> Detection | None:
    """Report an optimizer if its gradients are always cleared between the backward pass and the step."""
    for key in record.every(facts.Wiring):
        steps = [wiring.fact for wiring in record.history(facts.Wiring, key)]
        # A step without a backward pass before it has no gradients that could be cleared.
        seen = [step.gradients_wiped for step in steps if step.is_fed]
        if len(seen) >= EARLY and all(seen):
            sentence = (
                f"in each of the first {len(seen)} steps, the gradients were cleared between backward() and step(), so "
                "the step has no gradients and the parameters keep their initial values"
            )
            return _symptom(sentence, "steps with gradients", float(EARLY), record.site(SiteKind.STEP, key), key)
    return None


def _report_missing_backward_passes(record: Record) -> Detection | None:
    """Report an optimizer that takes steps without any backward pass before them."""
    for key in record.every(facts.Wiring):
        seen = first_steps_without_gradients(record, key)
        if len(seen) < EARLY or any(wiring.is_fed for wiring in seen):
            continue
        idle = record.fact(facts.IdleLoss, key)
        sentence = (
            f"there is no backward pass before any of the first {len(seen)} steps of {optimizer_name(record, key)}"
            + (f": `{idle.variable}` is computed, but its gradient is not" if idle else "")
            + f". Its {seen[-1].held} parameters never change"
        )
        where = record.site(SiteKind.IDLE_LOSS, key) or record.site(SiteKind.STEP, key)
        return _symptom(sentence, "backward passes", 1.0, where, key)
    return None


def _symptom(sentence: str, quantity: str, bound: float, where: Site | None, key: str = "0") -> Detection:
    """Return the symptom of weights that never change; `quantity` names what is missing, such as optimizer steps."""
    return FatalDetection(
        certain=True,
        sentence=sentence,
        quantity=quantity,
        value=0.0,
        bound=bound,
        source=SOURCE,
        where=where,
        optimizer=key,
        evidence=(("loss", key),),
    )
