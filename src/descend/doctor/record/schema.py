"""The tables of the store. Rows hold plain values and JSON; series are split into parts of packed numbers.

A run has one writer, which assigns the keys, so it can overwrite a part that still grows. JSON is stored as text,
because PostgreSQL's JSON type rejects NaN.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

SCHEMA = 1  # version of the tables, increased by one whenever a table changes

metadata = MetaData()


def _run_column() -> Column[int]:
    """Return a new key column that holds the number of the run to which a row belongs."""
    return Column("run", Integer, ForeignKey("runs.number"), primary_key=True)


def _number_column(name: str) -> Column[int]:
    """Return a new key column of integers with a name, such as `series` for the number of a series in its run."""
    return Column(name, Integer, primary_key=True, autoincrement=False)


meta = Table("meta", metadata, Column("key", String(64), primary_key=True), Column("value", Text, nullable=False))

runs = Table(
    "runs",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("role", String(16), nullable=False, index=True),
    Column("parent", Integer, index=True),
    Column("script", Text, nullable=False),
    Column("root", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("environment", Text, nullable=False),
    Column("started", String(32), nullable=False),  # time at which the run started, in ISO 8601, UTC
    Column("ending", Text),
)

series = Table(
    "series",
    metadata,
    _run_column(),
    _number_column("series"),  # number of the series within its run, in order of appearance
    Column("name", Text, nullable=False),
    Column("place", Text, nullable=False),
)

parts = Table(
    "parts",
    metadata,
    _run_column(),
    _number_column("series"),
    _number_column("part"),
    Column("length", Integer, nullable=False),
    Column("first_step", BigInteger, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    # Value i was measured at step first_step + stride * i. If NULL, `steps` holds all steps.
    Column("stride", BigInteger),
    Column("steps", LargeBinary),  # the steps as an array of little-endian int64
    Column("data", LargeBinary, nullable=False),  # the values as an array of little-endian float64
)

observations = Table(
    "observations",
    metadata,
    _run_column(),
    _number_column("position"),  # number of the message within its run, in order of arrival
    Column("kind", String(16), nullable=False),  # kind of the message: fact, site, effect, note
    Column("body", Text, nullable=False),
)

costs = Table(
    "costs",
    metadata,
    _run_column(),
    Column("probe", String(255), primary_key=True),
    Column("body", Text, nullable=False),
)

findings = Table("findings", metadata, _run_column(), _number_column("rank"), Column("body", Text, nullable=False))

trials = Table("trials", metadata, _run_column(), _number_column("position"), Column("body", Text, nullable=False))
