"""Narrow layer: a hidden layer has too few units to pass on the differences between the inputs.

A layer of k units maps its inputs to at most k dimensions. Differences along other directions are lost, and no later
layer can restore them. A linear map through k units has rank k. Its squared error is at least the sum of the squared
singular values beyond the k-th.
"""

from descend.doctor.assess.modules import NARROW, narrow_layers
from descend.doctor.assess.progress_messages import loss_left_message
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.layers import more_units
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = (
    "Johnson 2019, Theorem 1: a network with layers no wider than its input cannot enclose a region; "
    "Hanin & Sellke 2017"
)

PROBLEM = Problem(
    id="narrow_layer",
    kind="statics",
    title="a hidden layer is too narrow",
    consequences=frozenset(
        {"dead_units", "vanishing_gradients", "saddle_point", "slow_progress", "plateau", "local_optima"}
    ),
    remedies=(
        # The initialisation of more weights draws more random numbers, so the batches are also shuffled differently.
        RemedyEntry(
            "widen",
            more_units,
            "{old} → {units} hidden units",
            "more information about the inputs then passes through the layer",
            "Johnson 2019; Hanin & Sellke 2017",
            cost=1,
            judged_on="spread",
            adds_parameters=True,
        ),
    ),
    example=CodeExample(
        faulty="network = nn.Sequential(nn.Linear(64, 2), nn.ReLU(), nn.Linear(2, 10))",
        fixed="network = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a hidden layer of at most four units that is not wider than the input, in a run that learns little."""
    chain, narrow = record.fact(facts.Widths), narrow_layers(record)
    if chain is None or not narrow or not summary.cost_left > LITTLE_LEARNED:
        return None
    units, first = min(narrow.values()), next(iter(narrow))
    where = next((site for name in narrow if (site := record.site(SiteKind.LINEAR, name)) is not None), None)
    layers = f"{len(narrow)} hidden layers have" if len(narrow) > 1 else f"the hidden layer {first} has"
    return Detection(
        certain=False,
        sentence=f"{layers} {units} {'unit' if units == 1 else 'units'}, for inputs of {chain.inputs} features: "
        f"information about the inputs is lost there, and {loss_left_message(summary)}",
        quantity="units of the narrowest hidden layer",
        value=float(units),
        bound=float(min(NARROW, chain.inputs)),
        source=SOURCE,
        where=where,
        module=first,
    )
