"""Scores a tool on programs with one broken contract each: two pieces, each correct, that do not fit together.

python clinic/exam.py validity                    # which of the mistakes hurt: once for each version of PyTorch
python clinic/exam.py take --tool descend         # each of those through a tool, then the working programs
python clinic/exam.py table --tool descend        # what is known so far; --half visible held_out: of both halves

A tool is a file in `clinic/tools`: a command that is given a script and prints what it found (`tools/README.md`).
All of it continues where it was stopped.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from consult import applies
from contracts import THEMES, of_half, programs, theme
from contracts.sample import HALVES, candidates
from mutations.judged import HALF, MOSTLY, Harm, Values, program_key
from mutations.pool import for_each
from mutations.rows import Rows, key
from mutations.sample import Subject, as_shown
from mutations.tables import share

HERE = Path(__file__).parent
TOOLS = HERE / "tools"
LIMIT_S = 1200.0


class Exam:
    """What is measured, and how many programs at a time."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.values = options, Values(Rows("contracts.values"))
        self.until = time.monotonic() + 60 * options.minutes
        self.harm = Harm(Rows("contracts.harm"), self.values)

    def validity(self) -> None:
        """Measure which candidates hurt."""
        for half in self.options.half:
            self._each(candidates(half), self.harm.measure)

    def take(self) -> None:
        """Give the tool each program that hurts, and each working one."""
        rows = Rows(f"contracts.{self.options.label or self.options.tool}")
        for half in self.options.half:
            subjects = filter(self.harm.is_known, candidates(half))
            self._each(filter(self._is_chosen, subjects), lambda subject: self._examined(subject, rows))
            self._each(filter(self._is_chosen, working(half)), lambda path: self._accused(path, rows))

    def table(self) -> None:
        """Print what a tool made of the programs of each half so far."""
        rows = Rows(f"contracts.{self.options.label or self.options.tool}").by_subject
        file = TOOLS / f"{self.options.tool}.json"
        for half in self.options.half:
            chosen = {of: row for of, row in rows.items() if of_program(of) in names_of(half)}
            print(f"{half.replace('_', ' ')} half\n")
            print(table(chosen, json.loads(file.read_text()) if file.exists() else {}))

    def _examined(self, subject: Subject, rows: Rows) -> str:
        own = program_key(subject)
        row = rows.known.get(own)
        if row is None:
            row = {"key": own, "of": subject.id, "lines": sorted(subject.places[0])}
            answer, patched = answer_of(self.options.tool, subject.text, subject.mutants[0].host.name)
            if patched is not None:
                row["given_back"] = self.values.given_back(subject, patched)
            rows.add({**row, **answer})
            row = rows.known[own]
        first = next(iter(row.get("findings", [])), {"name": "nothing"})
        return f"{row.get('trouble') or first['name']}, given back {row.get('given_back', 0):.2f}"

    def _accused(self, path: Path, rows: Rows) -> str:
        own = key(path.read_text())
        if own not in rows.known:
            answer, _ = answer_of(self.options.tool, path.read_text(), path.stem)
            rows.add({"key": own, "of": f"working/{path.stem}", **answer})
        row = rows.known[own]
        return row.get("trouble") or ", ".join(f["name"] for f in row["findings"]) or "no finding"

    def _is_chosen(self, subject: Subject | Path) -> bool:
        """Return whether a program is of a chosen theme."""
        own = subject.mutants[0].family if isinstance(subject, Subject) else subject.stem.partition("_")[0]
        return own in self.options.theme

    def _each(self, programs: Iterable[Any], measure: Callable[[Any], str]) -> None:
        for_each(programs, measure, lambda program: getattr(program, "id", str(program)), self.options.jobs, self.until)


