"""Write all pages of the site into build/pages, and build the site from them: `make site`.

The documents of the repository are copied with rewritten links. The pages of symptoms, remedies, optimizers, schedules
and commands are written from the program itself.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import course_charts
import gallery_page
import optimizer_pages
import part_pages
import site_links
import symptom_pages

from descend.doctor.catalog import CATALOG
from descend.doctor.remedies import REMEDIES

ROOT = Path(__file__).parents[1]
PAGES, SITE = ROOT / "build" / "pages", ROOT / "build" / "site"
LISTED = "[Schedules](../lookup/knobs.md#schedules) lists all. `descend lab schedule` draws it."
DOCUMENTS = ("docs/*.md", "docs/claims/*.md", "docs/decisions/*.md", "docs/dev/*.md", "benchmarks/*.md", "clinic/*.md")
DOCUMENTS += ("clinic/strangers/**/README.md", "website/pages/**/*.md", "README.md", "CHANGELOG.md", "CONTRIBUTING.md")
OUTPUT = re.compile(r"<!-- output: descend doctor examples/digits_mlp.py -->\n(.*?)<!-- end -->", re.DOTALL)
REPORT = "learn/report.md"  # shows the doctor's output that the README contains
WRITTEN = {"docs/symptoms.md"}  # documents in whose place the site has a page that is written from the program
# The optimizers have pages of their own, and the page would become large with them.
API_OPTIONS = {"optim": f"    options:\n      filters: ['!^({'|'.join(part_pages.optimizer_classes())})$', '!^_']\n"}
API = ("descend", "optim", "schedules", "network", "data", "averaging", "landscape", "trajectories", "parallel")


def documents() -> Iterator[str]:
    """Yield the paths of the documents that become pages."""
    for pattern in DOCUMENTS:
        for path in sorted(ROOT.glob(pattern)):
            name = str(path.relative_to(ROOT))
            if name not in WRITTEN:
                yield name


def generated(*, with_charts: bool) -> Iterator[tuple[str, str]]:
    """Yield the place and the text of each page that is written from the program, and of its pictures if asked."""
    yield "symptoms/index.md", symptom_pages.index_page()
    for number, problem in enumerate(CATALOG.values(), 1):
        _show_progress(f"symptom {number} of {len(CATALOG)}: {problem.id}")
        yield from symptom_pages.symptom_pages(problem, with_charts=with_charts)
    yield "remedies/index.md", _index("Remedies", "Each remedy edits a script in one way.", REMEDIES)
    for name in REMEDIES:
        yield f"remedies/{name}.md", part_pages.remedy_page(name)
    optimizers, schedules = part_pages.optimizer_classes(), part_pages.schedule_classes()
    commands = dict(part_pages.command_pages())
    yield "optimizers/index.md", _index("Optimizers", optimizer_pages.COMPARED, optimizers)
    yield from optimizer_pages.optimizer_pages(with_charts=with_charts)
    yield "schedules/index.md", _index("Schedules", LISTED, schedules)
    for name, kind in schedules.items():
        example = f"from descend.schedules import {name}, Scheduler"
        yield f"schedules/{name}.md", part_pages.class_page(kind, example, LISTED)
    yield from course_charts.course_charts()
    yield "commands/index.md", _index("Commands", "Each command with its options.", commands)
    for name, text in commands.items():
        yield f"commands/{name}.md", text
    yield from part_pages.part_pages()
    yield "understand/decisions/index.md", _decisions()
    for name in API:
        module = "descend" if name == "descend" else f"descend.{name}"
        yield f"api/{name}.md", f"# {module}\n\n::: {module}\n{API_OPTIONS.get(name, '')}"


def _decisions() -> str:
    """Return the list of the decisions with lasting effect."""
    lines = ["# Decisions", "", "What was decided with lasting effect, and why.", ""]
    paths = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    lines += [f"- [{_title(path.read_text(encoding='utf-8'))}]({path.name})" for path in paths]
    return "\n".join(lines) + "\n"


def _title(text: str) -> str:
    """Return the first heading of a page."""
    return text.split("\n", 1)[0].removeprefix("# ")


def _index(title: str, about: str, names: Iterable[str]) -> str:
    """Return a page that links the pages of a folder."""
    items = "\n".join(f"- [{name}]({name}.md)" for name in names)
    return f"# {title}\n\n{about}\n\n{items}\n"


def _show_progress(text: str) -> None:
    """Print what is being written over the line before it, if a person reads it."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def write_pages(folder: Path = PAGES, *, with_charts: bool = True) -> None:
    """Write all pages, and the files to which they link.

    with_charts: whether clinic programs and optimizers are run for the pictures of their pages, the first time in about
    ten minutes.
    """
    shutil.rmtree(folder, ignore_errors=True)
    waiting = list(symptom_pages.linked_programs())
    texts = dict(generated(with_charts=with_charts))
    for path in documents():
        place = site_links.place_of(path)
        texts[place] = site_links.rewritten((ROOT / path).read_text(encoding="utf-8"), path, place, waiting.append)
    texts["gallery/pictures.md"] = gallery_page.gallery_page(waiting.append)
    texts[REPORT] = texts[REPORT].replace("REPORT\n", OUTPUT.findall(texts["index.md"])[0])
    for path in waiting:
        place = site_links.place_of(path)
        if place in texts:
            continue
        if path.endswith(site_links.PICTURES):
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, folder / place)
        else:
            texts[place] = site_links.source_page(path)
    for place, text in texts.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text, encoding="utf-8")
    for name in ("site.css", "site.js"):
        shutil.copy(ROOT / "website" / "pages" / name, folder)
    (folder / "llms.txt").write_text(llms(texts), encoding="utf-8")


def llms(texts: dict[str, str]) -> str:
    """Return the list of all pages for language models, as https://llmstxt.org describes it."""
    lines = ["# descend", "", "> descend finds out why a neural network isn't training, and proves the fix.", ""]
    for place, text in sorted(texts.items()):
        if place.endswith(".md") and not place.startswith("source/"):
            lines.append(f"- [{_title(text)}]({place})")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the pages, and build the site with the program that the first argument names: zensical or mkdocs."""
    builder = sys.argv[1] if len(sys.argv) > 1 else "zensical"
    write_pages()
    program = Path(sys.executable).with_name(builder)
    subprocess.run([program, "build", "--strict", "--config-file", "mkdocs.yml"], check=True, cwd=ROOT)
    shutil.copytree(PAGES, SITE, dirs_exist_ok=True)  # each page also as Markdown


if __name__ == "__main__":
    main()
