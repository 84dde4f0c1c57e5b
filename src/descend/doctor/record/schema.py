"""The tables of the store. Rows hold plain values and JSON; series are cut into parts of packed numbers.

Keys are given by the one writer that a run has, so that a part which is still growing can be written again in
place. JSON is kept as text, since PostgreSQL's own type refuses NaN.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

SCHEMA = 1  # raised by one whenever a table changes

metadata = MetaData()


class RoleOfARun(TypeDecorator[str]):
    """What a run is for, by the name that it has here; stores that were begun by earlier versions have two others."""

    impl = String(16)
    cache_ok = True
    stored = {"baseline": "exam", "trial_run": "arm"}

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the name in the store."""
        return None if value is None else self.stored.get(value, value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Return the name here."""
        return {old: new for new, old in self.stored.items()}.get(value, value)


def _run() -> Column[int]:
    return Column("run", Integer, ForeignKey("runs.number"), primary_key=True)


def _number(name: str) -> Column[int]:
    return Column(name, Integer, primary_key=True, autoincrement=False)


meta = Table("meta", metadata, Column("key", String(64), primary_key=True), Column("value", Text, nullable=False))

runs = Table(
    "runs",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("role", RoleOfARun, nullable=False, index=True),
    Column("parent", Integer, index=True),
    Column("script", Text, nullable=False),
    Column("root", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("environment", Text, nullable=False),
    Column("started", String(32), nullable=False),  # ISO 8601, UTC
    Column("ending", Text),
    sqlite_autoincrement=True,  # a number is never given twice
)

series = Table(
    "series",
    metadata,
    _run(),
    _number("series"),  # in order of appearance
    Column("name", Text, nullable=False),
    Column("place", Text, nullable=False),
)

parts = Table(
    "parts",
    metadata,
    _run(),
    _number("series"),
    _number("part"),
    Column("length", Integer, nullable=False),
    Column("first_step", BigInteger, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("stride", BigInteger),  # steps are first_step + stride * i, when NULL they are in `steps`
    Column("steps", LargeBinary),  # little-endian int64
    Column("data", LargeBinary, nullable=False),  # little-endian float64
)

observations = Table(
    "observations",
    metadata,
    _run(),
    _number("position"),  # in order of arrival
    Column("kind", String(16), nullable=False),  # fact, site, effect, note
    Column("body", Text, nullable=False),
)

costs = Table(
    "costs",
    metadata,
    _run(),
    Column("probe", String(255), primary_key=True),
    Column("body", Text, nullable=False),
)

findings = Table("findings", metadata, _run(), _number("rank"), Column("body", Text, nullable=False))

trials = Table("trials", metadata, _run(), _number("position"), Column("body", Text, nullable=False))
