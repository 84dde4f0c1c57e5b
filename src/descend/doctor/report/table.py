"""A table that is the same on the page, on the console and in JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table as ConsoleTable


@dataclass(frozen=True)
class Table:
    """Rows of texts under one head. numeric: the columns of numbers, from 0."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    caption: str = ""
    numeric: frozenset[int] = frozenset()

    def on_console(self) -> "ConsoleTable":
        """Return it as rich prints it: what is too wide goes on in the next line, and words before numbers."""
        from rich.table import Table as ConsoleTable
        from rich.text import Text

        printed = ConsoleTable(box=None, padding=(0, 2, 0, 0), title=self.title, title_justify="left")
        for place, name in enumerate(self.head):
            justify: Any = "right" if place in self.numeric else "left"
            printed.add_column(Text(name), no_wrap=place in self.numeric, overflow="fold", justify=justify)
        for row in self.rows:
            printed.add_row(*map(Text, row))
        return printed
