"""Lists every bound with its unit, its reason and its range: `docs/bounds.md`. `--measure` finds the ranges again."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from ranges import DOWN, PACKAGES, ROOT, UP, Ranges, Stated, shown, stated

PAGE, MEASURED = ROOT / "docs" / "bounds.md", ROOT / "docs" / "bounds.json"
TIGHTEST = 10
HEAD = """# Bounds

All {all} numbers that decide a diagnosis, a remedy's argument or a trial's verdict, each with its unit and its reason.
{paper} rest on a paper or a lecture that they name, {other} on arithmetic, a default, a convention or a measurement.
The other {rest} are chosen, {leaning} of them with a paper in view. No measurement shows that another value is worse.

The range says how far one of them alone can be moved before anything changes that is diagnosed of, or prescribed for,
the {of} examined programs that `tests/frozen` keeps. Tried were a quarter, a half, 1/√2, √2, twice and four times.

At 1/√2 or √2 already {tight} of the {moved} that were moved change a diagnosis, not counting where that takes them to
the other side of 1 (a share of more than the whole, a rise that is a fall). The tightest, with the number of programs
at both together: {tightest}.

{idle} change nothing even at a quarter and at four times: of these the programs say nothing, and a wide range is no
proof. {unmoved} were not moved: they decide trials, of which the records have none.

`python docs/bounds.py` writes this page; with `--measure` it first finds the ranges of bounds that are new or have
another value. The last columns count programs that are diagnosed otherwise at half and at twice, and after the + those
that are only prescribed otherwise.
"""
TABLE = """
## {package}

| where | bound | value | of what | why | range | at ½ | at 2 |
|---|---|---|---|---|---|---|---|
"""

Changes = dict[str, list[int]]  # by factor: programs that are diagnosed otherwise, and only prescribed otherwise


def measure(packages: Sequence[str]) -> None:
    """Find the ranges of bounds that are new or have another value, and of all in these packages; keep the others'."""
    ranges = Ranges()
    known = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    for each in stated():
        if each.package in packages or each.id not in known or known[each.id]["value"] != each.bound:
            changes = ranges.of(each) if each.package != "trials" else {}
            known[each.id] = {"value": each.bound, "of": len(ranges.records), "changes": changes}
            print(each.id, changes, flush=True)
            _keep(known)


def _keep(known: dict[str, Any]) -> None:
    """Keep the ranges of the bounds that there are, in their order."""
    rows = (f"{json.dumps(each.id)}: {json.dumps(known[each.id])}" for each in stated() if each.id in known)
    MEASURED.write_text("{\n" + ",\n".join(rows) + "\n}\n")


def page() -> str:
    """Return the page, with the ranges as they were measured last."""
    known, bounds = json.loads(MEASURED.read_text()), stated()
    rows = {each.id: row for each in bounds if (row := known.get(each.id)) and row["value"] == each.bound}
    changes: dict[str, Changes] = {name: row["changes"] for name, row in rows.items() if row["changes"]}
    near = {each.id: _near(each, changes[each.id]) for each in bounds if each.id in changes}
    tight = sorted((each for each in bounds if near.get(each.id)), key=lambda each: -near[each.id])
    kinds = [each.kind for each in bounds]
    head = HEAD.format(
        all=len(bounds),
        rest=kinds.count("chosen") + kinds.count("leaning"),
        **{kind: kinds.count(kind) for kind in ("paper", "other", "leaning")},
        of=max(row["of"] for row in rows.values()),
        tightest=", ".join(f"`{each.file}.{each.name}` ({near[each.id]})" for each in tight[:TIGHTEST]),
        moved=len(changes),
        tight=len(tight),
        idle=sum(not any(map(sum, row.values())) for row in changes.values()),
        unmoved=sum(each.package == "trials" for each in bounds),
    )
    tables = (_table(package, [each for each in bounds if each.package == package], changes) for package in PACKAGES)
    return head + "".join(tables)


def _near(of: Stated, changes: Changes) -> int:
    """Return how many programs are diagnosed otherwise at the nearest values, where these stay on their side of 1."""
    return sum(changes[shown(factor)][0] for factor in (DOWN[0], UP[0]) if of.stays(factor))


def _table(package: str, bounds: Sequence[Stated], changes: dict[str, Changes]) -> str:
    rows = []
    for each in bounds:
        cells = [each.file, f"`{each.name}`", f"{each.bound:g}", each.bound.unit, each.bound.why]
        rows.append("| " + " | ".join([*cells, *_range(each, changes.get(each.id))]).strip() + " |\n")
    return TABLE.format(package=package) + "".join(rows)


def _range(of: Stated, changes: Changes | None) -> tuple[str, str, str]:
    """Return the range, and the changes at half and at twice, in words."""
    if not changes:
        return "not moved" if of.package == "trials" else "not measured", "", ""
    least, most = (_last_without_change(changes, factors) for factors in (DOWN, UP))
    half, twice = (" + ".join(map(str, changes[shown(factors[1])])) for factors in (DOWN, UP))
    return f"×{least} to ×{most}" if (least, most) != ("1", "1") else "none", half, twice


def _last_without_change(changes: Changes, factors: Sequence[float]) -> str:
    last = "1"
    for factor in map(shown, factors):
        if any(changes.get(factor, [1])):
            break
        last = factor
    return last


def main() -> None:
    """Write the page; find the ranges first if that is requested."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", nargs="*", metavar="PACKAGE", help="find the ranges of these packages again, too")
    options = parser.parse_args()
    if options.measure is not None:
        measure(options.measure)
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
