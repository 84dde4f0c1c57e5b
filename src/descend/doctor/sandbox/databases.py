"""Check the further files that SQLite opens (`ATTACH`, `VACUUM INTO`), for which Python raises no audit event."""

import functools
import sys
from collections.abc import Callable
from typing import Any

_ATTACH = 24  # SQLITE_ATTACH, the action code of `ATTACH` and `VACUUM INTO`
_FACTORY = 5  # position of the argument `factory` of `sqlite3.connect`
_MODULES = ("sqlite3", "sqlite3.dbapi2", "_sqlite3")


def guard_databases(is_refused: Callable[[str | None], bool]) -> Callable[[], None]:
    """Make SQLite refuse each additional database file (`ATTACH`, `VACUUM INTO`) for which `is_refused` returns True.

    `is_refused` is called with the file's name, or with None if the statement does not contain the name. Return the
    function that undoes this.
    """
    try:
        import sqlite3
    except ImportError:  # this Python was built without SQLite
        return lambda: None

    def authorise(action: int, name: str | None, *_: str | None) -> int:
        """Return SQLite's code for an action: `SQLITE_DENY` for opening a refused database, otherwise `SQLITE_OK`."""
        return sqlite3.SQLITE_DENY if action == _ATTACH and is_refused(name) else sqlite3.SQLITE_OK

    original, plain = sqlite3.connect, sqlite3.Connection

    class Connection(plain):  # type: ignore[misc, valid-type]
        """An SQLite connection that refuses the databases for which `is_refused` returns True."""

        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            plain.set_authorizer(self, authorise)

        def set_authorizer(self, callback: Any) -> None:
            """Set a callback that may refuse further actions of SQLite, in addition to those refused by `authorise`."""

            def authorise_with_callback(*action: Any) -> int:
                """Return the decision of `authorise` if it refuses the action, otherwise that of the callback."""
                found = authorise(*action)
                return int(callback(*action)) if callback is not None and found == sqlite3.SQLITE_OK else found

            plain.set_authorizer(self, authorise_with_callback)

    @functools.wraps(original)
    def connect(*arguments: Any, **named: Any) -> Any:
        """Connect to a database as `sqlite3.connect` does. The connection refuses the databases of `is_refused`."""
        if len(arguments) <= _FACTORY:
            named.setdefault("factory", Connection)
        connection = original(*arguments, **named)
        plain.set_authorizer(connection, authorise)
        return connection

    def replace_functions(**functions: Any) -> None:
        """Replace the functions and classes with these names in all modules of sqlite3."""
        for module in map(sys.modules.get, _MODULES):
            for name, function in functions.items():
                setattr(module, name, function)

    Connection.__qualname__, Connection.__module__ = plain.__qualname__, plain.__module__
    replace_functions(connect=connect, Connection=Connection)
    return functools.partial(replace_functions, connect=original, Connection=plain)
