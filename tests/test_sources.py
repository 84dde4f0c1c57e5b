"""Whatever is cited exists: a slide of a lecture by its title, a paper by its authors and year, torch by its names."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name

import pytest

from descend.doctor.catalog import CATALOG

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "sources.md").read_text()
LECTURES = {
    part.splitlines()[0]: re.findall(r"^- (.+)$", part, re.MULTILINE)
    for part in re.split(r"^### ", PAGE.split("## Papers and books")[0], flags=re.MULTILINE)[1:]
}
PAPERS = {
    (names, int(year))
    for names, year in re.findall(r"^- (.+?) ((?:19|20)\d\d): ", PAGE.split("## Papers and books")[1], re.MULTILINE)
}
QUOTED = {  # literal quotations from lectures
    "Use a fixed subset of the training data to monitor the training error",
    "Suppose you have two hidden units with identical incoming and outgoing weights. After a gradient descent update, "
    "they will still have identical weights",
    "fix them, or use autodiff",
}
STANDARDS = ("IEEE 754", "d√x/dx = 1/(2√x)")
NAMED = r"(?:[A-Z][\w’'-]+)"
PAPER = re.compile(rf"({NAMED}(?:(?:, {NAMED})* & {NAMED}| et al\.)?),? \(?((?:19[4-9]|20[0-2])\d)[a-z]?(?![\w.])")
TORCH = re.compile(r"torch(?:\.\w+)+")
PLACES = ("src", "docs", "benchmarks", "clinic", "examples", "tests")


def texts() -> Iterator[tuple[str, str]]:
    """Return every text of ours, line breaks within sentences undone."""
    files = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    files += [f for place in PLACES for f in (ROOT / place).rglob("*") if f.suffix in (".py", ".md")]
    for file in files:
        is_by_others = {"strangers", "contracts"}.intersection(file.parts)  # They give their sources in full.
        if file.name not in ("test_sources.py", "sources.md") and not is_by_others:
            joined = re.sub(r'"\s*\n\s*f?"', "", file.read_text())
            yield str(file.relative_to(ROOT)), re.sub(r"\s*\n\s*(?:# )?", " ", joined)


def known_lecture(text: str) -> bool:
    """Whether `text` begins with a lecture and the title of one of its slides."""
    name = next((name for name in LECTURES if text.startswith(name)), None)
    rest = text[len(name) :] if name else ""
    return any(re.match(rf", {re.escape(title)}(?!\w)", rest) for title in LECTURES.get(name or "", []))


def known_paper(text: str) -> bool:
    """Whether `text` begins with a paper or a book of the list."""
    found = PAPER.match(text)
    return found is not None and is_listed(found[1], int(found[2]))


def is_listed(names: str, year: int) -> bool:
    """Whether a paper is in the list, with its authors or its first author's name and "et al."."""
    first = re.split(r",| & | et al", names)[0]
    short = "et al." in names or not {"&"} & set(names)
    return (names, year) in PAPERS or any(
        year == listed and (re.split(r",| & | et al", full)[0] == first) and (short or "et al." in full)
        for full, listed in PAPERS
    )


def known_name(text: str) -> bool:
    """Whether `text` begins with names of torch that exist."""
    names = TORCH.findall(text.split(":")[0])
    return bool(names) and text.startswith(names[0]) and all(exists(name) for name in names)


def exists(name: str) -> bool:
    """Whether torch has something of that name."""
    try:
        resolve_name(name)
    except (AttributeError, ImportError):
        return False
    return True


def sources_of_symptoms() -> Iterator[tuple[str, str]]:
    """Return what the symptoms give as their source, without running them."""
    for file in sorted((ROOT / "src" / "descend" / "doctor" / "symptoms").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Assign) and any(getattr(t, "id", "") in ("SOURCE", "EDGE") for t in node.targets):
                yield file.stem, ast.literal_eval(node.value)
            if isinstance(node, ast.keyword) and node.arg == "source" and isinstance(node.value, ast.Constant):
                yield file.stem, node.value.value


ROWS = sorted({(f"catalog {entry.id}", row.source) for entry in CATALOG.values() for row in entry.remedies})
CITED = [*sources_of_symptoms(), *ROWS]


@pytest.mark.parametrize("where, source", CITED)
def test_a_source_is_a_slide_a_paper_a_standard_or_a_name_of_torch(where, source):
    part = source.split("; ")[0]
    assert known_lecture(part) or known_paper(part) or known_name(part) or part.startswith(STANDARDS), part
    for other in source.split("; ")[1:]:  # what follows is another source, or says what the first one says
        assert known_lecture(other) or known_paper(other) or not (PAPER.match(other) or "lecture" in other), other


def test_every_symptom_and_every_row_is_looked_at():
    assert len({where for where, _ in CITED if not where.startswith("catalog")}) > 45
    assert len(ROWS) > 100


def test_every_lecture_is_cited_by_a_slide_that_it_has():
    names = "|".join(re.escape(name) for name in LECTURES)
    cited = 0
    for file, text in texts():
        for found in re.finditer(rf"{names}|CSC413|COMP5211|EMAT31530", text):
            start = text[max(0, found.start() - 20) : found.start()]
            assert known_lecture(text[found.start() :]) or "& " in start[-2:], (file, text[found.start() :][:90])
            cited += 1
    assert cited > 40


def test_every_paper_is_in_the_list_and_every_paper_of_the_list_is_cited():
    cited = set()
    for file, text in texts():
        for names, year in PAPER.findall(text):
            if not any(lecture.endswith(f"{names} {year}") for lecture in LECTURES):
                assert is_listed(names, int(year)), (file, names, year)
                cited.add((re.split(r",| & | et al", names)[0], int(year)))
    assert {(re.split(r",| & | et al", names)[0], year) for names, year in PAPERS} - cited == set()


def test_quotations_from_lectures_are_literal():
    names = "|".join(re.escape(name) for name in LECTURES)
    quoted = {q for _, text in texts() for q in re.findall(rf'"([^"]+)" \((?:{names})', text)}
    assert quoted == QUOTED
