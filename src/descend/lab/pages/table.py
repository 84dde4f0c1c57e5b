"""A table that is shown on the page and on the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table as ConsoleTable


WIDEST_WORD = 24  # columns: a longer word may be cut


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
        """Return the table as a table of the library rich. Texts wrap between words, and numbers do not."""
        from rich.table import Table as ConsoleTable
        from rich.text import Text

        printed = ConsoleTable(box=None, padding=(0, 2, 0, 0), title=self.title, title_justify="left")
        for place, name in enumerate(self.head):
            justify: Any = "right" if place in self.numeric else "left"
            cells = [row[place] for row in self.rows if place < len(row)]
            uncut = [*name.split(), *(cells if place in self.numeric else " ".join(cells).split())]
            least = max(map(len, uncut), default=1)
            printed.add_column(Text(name), min_width=min(least, WIDEST_WORD), overflow="fold", justify=justify)
        for row in self.rows:
            printed.add_row(*map(Text, row))
        return printed
