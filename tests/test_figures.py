"""A figure about speed, size or accuracy names what measured it, and the cheap ones are measured."""

import io
import re
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "website/pages").rglob("*.md"))]
GENERATED = {"bounds.md", "sources.md", "symptoms.md", "safety.md"}
MEASURED = re.compile(
    r"(?:[\d.]+|ten|half) times (?:as long|as fast|the speed|the script's time)|"
    r"[\d.]+ % of the (?:first findings|speed)|would merge|"
    r"(?:takes|wheel has) (?:about )?[\w.]+ (?:MB|minutes?|seconds?)"
)
NAMED = re.compile(
    r"benchmarks/\w+\.md|accuracy\.md|claims/[\w-]+\.md|`(?:python|descend|torchrun) |^    (?:python|descend) ", re.M
)


def sections(text):
    return re.split(r"^#+ ", text, flags=re.MULTILINE)


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in GENERATED], ids=lambda page: page.stem)
def test_a_section_with_a_measured_figure_names_what_measured_it(page):
    for section in sections(page.read_text(encoding="utf-8")):
        if found := MEASURED.search(section):
            assert NAMED.search(section) or page.name == "accuracy.md", (section.split("\n")[0], found[0])


def test_the_figures_of_the_documents_are_recognised():
    found = {page.stem for page in PAGES if MEASURED.search(page.read_text(encoding="utf-8"))}
    assert {"README", "accuracy", "first_diagnosis", "dependencies", "proof", "parallel", "optim"} <= found


@pytest.mark.parametrize("page", sorted((ROOT / "benchmarks").glob("*.md")), ids=lambda page: page.stem)
def test_a_page_of_results_names_its_command(page):
    assert re.search(r"python (?:benchmarks|docs)/|descend \w+", page.read_text(encoding="utf-8")), page


def test_the_wheel_has_the_size_that_the_site_says():
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in (ROOT / "src" / "descend").rglob("*"):
            if file.is_file() and file.suffix != ".pyc":
                packed.write(file, file.relative_to(ROOT))
    [said] = re.findall(r"The wheel has ([\d.]+) MB", (ROOT / "website/pages/lookup/dependencies.md").read_text())
    assert memory.tell() == pytest.approx(float(said) * 2**20, rel=0.15)
