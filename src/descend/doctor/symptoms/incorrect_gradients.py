"""Incorrect gradients: a hand-written backward pass disagrees with finite differences of its forward pass.

For the gradient g, a step changes the loss by L(w − lr·g) − L(w) ≈ −lr·‖g‖², so the loss falls. For another vector d
the change is −lr·g·d, which may be positive. Central differences, (f(x + h) − f(x − h))/2h, need only the forward pass
and have an error of order h². So they can check a hand-written backward pass.
"""

from descend.core.bound import Bound
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, Site, SiteKind, facts
from descend.doctor.remedy_arguments.layers import function_with_wrong_backward
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Ba, CSC413 lecture 4, Recap: finite differences show incorrect gradients"
WRONG = Bound(
    1e-3,
    "relative error of the gradient",
    "in float64, the error of a correct gradient is below 1e-6, and that of a wrong one above 0.01",
)

PROBLEM = Problem(
    id="incorrect_gradients",
    kind="wiring",
    title="gradients are incorrect",
    consequences=frozenset({"inputs_not_normalised"}),
    remedies=(
        RemedyEntry(
            "use_autograd",
            function_with_wrong_backward,
            "let autograd differentiate the forward pass of {function}",
            "the gradient then matches the forward pass",
            "Ba, CSC413 lecture 4, Recap: incorrect gradients",
        ),
    ),
    advice="Let autograd differentiate the forward pass, or correct the backward pass until `descend gradcheck` "
    "passes.",
    example=CodeExample(
        faulty=(
            "class Square(torch.autograd.Function):\n"
            "    @staticmethod\n"
            "    def forward(ctx, x):\n"
            "        ctx.save_for_backward(x)\n"
            "        return x**2\n"
            "\n"
            "    @staticmethod\n"
            "    def backward(ctx, gradient):\n"
            "        return 2 * gradient"
        ),
        fixed=(
            "class Square(torch.autograd.Function):\n"
            "    @staticmethod\n"
            "    def forward(ctx, x):\n"
            "        ctx.save_for_backward(x)\n"
            "        return x**2\n"
            "\n"
            "    @staticmethod\n"
            "    def backward(ctx, gradient):\n"
            "        (x,) = ctx.saved_tensors\n"
            "        return 2 * x * gradient"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a custom autograd.Function whose backward pass disagrees with finite differences of its forward pass."""
    checked = record.every(facts.GradientCheck)
    wrong = {place: found for place, found in checked.items() if found.error > WRONG}
    if not wrong:
        return None
    place, worst = max(wrong.items(), key=lambda pair: pair[1].error)
    site = record.site(SiteKind.CUSTOM_FUNCTION, place)
    return FatalDetection(
        certain=True,
        sentence=f"the backward pass of {place} is wrong: its gradient for input {worst.input} differs from finite "
        f"differences by a relative error of {worst.error:.2g} (limit: {WRONG:g})",
        quantity="relative error of the gradient",
        value=worst.error,
        bound=WRONG,
        source=SOURCE,
        where=site if isinstance(site, Site) else None,
        module=place,
    )
