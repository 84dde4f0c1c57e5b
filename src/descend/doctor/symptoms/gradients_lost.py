"""Gradients lost: the script clears gradients that no step has used.

If a step should use g₁ + … + gₖ and `zero_grad()` is called after each backward pass, it uses gₖ alone. The work for
the other k − 1 batches has no effect, and the gradient has k times the variance.

Each optimizer step should receive every gradient that was computed for it. If the gradients of several batches are
accumulated, they must be cleared once in each step, not once in each batch.
"""

from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import EARLY, Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.training_loop import only_optimizer, step_for_each_pass
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "torch.Tensor.backward accumulates into .grad, and zero_grad() discards what no step has used"

PROBLEM = Problem(
    id="gradients_lost",
    kind="wiring",
    title="gradients are cleared before a step uses them",
    consequences=frozenset({"batch_size", "fluctuations", "slow_progress", "stopped_too_early"}),
    remedies=(
        RemedyEntry(
            "step_in_loop",
            step_for_each_pass,
            "call step() in the loop, after each backward pass",
            "each batch then has a step",
            "torch.optim.Optimizer.step",
            cost=1,
            judged_on="metric",
        ),
        RemedyEntry(
            "clear_later",
            only_optimizer,
            "clear the gradients after each step",
            "each step then uses the gradients of all batches since the last step",
            "torch.optim.Optimizer.zero_grad",
        ),
    ),
    example=CodeExample(
        faulty=(
            "for number, (inputs, targets) in enumerate(loader):\n"
            "    optimizer.zero_grad()\n"
            "    loss = F.cross_entropy(model(inputs), targets) / 4\n"
            "    loss.backward()\n"
            "    if number % 4 == 3:\n"
            "        optimizer.step()"
        ),
        fixed=(
            "for number, (inputs, targets) in enumerate(loader):\n"
            "    loss = F.cross_entropy(model(inputs), targets) / 4\n"
            "    loss.backward()\n"
            "    if number % 4 == 3:\n"
            "        optimizer.step()\n"
            "        optimizer.zero_grad()"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report an optimizer if the gradients of earlier backward passes are always cleared before its step.

    The passes are at one place in the source, with the same parameters. Gradients that the script computes itself, for
    example from those of several passes, are left out.
    """
    for key in record.every(facts.Wiring):
        steps = [wiring.fact for wiring in record.history(facts.Wiring, key)]
        lost = [step.lost for step in steps if step.is_fed]
        if len(lost) < EARLY or not all(lost):
            continue
        return FatalDetection(
            certain=False,
            likely=True,
            sentence=f"before each of the first {len(lost)} steps, the script cleared the gradients of {min(lost)} of "
            f"{min(lost) + 1} backward passes, so the step uses only the last one",
            quantity="backward passes whose gradients no step uses",
            value=float(min(lost)),
            bound=0.0,
            source=SOURCE,
            where=record.site(SiteKind.BACKWARD) or record.site(SiteKind.STEP, key),
            optimizer=key,
            evidence=(("loss", key), ("gradient_norm", "")),
        )
    return None
