"""Zero input: a layer receives only zeros, so neither it nor any later layer can learn from the input.

For z = W·x + b, the gradient of W is δ·xᵀ, where δ is the gradient of z. If x is 0 for all examples, W never changes,
and z is b for every example. All later layers are then independent of the input.
"""

from descend.doctor.assess.progress_messages import loss_left_message
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.symptoms.problem import CodeExample, Problem

SOURCE = "Goodfellow et al. 2016, §6.5: the derivative of a weight is its input times the gradient at its output"

PROBLEM = Problem(
    id="zero_input",
    kind="wiring",
    title="a layer receives only zeros",
    consequences=frozenset({"inputs_not_normalised"}),
    advice="Pass the intended input to the layer. In training, the input of a decoder is the targets shifted by one "
    "(`y[:, :-1]` to predict `y[:, 1:]`), with a causal mask.",
    example=CodeExample(
        faulty="outputs, state = decoder_rnn(torch.zeros_like(previous), state)",
        fixed="outputs, state = decoder_rnn(previous, state)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a layer whose input is zero for every example, in a run that learns little."""
    fed = record.every(facts.ZeroInput)
    if not fed or not summary.cost_left > LITTLE_LEARNED:
        return None
    name, first = next(iter(fed.items()))
    return FatalDetection(
        certain=True,
        sentence=f"{first.layer} {name} receives only zeros, so it outputs its bias for every example, and its weights "
        f"receive no gradient; {loss_left_message(summary)}",
        quantity="layers with zero input",
        value=float(len(fed)),
        bound=0.0,
        source=SOURCE,
        where=record.site(SiteKind.ZERO_INPUT),
        module=name,
    )
