"""Where each document of the repository is on the site, and its links rewritten for that place.

A document that links to a file that is no page, such as a Python file, gets a page with the text of that file.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(!?\[[^\]]*\]\()([^)\s#]*)(#[^)\s]*)?(\))")
FENCE = re.compile(r"(^ *```.*?^ *```$)", re.DOTALL | re.MULTILINE)
PICTURES = (".png", ".svg")
SECTIONS = {  # the section of each document of `docs`
    "do": "choosing compare discover notebook prove",
    "lookup": "bounds command_line formats glossary json knobs landscape optim parallel",
    "understand": "accuracy contracts kinds safety sources",
}
PLACES = {
    **{f"docs/{name}.md": f"{section}/{name}.md" for section, names in SECTIONS.items() for name in names.split()},
    "benchmarks/CLAIMS.md": "gallery/index.md",
    "docs/symptoms.md": "symptoms/index.md",
    "docs/decisions": "understand/decisions/index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contribute/index.md",
    "README.md": "index.md",
}
FOLDERS = {
    "docs/claims/": "gallery/",
    "docs/decisions/": "understand/decisions/",
    "docs/dev/": "contribute/",
    "benchmarks/": "benchmarks/",
    "clinic/": "clinic/",
    "website/pages/": "",
    "docs/": "assets/",
}


def place_of(path: str) -> str:
    """Return the place of a file of the repository on the site, relative to its root."""
    if path in PLACES:
        return PLACES[path]
    if path.endswith((".md", *PICTURES)):
        for folder, section in FOLDERS.items():
            if path.startswith(folder):
                return section + path.removeprefix(folder).replace("README.md", "index.md")
    return f"source/{path}.md".replace("/.", "/")  # a builder leaves out hidden folders


def rewritten(text: str, source: str, place: str, linked: Callable[[str], object]) -> str:
    """Return a document with its links rewritten for the site.

    source: the document's path in the repository. place: its place on the site. linked: called with the path of each
    file of the repository to which it links.
    """

    def link(match: re.Match[str]) -> str:
        before, target, anchor, end = match[1], match[2], match[3] or "", match[4]
        if not target or "://" in target or target.startswith("mailto:"):
            return match[0]
        path = os.path.normpath(os.path.join(os.path.dirname(source), target))
        linked(path)
        return f"{before}{os.path.relpath(place_of(path), os.path.dirname(place) or '.')}{anchor}{end}"

    parts = FENCE.split(text)  # code at odd positions
    return "".join(part if number % 2 else LINK.sub(link, part) for number, part in enumerate(parts))


def source_page(path: str) -> str:
    """Return the page of a file that is no document: its text, or the names of the files of a folder."""
    file = ROOT / path
    if file.is_dir():
        names = "\n".join(f"- `{each.name}`" for each in sorted(file.iterdir()) if not each.name.startswith("__"))
        return f"# {path}\n\nThis folder of the repository contains:\n\n{names}\n"
    language = {".py": "python", ".yml": "yaml", ".yaml": "yaml"}.get(file.suffix, "text")
    return f"# {file.name}\n\n`{path}` in the repository:\n\n````{language}\n{file.read_text(encoding='utf-8')}````\n"
