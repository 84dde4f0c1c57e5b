"""Write unified diffs that apply exactly, without context lines that contain a secret."""

from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher, unified_diff

from descend.doctor.redaction import mask_secrets

CONTEXT = 3  # number of unchanged lines that are shown above and below a change, as in `diff -u`

# One line of a diff: its sign (" ", "-" or "+"), and its 0-based positions in the old text and in the new text.
Entry = tuple[str, int, int]


def secret_lines(text: str) -> frozenset[int]:
    """Return the 0-based numbers of the lines that contain a secret or a part of one."""
    kept, cleaned = text.split("\n"), mask_secrets(text).split("\n")
    if len(kept) != len(cleaned):  # If masking has changed the number of lines, each line is masked separately.
        cleaned = [mask_secrets(line) for line in kept]
    return frozenset(i for i, (line, shown) in enumerate(zip(kept, cleaned)) if line != shown)


def diff_lines(
    before: Sequence[str],
    after: Sequence[str],
    name: str,
    old_name: str = "",
    as_source: Callable[[str], str] | None = None,
) -> Iterator[str]:
    """Yield the lines of a unified diff of two texts, without the context lines that contain a secret.

    The diff can still be applied: a changed line is never left out, even if it contains a secret.

    old_name: the file's name in the old version; `name` by default. as_source: decodes a line of a file that stores
    source in another form; secrets are searched in both forms.
    """
    hidden = secret_lines("".join(before))
    if as_source is not None:
        hidden |= secret_lines("".join(map(as_source, before)))
    if not hidden:
        yield from unified_diff(before, after, old_name or name, name, n=CONTEXT)
        return
    yield from (f"--- {old_name or name}\n", f"+++ {name}\n")
    for group in SequenceMatcher(None, before, after).get_grouped_opcodes(CONTEXT):
        for hunk in _visible_hunks(hidden, list(_lines_of_group(group)), len(before)):
            yield _hunk_header(hunk)
            for kind, i, j in hunk:
                yield kind + (after[j] if kind == "+" else before[i])


def _lines_of_group(group: Sequence[tuple[str, int, int, int, int]]) -> Iterator[Entry]:
    """Yield each line of a diff, given as a group of difflib's opcodes, with its sign and positions in both texts."""
    for tag, i1, i2, j1, j2 in group:
        if tag == "equal":
            yield from ((" ", i, j) for i, j in zip(range(i1, i2), range(j1, j2)))
        else:
            yield from (("-", i, j1) for i in range(i1, i2))
            yield from (("+", i2, j) for j in range(j1, j2))


def _visible_hunks(hidden: frozenset[int], entries: Sequence[Entry], length: int) -> Iterator[list[Entry]]:
    """Split a hunk at the context lines that must be hidden, and yield the parts that contain a change."""
    stretch: list[Entry] = []
    for entry in (*entries, None):
        if entry is not None and not (entry[0] == " " and entry[1] in hidden):
            stretch.append(entry)
            continue
        if any(kind != " " for kind, _, _ in stretch):
            yield _trim_context(stretch, length)
        stretch = []


def _trim_context(hunk: list[Entry], length: int) -> list[Entry]:
    """Return a hunk trimmed to equally many context lines above and below the change.

    The command `patch` takes shorter context on one side for the start or the end of the file.
    """
    changed = [i for i, (kind, _, _) in enumerate(hunk) if kind != " "]
    above, below = changed[0], len(hunk) - 1 - changed[-1]
    is_first, is_last = hunk[0][1] == 0, hunk[-1][1] + (hunk[-1][0] != "+") >= length
    start = above - below if above > below and not is_last else 0
    end = below - above if below > above and not is_first else 0
    return hunk[start : len(hunk) - end]


def _hunk_header(hunk: list[Entry]) -> str:
    """Return the header line `@@ -… +… @@` of a hunk in a unified diff."""
    _, i, j = hunk[0]
    return f"@@ -{_hunk_range(i, hunk, '+')} +{_hunk_range(j, hunk, '-')} @@\n"


def _hunk_range(start: int, hunk: list[Entry], other: str) -> str:
    """Return "first line,number of lines" of a hunk in one of the two texts. `other` is the sign of the other text."""
    size = sum(kind != other for kind, _, _ in hunk)
    return f"{start + 1}" if size == 1 else f"{start + 1 if size else start},{size}"
