"""Where in the source a problem is to be looked for."""

from descend.doctor.record import Record, Site


def data_site(record: Record) -> Site | None:
    """Return where the training data come from: the loader, or else the model's call."""
    return record.site("loader", "0") or record.site("model_call", "0") or record.site("model_call")
