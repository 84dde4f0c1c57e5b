"""Changes of the clinic's programs whose effect is known: fixes, edits without effect, and planted mistakes.

`fixes/` has the fix of each faulty program as a patch, as the program's docstring describes it. Programs that no
change of the code can repair have none. Edits without effect are chosen by a hash. A planted mistake is one that is
known to hurt by `measured/hurts.jsonl`. Programs without such a mistake maximise their loss.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mutations.catalogue import HEALTHY_EXAMPLES, compiles, hosts, mutants, unseen
from mutations.families import BENIGN, FAMILIES
from mutations.mutant import Mutant
from mutations.paraphrase import renamed
from mutations.rows import Rows
from mutations.sample import order
from mutations.script import Script

CLINIC = Path(__file__).parent
KINDS = ("fix", "edit without effect", "planted mistake")
HELPS, HARMS = frozenset({"helps"}), frozenset({"harms", "fails"})
SAME = frozenset({"no_effect", "equivalent"})
# The trained weights stay the same, so `descend prove` does not compare the metric before and after.
FIXES_OF_EVALUATION = (
    "digits_tested_in_disorder",
    "digits_values_for_places",
    "wine_raw_in_the_test",
    "wine_scored_by_the_shelf",
)
# Without the leak of the targets, the loss is higher: it is another task.
FIXES_OF_LEAKS = ("timetable_char_transformer",)
# These change a program whose gradients are larger, or whose parameters have no gradient in some steps.
WITH_EFFECT = ("clipped_at_a_million", "filled_with_zeros")
MAXIMISED = ("turned_loss", "maximised")  # operators whose mistakes hurt without a measurement


@dataclass(frozen=True)
class KnownChange:
    """A change of a program, and the verdicts on it that are right."""

    kind: str
    program: Path
    name: str  # what is changed, such as the operator of a mistake
    text: str  # the changed program, or a patch of it
    right: frozenset[str]

    @property
    def is_patch(self) -> bool:
        """Whether the text is a patch."""
        return self.kind == "fix"

    @property
    def id(self) -> str:
        """The name of the change in tables and in stored results."""
        return f"{self.kind}: {self.program.parent.name}/{self.program.stem} ({self.name})"


def known_changes(*kinds: str) -> list[KnownChange]:
    """Return all changes of these kinds, or of every kind."""
    generators = dict(zip(KINDS, (fixes, edits_without_effect, planted_mistakes)))
    return [change for kind in kinds or KINDS for change in generators[kind]()]


def fixes() -> Iterator[KnownChange]:
    """Yield the fix of each faulty program that has one."""
    for patch in sorted((CLINIC / "fixes").glob("*/*.diff")):
        program = CLINIC / patch.parent.name / f"{patch.stem}.py"
        right = HELPS
        if patch.stem in FIXES_OF_EVALUATION:
            right = HELPS | {"not_comparable"}
        elif patch.stem in FIXES_OF_LEAKS:
            right = frozenset({"not_comparable"})
        yield KnownChange("fix", program, "as its author describes it", patch.read_text(encoding="utf-8"), right)


def edits_without_effect() -> Iterator[KnownChange]:
    """Yield one edit of each program, faulty or healthy."""
    faulty = [path for kind in ("sick", "novice") for path in sorted((CLINIC / kind).glob("*.py"))]
    for path in [*faulty, *healthy_programs()]:
        found = {label: text for label, text in _neutral_edits(path) if compiles(text)}
        label = min(found, key=lambda label: order(f"{path.stem} {label}"))
        yield KnownChange("edit without effect", path, label, found[label], SAME)


def planted_mistakes() -> Iterator[KnownChange]:
    """Yield one mistake for each healthy program that has one."""
    hurting = [row["of"] for row in Rows("hurts").known.values() if row["hurts"] and "+" not in row["of"]]
    for path in healthy_programs():
        script = Script(path)
        known = sorted((name for name in hurting if name.partition("/")[0] == path.stem), key=order)
        mutant = _mutant_named(script, known) or _maximising(script)
        if mutant is not None:
            yield KnownChange("planted mistake", path, mutant.operator.name, mutant.text, HARMS)


def healthy_programs() -> list[Path]:
    """Return the healthy programs of the clinic, and those that had not been examined before."""
    return [*(path for path in hosts() if path.stem not in HEALTHY_EXAMPLES), *unseen()]


def _mutant_named(script: Script, names: list[str]) -> Mutant | None:
    """Return the first mutant whose name is in the list, in the order of the list."""
    found = {mutant.id: mutant for mutant in mutants(script, FAMILIES)} if names else {}
    return next((found[name] for name in names if name in found), None)


def _maximising(script: Script) -> Mutant | None:
    """Return the program that maximises its loss; None if it calls neither `backward` nor an optimizer of torch."""
    operators = {operator.name: (family, operator) for family, some in FAMILIES.items() for operator in some}
    for name in MAXIMISED:
        family, operator = operators[name]
        for edit in operator.sites(script):
            return Mutant(family, operator, script, 0, edit)
    return None


def _neutral_edits(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the label and the text of each edit that must not change what a program computes."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    yield "comment", text + "# The end.\n"
    body = ast.parse(text).body
    after = next(k for k in range(len(body)) if k and not isinstance(body[k], ast.Import | ast.ImportFrom))
    first = min([body[after].lineno, *(node.lineno for node in getattr(body[after], "decorator_list", []))]) - 1
    yield "unused variable", "".join([*lines[:first], "not_used_anywhere = 0\n", *lines[first:]])
    for one, other in zip(body, body[1:]):
        if _is_import_line(one) and _is_import_line(other):
            swapped = list(lines)
            swapped[one.lineno - 1], swapped[other.lineno - 1] = lines[other.lineno - 1], lines[one.lineno - 1]
            yield "imports exchanged", "".join(swapped)
            break
    if (other_names := renamed(text)) != text:
        yield "variables renamed", other_names
    for mutant in mutants(Script(path), BENIGN):
        if mutant.operator.name not in WITH_EFFECT:
            yield mutant.operator.name, mutant.text


def _is_import_line(node: ast.stmt) -> bool:
    """Return whether a statement is an import on one line that may come after others."""
    is_import = isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module != "__future__")
    return is_import and node.lineno == node.end_lineno