def table(rows: Mapping[str, Mapping[str, Any]], names: Mapping[str, Sequence[str]]) -> str:
    """Return the results of a tool as a table in Markdown, a line for each theme.

    rows: by the program's id.
    names: for each operator, what the tool calls such a mistake. Without a name, no finding is right.
    """
    faulty = {of: row for of, row in rows.items() if not of.startswith("working/")}
    lines = [
        "| theme | programs | named first | first at its line | half restored | four fifths |",
        "|---|---|---|---|---|---|",
    ]
    for name in (*THEMES, "all"):
        some = [(of_program(of), row) for of, row in faulty.items()]
        some = [(operator, row) for operator, row in some if name in ("all", operator.split("/")[0])]
        firsts = [(operator, row, next(iter(row["findings"]), {})) for operator, row in some]
        cells = [
            share(first.get("name") in names.get(operator, ()) for operator, _, first in firsts),
            share(first.get("line") in row["lines"] for _, row, first in firsts),
            *(share(row.get("given_back", 0.0) >= part for _, row in some) for part in (HALF, MOSTLY)),
        ]
        lines.append(f"| {name} | {len(some)} | {' | '.join(cells)} |")
    named = [(operator, first.get("name") in names.get(operator, ())) for operator, _, first in firsts]
    restored = [(operator, row.get("given_back", 0.0) >= HALF) for operator, row in some]
    right = [row for of, row in rows.items() if of.startswith("working/")]
    last = [
        f"The programs come from {len({operator for operator, _ in some})} operators. Bootstrap over these, 95 %: "
        f"named first {by_operator(named)}, half restored {by_operator(restored)}.",
        f"Working programs accused: {share(bool(row['findings']) for row in right)}.",
    ]
    return "\n".join([*lines, "", *last])


def by_operator(outcomes: Sequence[tuple[str, bool]], draws: int = 4000) -> str:
    """Return the interval of a share whose programs are drawn operator by operator: those of one are alike."""
    groups: dict[str, list[bool]] = {}
    for operator, outcome in outcomes:
        groups.setdefault(operator, []).append(outcome)
    if not groups:
        return "–"
    generator, each = random.Random(0), list(groups.values())
    drawn = (sum(generator.choices(each, k=len(each)), []) for _ in range(draws))
    shares = sorted(sum(some) / len(some) for some in drawn)
    return f"{shares[draws // 40]:.0%}–{shares[-1 - draws // 40]:.0%}"


def of_program(of: str) -> str:
    """Return the operator of a faulty program, as in `axes/final_states_viewed`, or `working/` and a working one."""
    return of if of.startswith("working/") else of.split("/", 1)[1].rsplit("/", 1)[0]


def names_of(half: str) -> set[str]:
    """Return the operators of a half, each with its theme, and the working programs."""
    own = {name: (operator.name for operator in theme(name).OPERATORS) for name in THEMES}
    operators = {f"{name}/{operator}" for name in THEMES for operator in of_half(own[name], half)}
    return operators | {f"working/{path.stem}" for path in working(half)}


def working(half: str) -> list[Path]:
    """Return the working programs of a half."""
    found = programs("working")
    chosen = of_half((path.stem for path in found), half)
    return [path for path in found if path.stem in chosen]


def answer_of(tool: str, text: str, name: str) -> tuple[dict[str, Any], str | None]:
    """Return what a tool prints about a program, and the program after the tool's patch; None without a patch."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, f"{name}.py")
        script.write_text(as_shown(text))
        began = time.perf_counter()
        try:
            command = [sys.executable, str(TOOLS / f"{tool}.py"), script.name]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S)
            answer = json.loads(done.stdout)
        except subprocess.TimeoutExpired:
            return {"findings": [], "trouble": f"no answer in {LIMIT_S:.0f} s"}, None
        except json.JSONDecodeError:
            return {"findings": [], "trouble": (done.stderr.strip().splitlines() or ["no output"])[-1]}, None
        answer["seconds"] = round(time.perf_counter() - began, 1)
        patched = None
        if answer.get("patch"):
            patched = script.read_text() if applies(answer["patch"], script) else ""
        return answer, patched


def main() -> None:
    """Run the subcommand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("validity", "take", "table"))
    parser.add_argument("--half", choices=HALVES, nargs="+", default=["visible"])
    parser.add_argument("--theme", choices=THEMES, nargs="+", default=THEMES)
    parser.add_argument("--tool", default="descend", help="the name of a file in clinic/tools")
    parser.add_argument("--label", help="name of the rows, for versions of one tool; default: the tool's name")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no program after so many minutes")
    parser.add_argument("--jobs", type=int, default=2, help="programs at a time")
    options = parser.parse_args()
    getattr(Exam(options), options.what)()


if __name__ == "__main__":
    main()
