"""Each option that takes a number declares both limits: anything else is one line with the value and the limits."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import typer.main
from complaints import one_line
from hypothesis import assume, given
from hypothesis import strategies as st
from sampling import repeatable, sampled

from descend.cli import app


class Number(NamedTuple):
    """An option that takes a number."""

    command: tuple[str, ...]
    name: str
    kind: type[int] | type[float]
    shown: str  # in --help

    @property
    def limits(self) -> tuple[float, float]:
        found = re.search(r"(\S+)\.\.(\S+)$", self.shown)
        assert found, f"{self.name} of {self.command} declares no limits"
        return float(found[1]), float(found[2])

    @property
    def arguments(self) -> list[str]:
        """What makes the rest of the command line right."""
        return {("lab", "schedule"): ["Cosine(10)"], ("lab", "trajectories"): []}.get(self.command, ["train.py"])


def numbers(command=None, path: tuple[str, ...] = ()) -> Iterator[Number]:
    command = command or typer.main.get_command(app)
    for name, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:  # `descend show` has the options of `descend lab`
            yield from numbers(inner, (*path, name))
    for parameter in command.params:
        kind = parameter.type_descriptor.annotation
        if kind in (int, float) and parameter.opts[0].startswith("-"):
            yield Number(path, max(parameter.opts, key=len), kind, parameter.metavar or "")


NUMBERS = list(numbers())
ODD = [
    "",
    " ",
    "x",
    "nan",
    "-nan",
    "inf",
    "-inf",
    "1e400",
    "0x10",
    "1,5",
    "1/2",
    "\x1b[2J",
    "3\n4",
    "\ud800",
    "9" * 5000,
]
OUTSIDE = st.one_of(
    st.sampled_from(ODD), st.integers().map(str), st.integers(10**9, 10**40).map(str), st.floats().map(repr), st.text()
)


def is_within(number: Number, text: str) -> bool:
    try:
        return number.limits[0] <= number.kind(text) <= number.limits[1]
    except ValueError:
        return False


def test_the_options_are_found():
    assert {"--steps", "--seconds", "--seeds", "--seed", "--jobs", "--trials", "--port"} <= {n.name for n in NUMBERS}


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: " ".join((*number.command, number.name)))
def test_both_limits_are_declared_and_kept(descend_here, number):
    low, high = number.limits
    for value in (number.kind(low) - 1, number.kind(high) * 2 + 1, "nan", "99999999999999999999999", "-5.5e300"):
        done = descend_here(*number.command, f"{number.name}={value}", *number.arguments)
        assert done.returncode == 2 and done.stdout == "", done.stderr
        assert one_line(done.stderr, f"{number.name} must be"), done.stderr
        assert f"from {low:.12g} to {high:.12g}, not {value}" in done.stderr.replace(" seconds, not", ", not")


@pytest.mark.parametrize("examples", sampled([60, 3000], 60))
def test_any_other_value_is_refused_in_one_line(descend_here, tmp_path, examples):
    @repeatable(examples)
    @given(st.sampled_from(NUMBERS), OUTSIDE)
    def one(number: Number, text: str) -> None:
        assume(not is_within(number, text))
        done = descend_here(*number.command, f"{number.name}={text}", *number.arguments)
        assert done.returncode == 2 and one_line(done.stderr, f"{number.name} must be"), done.stderr
        assert "\x1b" not in done.stderr

    one()
    assert not list(tmp_path.iterdir())
