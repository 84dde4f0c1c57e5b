"""The part of the navigation in mkdocs.yml that follows from the program: `python website/navigation.py` writes it."""

import re
from collections.abc import Iterator
from pathlib import Path

import part_pages
from symptom_pages import capitalised

from descend.doctor.catalog import CATALOG
from descend.doctor.symptoms.groups import GROUPS

CONFIG = Path(__file__).parents[1] / "mkdocs.yml"
BEGIN, END = "      # written by website/navigation.py\n", "      # end of what is written\n"


def navigation() -> Iterator[str]:
    """Yield the lines of the navigation: symptoms in their groups, then optimizers, schedules and commands."""
    yield "      - Symptoms:"
    yield "          - symptoms/index.md"
    for group, names in GROUPS.items():
        yield f"          - {group}:"
        yield from (f'              - "{capitalised(CATALOG[name].title)}": symptoms/{name}.md' for name in names)
    lists = {
        "Optimizers": ("optimizers", list(part_pages.optimizer_classes())),
        "Schedules": ("schedules", list(part_pages.schedule_classes())),
        "Commands": ("commands", [name for name, _ in part_pages.command_pages()]),
    }
    for title, (folder, names) in lists.items():
        yield f"      - {title}:"
        yield f"          - {folder}/index.md"
        yield from (f"          - {name}: {folder}/{name}.md" for name in sorted(names, key=str.lower))


def with_navigation(config: str) -> str:
    """Return the text of mkdocs.yml with the written part of its navigation."""
    lines = "".join(f"{line}\n" for line in navigation())
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: BEGIN + lines + END, config, flags=re.DOTALL)


if __name__ == "__main__":
    CONFIG.write_text(with_navigation(CONFIG.read_text(encoding="utf-8")), encoding="utf-8")
