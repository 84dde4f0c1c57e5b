"""Wrong step: other code changes gradients or parameters, so the update does not follow the loss's gradient.

In first order, a step d changes the loss by g·d, where g is its gradient. For d = −lr·g the loss falls. Other code that
changes gradients or weights can make g·d zero, so the loss stays, or positive, so it rises.
"""

from descend.core.bound import Bound
from descend.doctor.assess.objective import maximises_on_purpose
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, Site, SiteKind, facts
from descend.doctor.remedy_arguments.sites import altering_statement
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Nocedal & Wright 2006, §2.2: a short step lowers the cost if it is within 90° of the steepest descent"
UNCHANGED = Bound(
    1.0,
    "parameter change between steps / change by a step, or cosine between the optimizer's and the loss's gradient",
    "an unchanged gradient has a cosine of 1; a parameter change that exceeds a step is more serious than a changed "
    "gradient",
)

PROBLEM = Problem(
    id="wrong_step",
    kind="wiring",
    title="the update does not follow the loss's gradient",
    consequences=frozenset({"negated_loss"}),
    remedies=(
        *(
            RemedyEntry(
                "leave_out",
                altering_statement(number),
                "remove line {line}",
                "a step along the gradient of the loss lowers the loss",
                phrases.DESCENT_SOURCE,
            )
            for number in range(phrases.STATEMENTS_TRIED)
        ),
    ),
    example=CodeExample(
        faulty="loss.backward()\nfor parameter in model.parameters():\n    parameter.grad.neg_()\noptimizer.step()",
        fixed="loss.backward()\noptimizer.step()",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report code outside the backward pass and the optimizer that changes gradients, parameters or optimizer state."""
    for key, altered in record.every(facts.Alterations).items():
        cosine, between = 1.0 if altered.cosine is None else altered.cosine, altered.between_steps
        gradient, parameters = (
            _first_changing_line(record, SiteKind.ALTERED_GRADIENT, key),
            _first_changing_line(record, SiteKind.ALTERED_PARAMETERS, key),
        )
        is_clipped = gradient is not None and gradient.detail == "clip"
        is_maximising = altered.is_reversed and maximises_on_purpose(record, key)
        is_changed = altered.cosine is not None and not is_clipped and not is_maximising
        if between > 0 and (not is_changed or between > UNCHANGED):
            sentence = (
                "this line changes the parameters between the optimizer's steps, "
                f"{between:.2g} times as much as a step does, so the update does not follow the gradient"
            )
            quantity, value, where = "change between the steps / change by a step", between, parameters
        elif is_changed:
            sentence = (
                "this line changes the gradients between the backward pass and the step: the optimizer's gradient "
                f"has a cosine of {cosine:.2g} with the gradient of the loss, and {altered.ratio:.2g} times its norm"
            )
            quantity, value, where = "cosine of the optimizer's gradient with the loss gradient", cosine, gradient
        elif altered.forgotten:
            sentence = (
                "this line discards the optimizer's state (momentum, gradient scales) between the steps, so each step "
                "starts without it"
            )
            quantity, value = "steps before which the optimizer's state was discarded", float(altered.forgotten)
            where = _first_changing_line(record, SiteKind.ALTERED_STATE, key)
        else:
            continue
        is_sure = quantity.startswith("cosine") and cosine < 0 and summary.fails(key)
        if not is_sure and not summary.may_fail(key):
            continue
        return FatalDetection(
            certain=is_sure,
            sentence=sentence,
            quantity=quantity,
            value=value,
            bound=0.0 if is_sure or not is_changed else UNCHANGED,
            source=SOURCE,
            where=where,
            optimizer=key,
            evidence=(("loss", key),),
        )
    return None


def _first_changing_line(record: Record, kind: SiteKind, key: str) -> Site | None:
    """Return the first line that makes a kind of change; clipping comes last. Without such a line, return the step."""
    sites = sorted(record.every_site(kind), key=lambda site: site.detail == "clip")
    return next(iter(sites), record.site(SiteKind.STEP, key))
