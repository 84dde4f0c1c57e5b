"""The pages of the problems: each is written from its entry in the catalog, its clinic programs and their results."""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from descend.doctor.catalog import CATALOG
from descend.doctor.commands.explanation import detection_text
from descend.doctor.report.formatting import sentence
from descend.doctor.symptoms.groups import GROUPS
from descend.doctor.symptoms.problem import Problem, group_by_reason

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "clinic"))

from symptom_charts import symptom_chart  # noqa: E402
from variants import HERE as CLINIC  # noqa: E402
from variants import Patient, patients  # noqa: E402

SAID = ROOT / "tests" / "frozen" / "said.jsonl"
ITALIC = r"*\1*"
VALUE = re.compile(r"<(\w+)>")  # a value that depends on the run, such as a learning rate
RESULT = re.compile(r"^\| (\w+) \| kept_out \| ([^|]+) \| ([^|]+) \| ([^|]*) \| ([^|]*) \|", re.MULTILINE)


def similar_ids(program: Patient) -> set[str]:
    """Return the problems that a healthy program seems to have."""
    return {*re.findall(r"\w+", program.looks_like.split(", ")[0])}


@cache
def sentences() -> dict[tuple[str, str], str]:
    """Return what descend says of the clinic's programs, by program and problem."""
    rows = map(json.loads, SAID.read_text(encoding="utf-8").splitlines())
    return {(row["of"], row["id"]): row["sentence"] for row in rows if "sentence" in row}


@cache
def results() -> dict[str, tuple[str, ...]]:
    """Return the clinic's results by program: fault, first finding, fix, metric before and after."""
    text = (CLINIC / "PATIENTS.md").read_text(encoding="utf-8")
    return {row[0]: tuple(cell.strip() for cell in row[1:]) for row in RESULT.findall(text)}


def symptom_pages(problem: Problem, *, with_charts: bool) -> Iterator[tuple[str, str]]:
    """Yield the place and the text of a problem's page and, if asked, of the picture of a clinic program."""
    sick = [each for each in patients("sick") if problem.id in each.faults]
    shown = _shown_program(problem, sick)
    chart = symptom_chart(shown) if with_charts and shown is not None else None
    yield f"symptoms/{problem.id}.md", symptom_page(problem, sick, has_chart=chart is not None)
    if chart is not None:
        yield f"symptoms/{problem.id}.svg", chart


def symptom_page(problem: Problem, sick: Sequence[Patient], *, has_chart: bool) -> str:
    """Return the page of one problem. sick: the clinic's programs with this problem."""
    group = next(group for group, names in GROUPS.items() if problem.id in names)
    parts = [
        f"# {capitalised(problem.title)}",
        f"`{problem.id}`, in the group {group.lower()}",
        _what_it_is(problem),
        *_seen(problem, sick),
        *([f"![The training loss of this program, as it is and with its fix]({problem.id}.svg)"] if has_chart else []),
        f"## Why it is bad\n\n{problem.explanation}",
        f"## How it is measured\n\n{detection_text(problem)}",
        *([f"Source: {problem.source}."] if problem.source else []),
        f"## An example\n\nFaulty:\n\n```python\n{problem.example.faulty}\n```\n\nFixed:\n\n```python\n"
        f"{problem.example.fixed}\n```",
        _remedies(problem),
        *_not_a_fault(problem),
        *_figures(problem, sick),
        f"## Switch it off\n\n`descend doctor --ignore {problem.id} train.py`, or in `pyproject.toml`:\n\n```toml\n"
        f'[tool.descend]\nignore = ["{problem.id}"]\n```',
    ]
    return "\n\n".join(parts) + "\n"


def _what_it_is(problem: Problem) -> str:
    """Return the description of a problem without its name, which is the heading."""
    text = problem.nature.partition(": ")[2] or problem.nature
    return capitalised(text)


def capitalised(text: str) -> str:
    """Return a text with a capital first letter."""
    return f"{text[0].upper()}{text[1:]}"


