"""Clipped after the step: the script clips the gradients after the optimizer step, so that no step uses the result.

`optimizer.step()` reads the gradients when it is called. Clipping multiplies g by min(1, c/‖g‖), but only afterwards,
and the next `zero_grad()` clears the result. So the steps have the length lr·‖g‖, as without clipping.
"""

from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import EARLY, Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "torch.nn.utils.clip_grad_norm_ changes .grad, which Optimizer.step reads: it must come before the step"

PROBLEM = Problem(
    id="clipped_after_step",
    kind="wiring",
    title="gradients are clipped after the step",
    consequences=frozenset({"exploding_gradients", "instability", "cliff", "oscillation", "dead_units"}),
    remedies=(
        RemedyEntry(
            "clip_before_step",
            only_optimizer,
            "clip the gradients before the step",
            "the step then uses the clipped gradients",
            SOURCE,
            cost=1,
        ),
    ),
    example=CodeExample(
        faulty="loss.backward()\noptimizer.step()\nnn.utils.clip_grad_norm_(model.parameters(), 1.0)",
        fixed="loss.backward()\nnn.utils.clip_grad_norm_(model.parameters(), 1.0)\noptimizer.step()",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report gradients that are clipped between a step and the next backward pass in several of the first steps."""
    late = record.fact(facts.LateClipping)
    if late is None or late.calls < EARLY:
        return None
    return Detection(
        certain=True,
        sentence=f"in each of the first {late.calls} steps, the gradients are clipped after the step and before the "
        "next backward pass, so the optimizer uses unclipped gradients",
        quantity="clippings after the step",
        value=late.calls,
        bound=EARLY,
        source=SOURCE,
        where=record.site(SiteKind.CLIP, "0"),
    )
