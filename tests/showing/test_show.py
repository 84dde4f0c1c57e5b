"""`descend show`: pictures of parts, and what is wrong with a request said in one line."""

import json
import re

import pytest

pytestmark = pytest.mark.slow


def figures(page) -> list:
    text = page.read_text()
    return json.loads(re.search(r'id="figures">(.*?)</script>', text, re.DOTALL)[1])


def test_schedules_are_drawn_and_printed(descend, tmp_path):
    done = descend("show", "schedule", "Linear(10)", "Step(4, 0.5)", "--lr", "0.2", "--steps", "11", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "schedule.html"
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["0", "0.2", "0.2"] in rows and ["5", "0.1", "0.1"] in rows and ["10", "0", "0.05"] in rows
    [panel] = figures(tmp_path / "schedule.html")
    assert panel["data"][0]["y"] == pytest.approx([0.2 * (1 - t / 10) for t in range(11)])
    assert [trace["name"] for trace in panel["data"]] == ["Linear(10)", "Step(4, 0.5)"]


@pytest.mark.parametrize(
    ("expression", "last"),
    [
        ("Cosine(200).after_warmup(50)", 271),
        ("WarmRestarts(10, 2)", 151),
        ("Noam(512, 100)", 401),
        ("Linear(100).rewarmed(200, 20)", 260),
        ("Constant()", 1000),
    ],
)
def test_as_many_steps_as_a_schedule_needs(descend, tmp_path, expression, last):
    assert descend("show", "schedule", expression, cwd=tmp_path).returncode == 0
    assert figures(tmp_path / "schedule.html")[0]["data"][0]["x"][-1] == last - 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["schedule", "Cosin(3)"], "no schedule is called Cosin; there are: Constant, Cosine,"),
        (["schedule", "Cosine(0)"], "Cosine: total_steps must be at least 1, not 0"),
        (["schedule", "Cosine()"], "missing 1 required positional argument: 'total_steps'"),
        (["schedule", "Cosine(10"], "'Cosine(10' is no expression"),
        (["schedule", "0.1"], "0.1 is no schedule"),
        (["schedule", "Cosine(9)", "--steps", "1"], "Input should be greater than or equal to 2"),
        (["schedule", *["Cosine(9)"] * 5], "at most 4 schedules fit into one picture, not 5"),
        (["schedule", "Cosine(9)", "-o", "/proc/no/s.html"], "cannot write /proc/no/s.html"),
        (["activations", "--activation", "gelu"], "--activation must be tanh or relu, not gelu"),
        (["schedule", "Linear(10)", "--lr", "nan"], "--lr must be a positive number, not nan"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(descend, tmp_path, arguments, says):
    done = descend("show", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and says in done.stderr and len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_activations_by_initialiser(descend, tmp_path):
    done = descend("show", "activations", "--depth", "4", "--activation", "tanh", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shrinking, saturated = (
        next(row for row in done.stdout.splitlines() if name in row) for name in ("0.01", "normal 1")
    )
    assert shrinking.split()[-2:] == ["0%", "saturated"] and int(saturated.split()[-2].rstrip("%")) > 80
    spread, *distributions = figures(tmp_path / "activations.html")
    assert len(spread["data"]) == len(distributions) == 4 and len(distributions[0]["data"]) == 4


@pytest.mark.browser
def test_the_pages_draw_without_an_error(descend, tmp_path, chromium):
    descend("show", "schedule", "WarmRestarts(10, 2)", cwd=tmp_path)
    descend("show", "activations", "--depth", "3", cwd=tmp_path)
    for name, plots in (("schedule", 1), ("activations", 10)):
        page, errors = chromium.new_page(), []
        page.on("pageerror", lambda error, into=errors: into.append(str(error)))
        page.goto((tmp_path / f"{name}.html").as_uri())
        page.wait_for_function(f"document.querySelectorAll('.plot .main-svg').length >= {plots}")
        assert not errors and "undefined" not in page.inner_text("body")
        page.close()
