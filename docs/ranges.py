"""How far each bound can be moved, alone, before anything changes that is said of the programs `tests/frozen` keeps.

What reads the kept records is imported again with another value of one bound, so that what is made of it on import
follows, and those that may read it are run again.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from math import sqrt
from pathlib import Path
from types import CodeType
from typing import Any

from descend.core.bound import Bound, Count

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "descend" / "doctor"
PACKAGES = ("assess", "symptoms", "remedy_arguments", "trials")
READERS = ("assess", "symptoms", "remedy_arguments", "catalog", "remedies")
DOWN, UP = (1 / sqrt(2), 1 / 2, 1 / 4), (sqrt(2), 2.0, 4.0)
PAPER = re.compile(r"[A-Z][\w’'-]+(?: et al\.| & [A-Z]\w+)? (?:19|20)\d\d|lecture \d|CS231n")


@dataclass(frozen=True)
class Stated:
    """A bound where it is stated."""

    package: str  # assess, symptoms, remedy_arguments or trials
    file: str  # the module's name within it
    name: str
    bound: Bound | Count

    @property
    def id(self) -> str:
        """`assess.summary.LEFT_TO_LEARN`."""
        return f"{self.package}.{self.file}.{self.name}"

    @property
    def module(self) -> str:
        """The module's full name."""
        return f"descend.doctor.{self.package}.{self.file}"

    @property
    def kind(self) -> str:
        """What its reason is: `paper`, `chosen` (with a paper in view: `leaning`) or `other`."""
        names_one = PAPER.search(self.bound.why)
        if self.bound.why.startswith("chosen"):
            return "leaning" if names_one else "chosen"
        return "paper" if names_one else "other"

    def times(self, factor: float) -> float:
        """Return another value: of a count a whole one, at least 1 away, and no 0 if that can be."""
        if isinstance(self.bound, Count):
            other = max(1, round(self.bound * factor))
            return max(other, self.bound + 1) if factor > 1 else min(other, self.bound - 1)
        return self.bound * factor

    def stays(self, factor: float) -> bool:
        """Whether it stays on its side of 1: no share of more than the whole, no rise that is a fall."""
        return self.bound == 1 or (self.bound - 1) * (self.times(factor) - 1) > 0


def stated() -> list[Stated]:
    """Return all bounds, in the order of the packages and of their files."""
    found = []
    for package in PACKAGES:
        for path in sorted((SOURCE / package).glob("*.py")):
            for name in _names(path):
                bound = getattr(import_module(f"descend.doctor.{package}.{path.stem}"), name)
                found.append(Stated(package, path.stem, name, bound))
    return found


