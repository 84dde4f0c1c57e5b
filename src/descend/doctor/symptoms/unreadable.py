"""Unreadable inputs: preprocessing may destroy information that the network needs.

No network can restore what preprocessing has removed. For targets y and a preprocessing c, the mutual information I(y;
c(x)) is at most I(y; x) (data processing inequality: Cover & Thomas 2006, theorem 2.8.1). Frequent causes are
conversions to integers, clipping and averages.
"""

from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.sites import edit_of_all_sites
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry, entries_for_places

SOURCE = "Cover & Thomas 2006, §2.8: no processing of the data can add information about the targets"

PROBLEM = Problem(
    id="unreadable",
    kind="dynamics",
    title="preprocessing may destroy information in the inputs",
    remedies=(
        *entries_for_places(
            "skip_call",
            (facts.OnInputs, "skip", phrases.INPUT_CALLS_TRIED),
            phrases.REMOVE_CALL,
            phrases.INFORMATION_IS_KEPT,
        ),
        *entries_for_places(
            "turn_mask",
            (facts.OnInputs, "invert", phrases.CALLS_TRIED),
            phrases.INVERT_MASK,
            phrases.INFORMATION_IS_KEPT,
            cost=1,
        ),
        *entries_for_places(
            "call_argument",
            (facts.OnInputs, "set", phrases.CALLS_TRIED),
            phrases.SET_ARGUMENT,
            phrases.INFORMATION_IS_KEPT,
            cost=1,
        ),
        *entries_for_places(
            "skip_call",
            (facts.OnFetched, "skip", phrases.INPUT_CALLS_TRIED),
            phrases.REMOVE_CALL,
            phrases.INFORMATION_IS_KEPT,
        ),
        *entries_for_places(
            "transform",
            (facts.Prepared, "transform", phrases.CALLS_TRIED),
            "use transform without a new fit in line {line}",
            phrases.SAME_INPUT_DISTRIBUTION,
            cost=1,
        ),
        *entries_for_places(
            "leave_out",
            (facts.Prepared, "leave", phrases.CALLS_TRIED),
            "remove line {line}",
            phrases.INFORMATION_IS_KEPT,
        ),
        *entries_for_places(
            "transpose",
            (facts.Prepared, "transpose", phrases.CALLS_TRIED),
            "exchange the dimensions of the reshape in line {line}",
            phrases.INFORMATION_IS_KEPT,
            cost=1,
        ),
        *entries_for_places(
            "partner_too",
            (facts.Prepared, "partner", phrases.CALLS_TRIED),
            "reorder {partner} in the same way as {moved} in line {line}",
            phrases.INFORMATION_IS_KEPT,
            cost=1,
        ),
        *entries_for_places(
            "skip_call", (facts.Prepared, "skip", phrases.CALLS_TRIED), phrases.REMOVE_CALL, phrases.INFORMATION_IS_KEPT
        ),
        *entries_for_places(
            "leave_out",
            (facts.Prepared, "leave", phrases.STATEMENT_REMOVALS_TRIED),
            "remove line {line}",
            phrases.INFORMATION_IS_KEPT,
        )[phrases.CALLS_TRIED :],
        *entries_for_places(
            "skip_call",
            (facts.OnEvaluated, "skip", phrases.INPUT_CALLS_TRIED),
            phrases.REMOVE_CALL,
            phrases.SAME_INPUT_DISTRIBUTION,
        ),
        *(
            RemedyEntry(
                "skip_call",
                edit_of_all_sites(kind, "skip"),
                "remove all calls on the data, in lines {lines}",
                *phrases.INFORMATION_IS_KEPT,
                cost=3,
                judged_on="metric",
            )
            for kind in (facts.OnInputs, facts.OnFetched, facts.OnEvaluated)
        ),
    ),
    observes=True,
    example=CodeExample(
        faulty="# The inputs are standardised, so half of the values become 0.\noutputs = model(inputs.clamp(0, 1))",
        fixed="outputs = model(inputs)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report calls that process the data before they reach the network, in a run that may have failed."""
    kinds = (facts.OnInputs, facts.OnFetched, facts.Prepared, facts.OnEvaluated)
    calls = [(kind, place) for kind in kinds for place in record.every(kind)]
    if not calls or not summary.may_fail():
        return None
    kind, place = calls[0]
    inputs = "evaluation inputs" if kind is facts.OnEvaluated else "data"
    transform = "1 call transforms" if len(calls) == 1 else f"{len(calls)} calls transform"
    return Detection(
        certain=False,
        sentence=f"{transform} the {inputs} before they reach the network or the loss, and the run "
        "has much left to learn: if a call destroys information, the network cannot recover it",
        quantity="calls between the data and the network",
        value=float(len(calls)),
        bound=0.0,
        source=SOURCE,
        where=record.site(SiteKind(facts.name_of(kind)), place),
    )
