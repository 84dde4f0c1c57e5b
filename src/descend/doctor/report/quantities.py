"""The unit of a finding's measured value: a share in percent, a ratio with ×, a duration in seconds."""

import re

from descend.doctor.report.formatting import NO_BREAK_SPACE, duration, number, percent

SHARE = re.compile(r"\bshare\b|_share$|^accuracy$")
RATIO = re.compile(r" / |\bratio\b|_ratio$|^condition_number$|^factor\b")
STEP = re.compile(r"^(first )?step\b")


def is_share(quantity: str) -> bool:
    """Return whether a quantity is a share, which is written as a percentage."""
    return bool(SHARE.search(quantity))


def value_with_unit(quantity: str, value: float) -> str:
    """Return a measured value or its limit with the unit of its quantity: `95 %`, `2 300 ×`, `step 12`, `0.5`."""
    if is_share(quantity):
        return percent(value, 0 if value == 0 or abs(value) >= 0.1 else 1) if abs(value) < 1e3 else number(value)
    if RATIO.search(quantity):
        return f"{number(value)}{NO_BREAK_SPACE}×"
    if STEP.search(quantity):
        return f"step {number(value)}"
    return duration(value) if "seconds" in quantity.split() or quantity.endswith("_seconds") else number(value)
