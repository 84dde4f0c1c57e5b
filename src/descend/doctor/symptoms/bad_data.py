"""Bad data: a NaN or an infinity in the inputs or the targets spreads to every parameter in one step."""

from descend.doctor.record import Record, facts
from descend.doctor.symptoms.places import data_site
from descend.doctor.symptoms.sign import Ruin, Sign

SOURCE = "IEEE 754: a sum with NaN in it is NaN"


def bad_data(record: Record) -> Sign | None:
    """Values among the data that are not finite, found from the first loss that is not."""
    found = record.fact(facts.BadData)
    if found is None:
        return None
    step = record.history(facts.BadData)[0].step
    kind = "NaN" if found.nan == found.values else "infinite" if not found.nan else "NaN or infinite"
    becomes = "the loss and then every parameter becomes NaN"
    if found.left_out:
        becomes = (
            "the loss leaves them out, its gradient does not (0 · NaN is NaN): every parameter becomes NaN at once"
        )
    return Ruin(
        certain=True,
        sentence=f"{found.values} of the {found.where} of step {step} are {kind} "
        f"({found.examples} of {found.of} examples): {becomes}",
        quantity="values that are not finite",
        value=float(found.values),
        bound=0.0,
        source=SOURCE,
        where=data_site(record),
    )
