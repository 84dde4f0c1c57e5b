"""Slow cases, which start several processes: `make test` runs a sample of them, `make thorough` all."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings


def sampled(cases: Iterable[Any], *always: Any) -> list[Any]:
    """Return the cases for `parametrize`; cases that are not in `always` run only in `make thorough`."""
    return [case if case in always else pytest.param(case, marks=pytest.mark.thorough) for case in cases]


def repeatable(examples: int) -> settings:
    """Return settings of hypothesis: so many examples, the same each time, however long each takes."""
    return settings(
        derandomize=True, deadline=None, database=None, max_examples=examples, suppress_health_check=list(HealthCheck)
    )
