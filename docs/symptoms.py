"""Write docs/symptoms.md: every problem that descend detects, in eight groups, with its remedies."""

from pathlib import Path

from descend.doctor.catalog import CATALOG
from descend.doctor.symptoms.groups import GROUPS

PAGE = Path(__file__).parent / "symptoms.md"
HEAD = """# Symptoms

Every problem that `descend` checks. `--select` and `--ignore` take the `id`. `descend explain ID` prints how a problem
is recognised, the source of its limit, and why each remedy helps. `make tables` writes this page.
"""


def page() -> str:
    """Return the page; raises `ValueError` for a problem that is in no group, or in two."""
    grouped = [name for ids in GROUPS.values() for name in ids]
    if sorted(grouped) != sorted(CATALOG):
        raise ValueError(f"not in exactly one group: {sorted({*grouped} ^ {*CATALOG}) or 'a duplicate'}")
    return HEAD + "".join(f"\n## {title}\n\n{_table(ids)}" for title, ids in GROUPS.items())


def _table(ids: list[str]) -> str:
    rows = ["| id | what is wrong | remedies |", "|---|---|---|"]
    for name in ids:
        entry = CATALOG[name]
        summary = " ".join(entry.nature.partition(": ")[2].split()).rstrip(".")
        remedies = dict.fromkeys(row.remedy for row in entry.remedies)
        rows.append(f"| `{name}` | {summary[:1].upper()}{summary[1:]} | {', '.join(f'`{r}`' for r in remedies)} |")
    return "\n".join(rows) + "\n"
