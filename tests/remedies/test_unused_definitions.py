"""Settings and functions that only removed code used are removed as well."""

from pathlib import Path

import pytest

from descend.doctor.codemod.unused_definitions import newly_unused, remove_newly_unused

SCHEDULE = """\
import torch

WARMUP = 100
BASE = 0.1
LAST = WARMUP * 4
EPOCHS = 3


def get_lr(step):
    return BASE * min(step / WARMUP, 1, LAST)


def main():
    shown = 10
    for step in range(EPOCHS):
        for group in optimizer.param_groups:
            group["lr"] = get_lr(step)
        if step % shown:
            print(step)


main()
"""
LOOP = """\
        for group in optimizer.param_groups:
            group["lr"] = get_lr(step)
"""
FILE = Path("train.py")


def test_settings_of_a_removed_schedule_are_removed():
    after = SCHEDULE.replace(LOOP, "")
    tidied = remove_newly_unused(FILE, SCHEDULE, after)
    assert newly_unused(SCHEDULE, after) == {"get_lr"} and newly_unused(SCHEDULE, tidied) == set()
    assert "get_lr" not in tidied and "WARMUP" not in tidied and "BASE" not in tidied and "LAST" not in tidied
    assert "EPOCHS = 3\n" in tidied and "shown = 10\n" in tidied
    compile(tidied, "train.py", "exec")


@pytest.mark.parametrize(
    "kept",
    [
        "RATE = float(input())",  # The call has an effect.
        "RATE = 1\nRATE = 2",  # Two statements define the name.
        "class Settings:\n    RATE = 1",  # Class attributes may be read elsewhere.
        "RATE = 1\nprint(globals())",
        "RATE = 1\n__all__ = ['RATE']",
    ],
)
def test_definitions_read_elsewhere_or_with_effects_stay(kept):
    before, after = f"{kept}\nstep(RATE)\n", f"{kept}\nstep(1)\n"
    assert remove_newly_unused(FILE, before, after) == after


def test_definitions_unused_before_the_edit_stay():
    before, after = "RATE = 1\nstep(2)\n", "RATE = 1\nstep(3)\n"
    assert remove_newly_unused(FILE, before, after) == after