def _shown_program(problem: Problem, sick: Sequence[Patient]) -> Patient | None:
    """Return the first program in which descend has found the problem, or else the first with this fault."""
    found = [each for each in sick if (f"clinic/sick/{each.name}", problem.id) in sentences()]
    return next(iter([*found, *sick]), None)


def _seen(problem: Problem, sick: Sequence[Patient]) -> Iterator[str]:
    """Yield what descend says of a program with this problem, and what the problem causes."""
    program = _shown_program(problem, sick)
    if program is not None:
        link = f"[{program.name}](../source/clinic/sick/{program.name}.py.md)"
        said = sentences().get((f"clinic/sick/{program.name}", problem.id))
        yield f"## What you see\n\nA program of the clinic with this fault is {link}: {program.title}"
        if said:
            yield f"descend reports:\n\n> {capitalised(said)}."
    if problem.consequences:
        links = ", ".join(f"[{CATALOG[name].title}]({name}.md)" for name in sorted(problem.consequences))
        yield f"It can cause other problems, which are then reported as its consequences: {links}."


def _remedies(problem: Problem) -> str:
    """Return the remedies, why they work, and what a proof of them covers."""
    lines = ["## Remedies", ""]
    lines += [problem.advice, ""] if problem.advice else []
    for (why, source), labels in group_by_reason(problem.remedies, lambda entry: entry.general_label).items():
        names = {entry.general_label: entry.remedies for entry in problem.remedies}
        for label in labels:
            ids = " and ".join(f"[`{each}`](../remedies/{each}.md)" for each in names[label])
            lines.append(f"- {VALUE.sub(ITALIC, sentence(label).rstrip('.'))} ({ids})")
        lines += ["", f"    {sentence(why)} Source: {source}.", ""]
    if not problem.remedies:
        lines += ["No edit of the script can be tried.", ""]
    lines.append(
        "A proof covers your script, your data and as many steps as the trial made: the edit makes the metric better, "
        "on five seeds and by more than chance allows. It does not cover longer runs or other data."
        if problem.remedies
        else "So nothing is proved: descend only reports what it has measured."
    )
    return "\n".join(lines)


def _not_a_fault(problem: Problem) -> Iterator[str]:
    """Yield the working programs that look as if they had this problem."""
    alike = [each for each in patients("healthy") if problem.id in similar_ids(each)]
    if alike:
        lines = ["## When it is not a fault", "", "These working programs look similar, and are not accused:", ""]
        for each in alike:
            reason = each.looks_like.partition(", since ")[2] or each.looks_like.partition(", ")[2] or each.title
            lines.append(f"- [{each.name}](../source/clinic/healthy/{each.name}.py.md): {reason}")
        yield "\n".join(lines)


def _figures(problem: Problem, sick: Sequence[Patient]) -> Iterator[str]:
    """Yield the clinic's results for programs with this fault."""
    rows = [(each, results()[each.name]) for each in sick if each.name in results()]
    if rows:
        lines = [
            "## Results in the clinic",
            "",
            "Programs with this fault, in variants that were not used for tuning:",
            "",
            "| program | first finding | fix | metric, before → after |",
            "|---|---|---|---|",
        ]
        for each, (_, first, fix, change) in rows:
            name = f"[{each.name}](../source/clinic/sick/{each.name}.py.md)"
            lines.append(f"| {name} | {first or 'none'} | {fix or 'none'} | {change or 'not measured'} |")
        yield "\n".join(lines)


def index_page() -> str:
    """Return the list of all problems, in their groups."""
    lines = [
        "# Symptoms",
        "",
        f"descend checks each run for {len(CATALOG)} problems. A finding shows the problem's id in brackets.",
    ]
    for group, names in GROUPS.items():
        lines += ["", f"## {group}", "", "| problem | id |", "|---|---|"]
        lines += [f"| [{capitalised(CATALOG[n].title)}]({n}.md) | `{n}` |" for n in names]
    return "\n".join(lines) + "\n"


def linked_programs() -> Iterator[str]:
    """Yield the paths of the programs to which the pages link."""
    for each in (*patients("sick"), *patients("healthy")):
        yield str(each.path.relative_to(ROOT))
