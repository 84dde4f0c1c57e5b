"""Bad data: a NaN or an infinity in the inputs or the targets spreads to every parameter in one step.

NaN and infinity pass through every sum. One such input makes the loss NaN, and so the gradient of every parameter that
the example reaches. Then w − lr·NaN is NaN, and no later step can undo this. The optimizer's running averages are lost,
too.
"""

from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, facts
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.places import data_site
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "IEEE 754: a sum that contains NaN is NaN"

PROBLEM = Problem(
    id="bad_data",
    kind="wiring",
    title="the data contain NaN or infinite values",
    consequences=frozenset(
        {"inputs_not_normalised", "outliers", "output_loss_mismatch", "sum_reduction", "targets_not_scaled"}
    ),
    remedies=(
        RemedyEntry(
            "standardise_data",
            only_optimizer,
            "standardise inputs where they are made, and replace missing values by the mean",
            phrases.NEUTRAL_MISSING_VALUE,
            "Little & Rubin 2002, §4.2",
            cost=1,
        ),
        RemedyEntry(
            "standardise_inputs",
            only_optimizer,
            "standardise inputs, and replace missing values by the mean",
            phrases.NEUTRAL_MISSING_VALUE,
            "Little & Rubin 2002, §4.2",
        ),
    ),
    example=CodeExample(
        faulty="inputs = torch.tensor(table)  # a missing value is NaN",
        fixed="inputs = torch.tensor(table)\ninputs = torch.where(inputs.isnan(), inputs.nanmean(dim=0), inputs)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report NaN or infinite values in the data of the step at which the loss first became NaN or infinite."""
    found = record.fact(facts.BadData)
    if found is None:
        return None
    step = record.history(facts.BadData)[0].step
    kind = "NaN" if found.nan == found.values else "infinite" if not found.nan else "NaN or infinite"
    becomes = "the loss becomes NaN, and after the next step every parameter"
    if found.left_out:
        becomes = (
            "the loss masks these values, but its gradient does not (0 · NaN is NaN), so every parameter becomes NaN"
        )
    return FatalDetection(
        certain=True,
        sentence=f"{found.values} of the {found.where} in step {step} are {kind} "
        f"({found.examples} of {found.of} examples): {becomes}",
        quantity="values that are not finite",
        value=float(found.values),
        bound=0.0,
        source=SOURCE,
        where=data_site(record),
    )
