"""Every problem, remedy, optimizer, schedule and command has a page on the site, and every link leads to a page."""

import os
import re
import sys
from pathlib import Path

import pytest
import yaml

from descend.doctor.catalog import CATALOG
from descend.doctor.remedies import REMEDIES

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
CODE = re.compile(r"^ *```+.*?^ *```+$", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    sys.path.append(str(ROOT / "website"))
    import part_pages
    import write_site

    write_site.write_pages(folder, with_charts=False)
    return folder, part_pages


def test_every_link_leads_to_a_page(site):
    folder, _ = site
    dead = []
    for page in folder.rglob("*.md"):
        for target in LINK.findall(CODE.sub("", page.read_text())):
            if "://" not in target and not (page.parent / target).resolve().is_file():
                dead.append(f"{page.relative_to(folder)}: {target}")
    assert dead == []


def test_everything_that_can_be_looked_up_has_a_page(site):
    folder, part_pages = site

    def names(section):
        return {path.stem for path in (folder / section).glob("*.md")} - {"index"}

    assert names("symptoms") == set(CATALOG)
    assert names("remedies") == set(REMEDIES)
    assert names("optimizers") == set(part_pages.optimizer_classes()) >= {"Adam", "YellowFin", "Muon"}
    assert names("parts/network") >= {"initialise", "replace_head"}
    assert names("layouts") == {"data", "tensor", "pipeline", "combined", "asynchronous"}
    assert names("schedules") == set(part_pages.schedule_classes()) >= {"Cosine", "WarmRestarts"}
    assert {"doctor", "prove", "compare", "watch", "claims", "discover", "lab"} <= names("commands")
    listed = (folder / "llms.txt").read_text()
    assert all(f"(symptoms/{name}.md)" in listed for name in CATALOG)


def test_a_command_page_has_all_options(site):
    text = (site[0] / "commands" / "doctor.md").read_text()
    for option in ("--seeds", "--budget", "--quick", "--ignore", "--sandbox", "--format"):
        assert f"`{option}" in text, option


def test_a_symptom_page_says_what_its_entry_says(site):
    for name, problem in CATALOG.items():
        text = (site[0] / "symptoms" / f"{name}.md").read_text()
        assert problem.title in f"{text[2].lower()}{text[3:]}" or problem.title in text
        assert 100 < len(problem.explanation) < 900 and problem.explanation in text, name
        assert problem.appearance.split(" ", 1)[1] in text and problem.example.faulty in text
        assert all(f"(../remedies/{each}.md)" in text for entry in problem.remedies for each in entry.remedies)


def test_the_navigation_names_pages(site):
    class Loader(yaml.SafeLoader):
        """Reads the tag with which the configuration names a function."""

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: suffix)
    config = yaml.load((ROOT / "mkdocs.yml").read_text(), Loader)

    def pages(part):
        if isinstance(part, str):
            yield part
        for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            yield from pages(each)

    named = list(pages(config["nav"]))
    assert len(named) > 30
    assert [page for page in named if not os.path.exists(site[0] / page)] == []


def test_the_written_part_of_the_navigation_is_up_to_date(site):
    import navigation

    text = (ROOT / "mkdocs.yml").read_text()
    assert navigation.with_navigation(text) == text, "python website/navigation.py"
