"""Reshape instead of transpose: `view` gives the right shape, but leaves the values in the wrong order.

A tensor of shape (N, T) stores the entry (n, t) at position n·T + t. `view(T, N)` keeps all positions, so an entry (t,
n) of the result belongs to another example or time step. Only `transpose` or `permute` moves each value together with
its indices. The network is trained on mixtures of examples, and no error is raised.
"""

from descend.doctor.assess.progress_messages import loss_left_message
from descend.doctor.assess.summary import LEFT_TO_LEARN, RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.dimensions import exchange_of_dimensions
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "torch.Tensor.view: the values keep their order in memory, while torch.Tensor.transpose exchanges dimensions"

PROBLEM = Problem(
    id="dimensions_exchanged",
    kind="wiring",
    title="a reshape is used where a transpose is needed",
    consequences=frozenset({"examples_mixed", "no_signal"}),
    remedies=(
        RemedyEntry(
            "transpose",
            exchange_of_dimensions,
            "use {call} instead of the reshape",
            "each value then keeps its position along each dimension",
            "torch.Tensor.view",
        ),
    ),
    example=CodeExample(
        faulty="batch, time, features = sequences.shape\nsteps = sequences.view(time, batch, features)",
        fixed="steps = sequences.transpose(0, 1)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a view or reshape whose result has the same sizes in another order, in a run with much left to learn."""
    exchange = record.fact(facts.Exchanged, "0")
    if exchange is None or not summary.cost_left > LEFT_TO_LEARN:
        return None
    return FatalDetection(
        certain=False,
        likely=True,
        sentence=f"a view or reshape turns shape {exchange.shape} into {exchange.result}: the sizes change places but "
        "the values keep their order in memory and are scrambled (transpose or permute would move them); "
        f"{loss_left_message(summary)}",
        quantity="final cost / cost of a constant prediction",
        value=summary.cost_left,
        bound=LEFT_TO_LEARN,
        source=SOURCE,
        where=record.site(SiteKind.EXCHANGED, "0"),
    )
