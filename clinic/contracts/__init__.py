"""Broken contracts between two correct pieces of a program, by theme, and how they are split into two halves."""

import hashlib
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
THEMES = ("axes", "work", "states", "settings", "pairs")
HASHES = HERE / "hashes.txt"  # a line for each file: its SHA-256 hash and its name


def theme(name: str) -> Any:
    """Return the module of a theme, with its `OPERATORS` and what a right finding of each says, `RIGHT`."""
    return import_module(f"contracts.{name}")


def programs(kind: str) -> list[Path]:
    """Return the programs of a kind: `hosts`, which are given mistakes, or `working`, which are right as they are."""
    return sorted((HERE / kind).glob("*.py"))


def held_out(names: Iterable[str]) -> set[str]:
    """Return the half of some names that comes first by its hash. What has these names is scored once, at the end.

    names: those of the operators of one theme, or of the working programs.
    """
    ordered = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return set(ordered[: len(ordered) // 2])


def of_half(names: Iterable[str], half: str) -> set[str]:
    """Return those of some names that are in a half: `visible` or `held_out`."""
    every = set(names)
    return held_out(every) if half == "held_out" else every - held_out(every)


def hashes() -> dict[str, str]:
    """Return the hash of each file that must not change after the first measurement, by its name."""
    files = [HERE / f"{name}.py" for name in THEMES] + programs("hosts") + programs("working")
    return {str(file.relative_to(HERE)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
