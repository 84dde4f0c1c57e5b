"""Source locations that several problems refer to."""

from descend.doctor.record import Record, Site, SiteKind


def data_site(record: Record) -> Site | None:
    """Return the line that supplies the training data: that of the data loader if there is one, else the model call."""
    return (
        record.site(SiteKind.LOADER, "0") or record.site(SiteKind.MODEL_CALL, "0") or record.site(SiteKind.MODEL_CALL)
    )
