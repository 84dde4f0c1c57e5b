"""The list of all claims with their verdicts. It imports no torch, so that it appears at once."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from descend.doctor.report.console import WIDEST

STYLES = {
    "holds": "bold green",
    "holds only if": "bold",
    "does not hold here": "bold red",
    "undecided": "bold yellow",
}
SHIPPED = Path(__file__).with_name("verdicts.json")  # what `docs/claims.py` writes from the measurements


def shipped_verdicts() -> list[dict[str, Any]]:
    """Return the claims, their figures and verdicts that come with descend, as JSON values."""
    found: list[dict[str, Any]] = json.loads(SHIPPED.read_text(encoding="utf-8"))
    return found


def gallery_table(claims: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Return a table of all claims with their verdicts, from their JSON values."""
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False, expand=True)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for one in claims:
        verdict = Text(one["message"], STYLES.get(one["verdict"], "dim"))
        table.add_row(one["claim"], Group(Text(one["sentence"], "dim"), verdict))
    return Constrain(table, WIDEST)
