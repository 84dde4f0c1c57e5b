"""Measurements of many programs, several at a time, of which none starts after a time limit."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Program = TypeVar("Program")


def for_each(
    programs: Iterable[Program],
    measure: Callable[[Program], str],
    name: Callable[[Program], str],
    jobs: int,
    until: float,
) -> None:
    """Measure each program and print a line for it.

    measure: returns what to print.
    name: returns a program's name.
    jobs: the number of programs at a time.
    until: the time of `time.monotonic()` after which no measurement starts.
    """
    found = list(programs)

    def one(numbered: tuple[int, Program]) -> None:
        number, program = numbered
        if time.monotonic() < until:
            print(f"{number}/{len(found)} {name(program)}: {measure(program)}", flush=True)

    with ThreadPoolExecutor(jobs) as pool:
        for _ in pool.map(one, enumerate(found, 1)):
            pass