def _names(path: Path) -> Iterator[str]:
    """Return what a file states to be a bound."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            if getattr(node.value.func, "id", "") in ("Bound", "Count"):
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))


class _Altered(SourceFileLoader):
    """Loads a module in which one bound has another value."""

    def __init__(self, of: Stated, value: float) -> None:
        super().__init__(of.module, str(SOURCE / of.package / f"{of.file}.py"))
        self.altered, self.value = of.name, +value  # a constant has to be a plain number

    def get_code(self, fullname: str) -> CodeType:
        """Compile the source again, with that value."""
        tree = ast.parse(Path(self.path).read_bytes())
        for node in tree.body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == self.altered:
                assert isinstance(node.value, ast.Call)
                node.value.args[0] = ast.copy_location(ast.Constant(self.value), node.value.args[0])
        return compile(tree, self.path, "exec")


class _Finder(MetaPathFinder):
    """Finds one module by a loader of ours."""

    def __init__(self, loader: _Altered) -> None:
        self.loader = loader

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        """Return where that module comes from; nothing of any other."""
        return spec_from_file_location(name, self.loader.path, loader=self.loader) if name == self.loader.name else None


@contextmanager
def _reimported(packages: Sequence[str], loader: _Altered) -> Iterator[None]:
    """Read these packages again when they are imported, one module of them by that loader; put all back at the end."""
    usual = {name: module for name, module in sys.modules.items() if _package(name) in packages}
    for name in usual:
        del sys.modules[name]
    finder = _Finder(loader)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if _package(name) in packages]:
            del sys.modules[name]
        sys.modules.update(usual)


def _package(module: str) -> str:
    return module.split(".")[2] if module.startswith("descend.doctor.") else ""


class Ranges:
    """How far each bound can be moved before anything that is said of the kept programs changes."""

    def __init__(self) -> None:
        sys.path.insert(0, str(ROOT / "tests" / "frozen"))
        self.records = [record for _, record in import_module("frozen").kept()]
        self.ids = list(import_module("descend.doctor.catalog").CATALOG)
        self.looked = [_looked(record, self.ids) for record in self.records]
        self.found = [_found(record) for record in self.records]
        self.prescribed = [_prescribed(*pair) for pair in zip(self.records, self.found)]
        self.importers = _importers()

    def of(self, bound: Stated) -> dict[str, list[int]]:
        """Return by factor how many programs are diagnosed otherwise, and how many are only prescribed otherwise.

        Four times the value is tried where twice changes nothing.
        """
        changes: dict[str, list[int]] = {}
        for little, half, most in (DOWN, UP):
            changes |= {shown(factor): self.changed(bound, bound.times(factor)) for factor in (little, half)}
            if not any((*changes[shown(little)], *changes[shown(half)])):
                changes[shown(most)] = self.changed(bound, bound.times(most))
        return changes

    def changed(self, bound: Stated, value: float) -> list[int]:
        """Ask those that read the bound, at another value: the symptoms, and what is prescribed where none changes."""
        readers = self._readers(bound.module)
        ids = [name for name in self.ids if f"descend.doctor.symptoms.{name}" in readers]
        doses = "descend.doctor.catalog.prescribe" in readers
        otherwise = only_prescribed = 0
        with _reimported(READERS, _Altered(bound, value)):
            for record, looked, found, prescribed in zip(self.records, self.looked, self.found, self.prescribed):
                if _said(_looked, record, ids) != {name: looked[name] for name in ids}:
                    otherwise += 1
                elif doses and _said(_prescribed, record, found) != prescribed:
                    only_prescribed += 1
        return [otherwise, only_prescribed]

    def _readers(self, module: str) -> set[str]:
        """Return a module with all that import it, be it through others."""
        readers, new = set[str](), {module}
        while new:
            readers |= new
            new = {name for name, imported in self.importers.items() if imported & new} - readers
        return readers


def _importers() -> dict[str, set[str]]:
    """Return what each module that takes part imports."""
    paths = [path for package in READERS for path in (SOURCE / package).glob("*.py")]
    modules = {".".join(path.relative_to(SOURCE.parents[1]).with_suffix("").parts): path for path in paths}
    return {name.removesuffix(".__init__"): set(_imported(path)) for name, path in modules.items()}


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _said(ask: Callable[[Any, Sequence[Any]], Any], record: Any, of: Sequence[Any]) -> Any:
    """Return an answer, or the error that a value of no sense ends it with."""
    try:
        return ask(record, of)
    except Exception as error:
        return repr(error)


def _found(record: Any) -> list[Any]:
    """Return what is diagnosed of a program: what has a name of its own comes first."""
    diagnosis = import_module("descend.doctor.catalog.diagnosis")
    return [*diagnosis.diagnose(record), *diagnosis.general_symptoms(record)]


def _looked(record: Any, ids: Sequence[str]) -> dict[str, Any]:
    """Return what each of these problems shows, but for the words and the numbers in them."""
    detect = import_module("descend.doctor.catalog.diagnosis").detect
    seen = {name: detect(name, record) for name in ids}
    return {n: s and (s.certain, s.likely, s.where, s.module, s.optimizer, s.explains) for n, s in seen.items()}


def _prescribed(record: Any, found: Sequence[Any]) -> Any:
    """Return what is prescribed for what is found."""
    general, prescribe = (
        import_module("descend.doctor.catalog").GENERAL,
        import_module("descend.doctor.catalog.prescribe").prescribe,
    )
    named = [symptom for symptom in found if symptom.id not in general]
    return [[(p.remedies, p.label, p.cost, p.judged_on) for p in prescribe(record, [s], named)] for s in found]


def shown(factor: float) -> str:
    """Return a factor as the page and the file of ranges have it."""
    return f"{factor:.3g}"
