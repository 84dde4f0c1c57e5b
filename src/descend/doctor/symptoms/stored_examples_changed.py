"""Stored examples changed: the script changes the data that it trains on while it reads them.

After k passes, an example x has become f(f(… f(x))) instead of f(x). So each epoch uses other data, and noise or
scaling accumulates.

The same index must return the same stored example at the end of the training as at its start. An entry or a slice of an
array shares its memory with the array. So an in-place change of the example also changes the stored one, once in each
pass.
"""

from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.training_loop import copy_of_stored_row, place_of_change
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "torch.Tensor.clone: an entry or a slice shares its memory with the tensor, and clone() copies it"

PROBLEM = Problem(
    id="stored_examples_changed",
    kind="wiring",
    title="the stored examples change while they are read",
    consequences=frozenset({"inputs_not_normalised", "no_signal", "overfitting", "slow_progress"}),
    remedies=(
        RemedyEntry(
            "copy_rows",
            copy_of_stored_row,
            "copy the example before it is changed: {method}()",
            "each pass then starts from the original examples",
            SOURCE,
            cost=1,
            judged_on="metric",
        ),
        RemedyEntry(
            "out_of_place",
            place_of_change,
            "compute a new tensor in line {line}, not in place",
            "each pass then starts from the original examples",
            SOURCE,
            cost=1,
            judged_on="metric",
        ),
    ),
    flatters=True,
    example=CodeExample(
        faulty="rows = inputs[0:32]  # a view of the stored inputs\nrows.add_(torch.randn(rows.shape))",
        fixed="rows = inputs[0:32].clone()\nrows.add_(torch.randn(rows.shape))",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report stored examples that change when a data set returns them again, or when the training loop takes them.

    The first reading does not count, because it may fill a cache.
    """
    found = record.fact(facts.ChangedExamples)
    if found is None:
        return None
    of = f" of the data set's `{found.array}`" if found.array else " of a stored tensor"
    return FatalDetection(
        certain=False,
        likely=True,
        sentence=f"{found.changed} of {found.read} rows{of} changed while they were read, so each pass trains on other "
        "examples than the last one, and the changes add up",
        quantity="stored examples that change while they are read",
        value=float(found.changed),
        bound=0.0,
        source=SOURCE,
        where=record.site(SiteKind.TAKEN_ROWS, "stored") or record.site(SiteKind.TAKEN_ROWS, "changed"),
    )
