"""What the documents show is what the program does."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from descend.doctor.catalog import CATALOG
from descend.doctor.remedies import REMEDIES
from descend.doctor.report.formats.agent_keys import KEYS
from descend.doctor.report.formats.next_steps import AgentVerdict

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
sys.path.insert(0, str(ROOT / "docs"))
regenerate = __import__("regenerate")


def shape(text: str) -> str:
    """Return the words alone: numbers differ between machines, and lines break elsewhere."""
    return " ".join(re.sub(r"[\d.,×⁻⁰¹²³⁴⁵⁶⁷⁸⁹−]+", "#", text).split())


def block(name: str) -> str:
    return README.split(f"<!-- output: {name} -->\n")[1].split("<!-- end -->")[0]


def test_the_page_of_symptoms_is_the_catalogue():
    assert regenerate.symptoms.PAGE.read_text() == regenerate.symptoms.page()
    assert regenerate.safety.PAGE.read_text() == regenerate.safety.page()


def test_the_skill_for_assistants_is_made_from_the_command_tree():
    stored = regenerate.skill.PAGE.read_text()
    assert stored == regenerate.skill.page()
    assert all(f"`{verdict}`" in stored for verdict in AgentVerdict) and "Make no edit." in stored
    sample = stored.partition("```\n")[2].partition("\n[the patch")[0]
    assert {
        line.partition(":")[0].strip() for line in sample.splitlines()
    } <= KEYS.keys() and "With exit status 2" in stored


def test_the_readme_fits_two_minutes():
    """At most 120 lines, each sentence of at most 25 words, and a link to each group of symptoms."""
    assert len(README.splitlines()) <= 120
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    lines = [line for line in prose.splitlines() if line and not line.startswith(("|", "#", "!", "<!--"))]
    text = re.sub(r"\]\([^)]*\)", "]", "\n".join(lines))
    for sentence in re.split(r"(?<=[.!?;:])\**\s|\n(?=- |\d\. )|\n\n", text):
        assert len(sentence.split()) <= 25, sentence
    for title in regenerate.symptoms.GROUPS:
        assert f"docs/symptoms.md#{title.lower().replace(' ', '-')}" in README, title


@pytest.mark.slow
def test_the_shown_output_is_what_the_doctor_prints(tmp_path):
    shown = block("descend doctor examples/digits_mlp.py")
    assert shape(regenerate.doctors_output("examples/digits_mlp.py", str(tmp_path))) == shape(shown)


def test_commands_and_options_in_the_readme_exist():
    import typer.main

    from descend.cli import app

    commands = typer.main.get_command(app).commands
    for name in re.findall(r"`descend (\w+)", README):
        assert name in commands
    for name, command in commands.items():
        assert command.hidden or f"descend {name}" in README, name
    options = {option for command in commands.values() for p in command.params for option in p.opts}
    for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", README):
        assert option in options, option


def test_the_catalog_names_only_what_exists():
    for entry in CATALOG.values():
        assert all(set(row.remedies) <= REMEDIES.keys() for row in entry.remedies)
        assert entry.remedies or entry.advice


def test_the_newcomers_path_is_short():
    """The README's first screen, the walk, one problem, and an update rule."""
    files = ["doctor/pipeline.py", "doctor/symptoms/no_zero_grad.py", "optim/rules/momentum.py"]
    texts = [(ROOT / "src" / "descend" / f).read_text() for f in files]
    texts.append(README.partition("\n## ")[0])
    assert sum(len(text.splitlines()) for text in texts) <= 300


def test_files_stay_small_and_no_drawer_is_opened():
    for file in (ROOT / "src").rglob("*.py"):
        assert len(file.read_text().splitlines()) <= 300, file
        assert not {"utils", "helpers", "common", "misc", "manager", "base"} & set(file.with_suffix("").parts), file


def test_links_lead_somewhere():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert target.startswith("http") or (page.parent / target).exists(), (page, target)


@pytest.mark.slow
def test_the_examples_of_the_parts_run_and_print_what_is_shown():
    page = (ROOT / "docs" / "knobs.md").read_text()
    outputs = regenerate.examples(page)
    assert outputs.keys() == set(re.findall(r"<!-- output: ([\w-]+) -->", page)) - regenerate.measured().keys()
    assert len(outputs) == 19
    for name, printed in outputs.items():
        assert f"<!-- output: {name} -->\n{printed}<!-- end -->" in page


@pytest.mark.slow
@pytest.mark.parametrize("page", ["docs/landscape.md", "docs/optim.md", "docs/parallel.md"])
def test_the_examples_of_a_page_run(page):
    text = (ROOT / page).read_text()
    assert text.count("```python") >= 2 and not re.search(r"\n\n    (import|from|class|def|with|for) ", text)
    regenerate.examples(text)


def test_the_measured_tables_are_those_of_the_benchmarks():
    page = (ROOT / "docs" / "knobs.md").read_text()
    for name, table in regenerate.measured().items():
        assert table.count("\n") > 3 and f"<!-- output: {name} -->\n{table}<!-- end -->" in page, name
    assert "All medians are within the limits." in page
    medians = {name: re.findall(r"(\d\.\d+) \(", regenerate.measured()[name]) for name in ("parts", "growing")}
    assert all(float(median) <= 1.05 for median in medians["parts"]) and len(medians["parts"]) == 12
    assert all(float(median) >= 0.98 for median in medians["growing"]) and len(medians["growing"]) == 2


def test_pages_of_the_project_name_no_place_outside_it():
    listed = subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).split()
    for name in listed:
        if name.endswith((".md", ".toml", ".yaml")):
            assert "/work" + os.sep not in (ROOT / name).read_text(), name


def test_the_cost_of_watching_is_that_of_the_measured_loops():
    table = (ROOT / "benchmarks" / "WATCHING.md").read_text().split("\n## ")[1]
    ratios = {name: float(ratio) for name, ratio in re.findall(r"^\| (\w+) \| [\d.]+ \| \d+ \| ([\d.]+) ", table, re.M)}
    assert len(ratios) == 10 and sum(round(100 * ratio) <= 105 for ratio in ratios.values()) == 8
    assert round(100 * ratios["huge"] - 100) == 9 and round(100 * ratios["functional"] - 100) == 8
    words = "adds at most 5 % to the time of eight of [ten loops]"
    for page in ("README.md", "docs/accuracy.md"):
        text = (ROOT / page).read_text()
        assert words in text and "It adds 9 % to six " in text and "and 8 % to a loop that uses `torch.func`" in text, (
            page
        )


def test_there_is_one_version():
    from descend import __version__

    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
