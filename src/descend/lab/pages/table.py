"""A table that is shown on the page and on the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table as ConsoleTable


@dataclass(frozen=True)
class Table:
    """A table of texts with a title, a header row and a caption.

    numeric: the indices of the columns that contain numbers.
    """

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    caption: str = ""
    numeric: frozenset[int] = frozenset()

    def on_console(self) -> "ConsoleTable":
        """Return the table as a table of the library rich, in which texts can wrap and numbers cannot."""
        from rich.table import Table as ConsoleTable
        from rich.text import Text

        printed = ConsoleTable(box=None, padding=(0, 2, 0, 0), title=self.title, title_justify="left")
        for place, name in enumerate(self.head):
            justify: Any = "right" if place in self.numeric else "left"
            printed.add_column(Text(name), no_wrap=place in self.numeric, overflow="fold", justify=justify)
        for row in self.rows:
            printed.add_row(*map(Text, row))
        return printed
