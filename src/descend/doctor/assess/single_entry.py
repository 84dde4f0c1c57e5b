"""Normalisations over a single entry: inside the network, or in front of the loss."""

from descend.doctor.record import Record, SiteKind, facts


def find_inner_normalisation_of_one(record: Record) -> str:
    """Return the name of the first inner layer that normalises over a dimension of size 1; "" without such a layer."""
    return next((place for place in record.every(facts.LoneEntry) if not _is_output_activation(record, place)), "")


def find_output_softmax_of_one(record: Record) -> facts.LoneEntry | None:
    """Return the recorded softmax over a dimension of size 1 before the loss; None without such a softmax."""
    found = (lone for place, lone in record.every(facts.LoneEntry).items() if _is_output_activation(record, place))
    return next((lone for lone in found if lone.is_softmax), None)


def softmax_of_one(softmax: str) -> int:
    """Return the constant that a softmax over a dimension of size 1 computes: 1, or 0 for `log_softmax`."""
    return 0 if softmax == "log_softmax" else 1


def _is_output_activation(record: Record, place: str) -> bool:
    """Return whether a normalisation is the network's output activation, directly before the loss."""
    site = record.site(SiteKind.LONE_ENTRY, place)
    output = record.site(SiteKind.ACTIVATION, "output")
    return site is not None and output is not None and (site.file, site.line) == (output.file, output.line)
