"""A table that is the same on the page, on the console and in JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table as ConsoleTable


@dataclass(frozen=True)
class Table:
    """Rows of texts under one head. numeric, wrapped: the columns of numbers and of sentences, from 0."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    caption: str = ""
    numeric: frozenset[int] = frozenset()
    wrapped: frozenset[int] = frozenset()

    def on_console(self) -> "ConsoleTable":
        """Return it as rich prints it."""
        from rich.table import Table as ConsoleTable
        from rich.text import Text

        printed = ConsoleTable(box=None, padding=(0, 2, 0, 0), title=self.title, title_justify="left")
        for place, name in enumerate(self.head):
            justify: Any = "right" if place in self.numeric else "left"
            printed.add_column(Text(name), no_wrap=place not in self.wrapped, justify=justify)
        for row in self.rows:
            printed.add_row(*map(Text, row))
        return printed
