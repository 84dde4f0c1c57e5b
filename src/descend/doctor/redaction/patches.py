"""A unified diff whose changes are exact, and whose context shows no line that holds a secret."""

from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher, unified_diff

from descend.doctor.redaction import clean

CONTEXT = 3  # lines above and below a change, as `diff -u` has them

Entry = tuple[str, int, int]  # kind of line; where it is, or would be, before and after: 0-based


def secret_lines(text: str) -> frozenset[int]:
    """Return which lines of a text hold a secret, or a part of one; 0-based."""
    kept, cleaned = text.split("\n"), clean(text).split("\n")
    if len(kept) != len(cleaned):  # never so far: each line by itself then
        cleaned = [clean(line) for line in kept]
    return frozenset(i for i, (line, shown) in enumerate(zip(kept, cleaned)) if line != shown)


def diff_lines(
    before: Sequence[str], after: Sequence[str], name: str, as_source: Callable[[str], str] | None = None
) -> Iterator[str]:
    """Yield the lines of the diff of two texts, given in lines. A hunk ends before a line that holds a secret.

    It can be applied all the same: a change itself is never left out, whatever it holds.

    as_source: decodes a line of a file that keeps source in another form; secrets are looked for in both forms.
    """
    hidden = secret_lines("".join(before))
    if as_source is not None:
        hidden |= secret_lines("".join(map(as_source, before)))
    if not hidden:
        yield from unified_diff(before, after, name, name, n=CONTEXT)
        return
    yield from (f"--- {name}\n", f"+++ {name}\n")
    for group in SequenceMatcher(None, before, after).get_grouped_opcodes(CONTEXT):
        for hunk in _without(hidden, list(_entries(group)), len(before)):
            yield _header(hunk)
            for kind, i, j in hunk:
                yield kind + (after[j] if kind == "+" else before[i])


def _entries(group: Sequence[tuple[str, int, int, int, int]]) -> Iterator[Entry]:
    for tag, i1, i2, j1, j2 in group:
        if tag == "equal":
            yield from ((" ", i, j) for i, j in zip(range(i1, i2), range(j1, j2)))
        else:
            yield from (("-", i, j1) for i in range(i1, i2))
            yield from (("+", i2, j) for j in range(j1, j2))


def _without(hidden: frozenset[int], entries: Sequence[Entry], length: int) -> Iterator[list[Entry]]:
    """Yield the stretches between the lines that are left out, as far as anything changes in them."""
    stretch: list[Entry] = []
    for entry in (*entries, None):
        if entry is not None and not (entry[0] == " " and entry[1] in hidden):
            stretch.append(entry)
            continue
        if any(kind != " " for kind, _, _ in stretch):
            yield _even(stretch, length)
        stretch = []


def _even(hunk: list[Entry], length: int) -> list[Entry]:
    """Return a hunk with as much context above as below: `patch` takes one with less for the file's first, or last."""
    changed = [i for i, (kind, _, _) in enumerate(hunk) if kind != " "]
    above, below = changed[0], len(hunk) - 1 - changed[-1]
    is_first, is_last = hunk[0][1] == 0, hunk[-1][1] + (hunk[-1][0] != "+") >= length
    start = above - below if above > below and not is_last else 0
    end = below - above if below > above and not is_first else 0
    return hunk[start : len(hunk) - end]


def _header(hunk: list[Entry]) -> str:
    _, i, j = hunk[0]
    return f"@@ -{_range(i, hunk, '+')} +{_range(j, hunk, '-')} @@\n"


def _range(start: int, hunk: list[Entry], other: str) -> str:
    size = sum(kind != other for kind, _, _ in hunk)
    return f"{start + 1}" if size == 1 else f"{start + 1 if size else start},{size}"
