"""Rejection of unsafe database URLs before they are passed to a driver."""

from urllib.parse import unquote

from sqlalchemy import URL

from descend.core.errors import UsageError


def require_plain(url: URL, where: str) -> None:
    """Raise `UsageError` for a database URL that its driver would misread, or whose driver needs an event loop."""
    reason = ""
    # An @ in the host means that the host begins with a part of the password, which error messages would show.
    if "@" in (url.host or ""):
        reason = "write an @ in the password as %40"
    elif "\0" in unquote(where):  # PostgreSQL's client library would ignore the rest of the URL.
        reason = "it contains a null byte"
    elif url.get_dialect().is_async:
        reason = "its driver is asynchronous; write postgresql+psycopg://host/database"
    if reason:
        raise UsageError(f"not a database URL: {url.drivername}://…: {reason}")
