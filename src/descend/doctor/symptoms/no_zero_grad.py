"""Gradients never cleared: every step uses the sum of all gradients so far.

`backward()` adds to the gradients of earlier backward passes. Without clearing, step t uses g₁ + … + gₜ. This equals
momentum with μ = 1: the oldest gradient counts as much as the current one. The steps become longer and longer, until
the loss oscillates or diverges.
"""

from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import EARLY, Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "torch.Tensor.backward accumulates into .grad, so the training loop must clear it"

PROBLEM = Problem(
    id="no_zero_grad",
    kind="wiring",
    title="gradients are never cleared",
    remedies=(
        RemedyEntry(
            "zero_grad",
            only_optimizer,
            "clear the gradients after each step",
            "each step then follows the current gradient only",
            "torch.optim.Optimizer.zero_grad",
        ),
    ),
    example=CodeExample(
        faulty=(
            "for inputs, targets in loader:\n"
            "    loss = F.cross_entropy(model(inputs), targets)\n"
            "    loss.backward()\n"
            "    optimizer.step()"
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
    """Report an optimizer whose gradients are never cleared before a backward pass after the first step."""
    for key in record.every(facts.Wiring):
        seen = [wiring.fact for wiring in record.history(facts.Wiring, key) if wiring.step > 0]
        # In a step without gradients, there is nothing to clear.
        later = [wiring for wiring in seen if wiring.with_gradient != 0]
        uncleared = [wiring for wiring in later if not wiring.gradients_cleared]
        if len(later) < EARLY or len(uncleared) < len(later):
            continue
        return FatalDetection(
            True,
            f"in each of the first {len(later)} steps, new gradients were added to those of all earlier steps, so the "
            "update follows a sum of outdated directions",
            "steps with cleared gradients",
            0.0,
            float(EARLY),
            SOURCE,
            record.site(SiteKind.BACKWARD) or record.site(SiteKind.STEP, key),
            optimizer=key,
            evidence=(("loss", key), ("gradient_norm", "")),
        )
    return None
