"""An edit leaves no setting and no function that only the removed code read."""

from pathlib import Path

import pytest

from descend.doctor.source.unread import unread, without_unread

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


def test_a_schedule_goes_with_its_settings():
    after = SCHEDULE.replace(LOOP, "")
    tidied = without_unread(FILE, SCHEDULE, after)
    assert unread(SCHEDULE, after) == {"get_lr"} and unread(SCHEDULE, tidied) == set()
    assert "get_lr" not in tidied and "WARMUP" not in tidied and "BASE" not in tidied and "LAST" not in tidied
    assert "EPOCHS = 3\n" in tidied and "shown = 10\n" in tidied
    compile(tidied, "train.py", "exec")


@pytest.mark.parametrize(
    "kept",
    [
        "RATE = float(input())",  # it has an effect
        "RATE = 1\nRATE = 2",  # more than one statement gives it
        "class Settings:\n    RATE = 1",  # what a class defines is read as an attribute
        "RATE = 1\nprint(globals())",
        "RATE = 1\n__all__ = ['RATE']",
    ],
)
def test_what_may_be_read_elsewhere_or_has_an_effect_stays(kept):
    before, after = f"{kept}\nstep(RATE)\n", f"{kept}\nstep(1)\n"
    assert without_unread(FILE, before, after) == after


def test_what_nothing_read_before_stays():
    before, after = "RATE = 1\nstep(2)\n", "RATE = 1\nstep(3)\n"
    assert without_unread(FILE, before, after) == after
