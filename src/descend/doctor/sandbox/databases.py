"""Connections of SQLite ask before they open a further file (`ATTACH`, `VACUUM INTO`): no audit event says so."""

import functools
import sys
from collections.abc import Callable
from typing import Any

_ATTACH = 24  # SQLITE_ATTACH, of both statements
_FACTORY = 5  # the position of the connection's class among the arguments of `connect`
_MODULES = ("sqlite3", "sqlite3.dbapi2", "_sqlite3")


def guard_databases(is_refused: Callable[[str | None], bool]) -> Callable[[], None]:
    """Let every new connection ask `is_refused` of a further file; None where the statement does not name it.

    Return the function that undoes this.
    """
    try:
        import sqlite3
    except ImportError:  # a Python without it
        return lambda: None

    def authorise(action: int, name: str | None, *_: str | None) -> int:
        return sqlite3.SQLITE_DENY if action == _ATTACH and is_refused(name) else sqlite3.SQLITE_OK

    original, plain = sqlite3.connect, sqlite3.Connection

    class Connection(plain):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            plain.set_authorizer(self, authorise)

        def set_authorizer(self, callback: Any) -> None:
            def both(*asked: Any) -> int:
                found = authorise(*asked)
                return int(callback(*asked)) if callback is not None and found == sqlite3.SQLITE_OK else found

            plain.set_authorizer(self, both)

    @functools.wraps(original)
    def connect(*arguments: Any, **named: Any) -> Any:
        if len(arguments) <= _FACTORY:
            named.setdefault("factory", Connection)
        connection = original(*arguments, **named)
        plain.set_authorizer(connection, authorise)
        return connection

    def install(**functions: Any) -> None:
        for module in map(sys.modules.get, _MODULES):
            for name, function in functions.items():
                setattr(module, name, function)

    Connection.__qualname__, Connection.__module__ = plain.__qualname__, plain.__module__
    install(connect=connect, Connection=Connection)
    return functools.partial(install, connect=original, Connection=plain)
