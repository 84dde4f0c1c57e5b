"""Clipping too hard: the clipping threshold, not the learning rate, determines the length of every step.

Clipping at c replaces g by c·g/‖g‖ if ‖g‖ > c. If this happens in every step, each step of SGD has the length lr·c,
however far away the minimum is: T steps reach a distance of at most T·lr·c. The loss of batches with large gradients no
longer counts more than that of others.
"""

from statistics import median

from descend.core.bound import Bound
from descend.doctor.assess.progress_messages import loss_left_message
from descend.doctor.assess.stability import PRECONDITIONED, uses_rule
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.training_loop import median_gradient_norm
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Pascanu et al. 2013, §3.2: clipping is meant for rare steps at a cliff, with a threshold near the usual norm"
MOST = Bound(
    0.9,
    "share of the steps in which the gradient is clipped",
    "chosen: clipping is meant for rare steps (Pascanu et al. 2013, §3.2)",
)
SHARE = Bound(
    0.1,
    "clipping threshold divided by the usual gradient norm",
    "chosen: at this ratio, the steps are ten times shorter than the learning rate implies",
)

PROBLEM = Problem(
    id="clipping_too_hard",
    kind="dynamics",
    title="gradients are clipped too hard",
    consequences=frozenset({"layer_rate_mismatch", "slow_progress", "plateau", "stopped_too_early"}),
    remedies=(
        RemedyEntry(
            "clip_threshold",
            median_gradient_norm,
            "clip at {max_norm:.3g}, the usual gradient norm",
            "only rare large gradients are then clipped",
            "Pascanu et al. 2013, §3.2",
            cost=1,
        ),
    ),
    example=CodeExample(
        faulty=(
            "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
            "loss.backward()  # the gradient norm is about 1\n"
            "nn.utils.clip_grad_norm_(model.parameters(), max_norm=0.001)\n"
            "optimizer.step()"
        ),
        fixed=(
            "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
            "loss.backward()\n"
            "nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)\n"
            "optimizer.step()"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a clipping threshold below a tenth of the usual gradient norm, in a run that still has much to learn."""
    clip, norms = record.fact(facts.Clip), record.series("clipped_norm").finite().values
    # An adaptive optimizer rescales the gradient, so clipping does not shorten its steps.
    adaptive = uses_rule(record, "0", PRECONDITIONED)
    if (
        adaptive
        or clip is None
        or clip.function != "clip_grad_norm_"
        or not norms
        or not summary.cost_left > LITTLE_LEARNED
    ):
        return None
    limit, usual = clip.limit, median(norms)
    cut = sum(norm > limit for norm in norms) / len(norms)
    if cut < MOST or not limit < SHARE * usual:
        return None
    return Detection(
        certain=False,
        likely=True,
        sentence=f"{cut:.0%} of the gradients are clipped to norm {limit:.3g} (usual norm: {usual:.3g}), so the steps "
        f"are {usual / limit if limit else float('inf'):.0f} times shorter than the learning rate implies, and "
        f"{loss_left_message(summary)}",
        quantity="clipping threshold / usual gradient norm",
        value=limit / usual,
        bound=SHARE,
        source=SOURCE,
        where=record.site(SiteKind.CLIP),
        evidence=(("loss", "0"), ("clipped_norm", "")),
    )
