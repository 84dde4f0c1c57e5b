"""Blocked signal: one call in the network passes only a small share of the gradient back to earlier layers.

By the chain rule, the gradient of an earlier layer is a product of the Jacobians J of all later calls. If ‖Jᵀg‖ is much
smaller than ‖g‖ for one call, every earlier parameter receives a gradient that is smaller by this factor. Later
parameters still learn, so the loss can fall while the first layers stay random.
"""

from descend.core.bound import Bound
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, entries_for_places
from descend.doctor.symptoms.unreachable_loss import BARRED, find_blocking_call, kept_share_of_gap

SOURCE = "Glorot & Bengio 2010, §4.2: in the backward pass, the gradient is multiplied by the slope of each layer"
LITTLE = Bound(
    0.5,
    "share of the gradient norm that a call passes back",
    "chosen: a ReLU passes back 0.7 of the gradient norm (He et al. 2015, §2.2), so a smaller share is unusual",
)

HARDLY = Bound(
    0.1,
    "share of the gradient norm that a call passes back",
    "chosen: two sigmoids in a row pass back at most a sixteenth; below this limit, a call is reported even if "
    "it is uncertain whether the run fails",
)

PROBLEM = Problem(
    id="blocked_signal",
    kind="dynamics",
    title="one call passes only a small share of the gradient back",
    remedies=(
        *entries_for_places(
            "skip_call", (facts.Crossing, "skip", 1), phrases.REMOVE_CALL, phrases.GRADIENT_REACHES_LAYERS
        ),
        *entries_for_places(
            "skip_call",
            (facts.OnNetwork, "skip", phrases.NETWORK_CALLS_TRIED),
            phrases.REMOVE_CALL,
            phrases.GRADIENT_REACHES_LAYERS,
        ),
    ),
    observes=True,
    example=CodeExample(
        faulty="hidden = F.relu(fc1(inputs)).softmax(dim=1)  # passes little gradient back\noutputs = fc2(hidden)",
        fixed="hidden = F.relu(fc1(inputs))\noutputs = fc2(hidden)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a call in the network that passes back too little of the gradient, or whose outputs keep the loss high."""
    return _report_call_that_keeps_loss_high(record, summary) or _report_call_that_weakens_gradient(record, summary)


def _report_call_that_keeps_loss_high(record: Record, summary: RunSummary) -> Detection | None:
    """Report a call in the network if all its possible outputs keep the loss high, but other values would lower it."""
    call = find_blocking_call(record, summary, in_head=False)
    if call is None:
        return None
    return Detection(
        certain=False,
        sentence=f"no input of {call.function} brings the loss of the fixed examples below {call.before:.3g}, although "
        f"other outputs of this call could bring it to {call.after:.3g} (best constant output of the network: "
        f"{call.constant:.3g})",
        quantity="share of the gap from a constant prediction's loss to the lowest loss that the call keeps open",
        value=kept_share_of_gap(call),
        bound=BARRED,
        source=SOURCE,
        where=record.site(SiteKind.CROSSING, "0"),
    )


def _report_call_that_weakens_gradient(record: Record, summary: RunSummary) -> Detection | None:
    """Report a call that passes back less than half of the gradient norm, in a run that fails.

    If the call passes back less than a tenth, it suffices that the run may have failed.
    """
    call = record.fact(facts.OnNetwork, "0")
    if call is None or not (summary.fails() or call.passes < HARDLY and summary.may_fail()):
        return None
    return Detection(
        certain=False,
        sentence=f"only {call.passes:.2g} of the gradient norm survives backpropagation through {call.function} (a "
        f"ReLU keeps about 0.7; limit: {LITTLE:g}), so earlier layers receive almost no training signal, and the run "
        "has much left to learn",
        quantity="share of the gradient norm that the call passes back",
        value=call.passes,
        bound=LITTLE,
        source=SOURCE,
        where=record.site(SiteKind.ON_NETWORK, "0"),
    )
