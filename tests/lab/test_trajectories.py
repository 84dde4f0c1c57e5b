"""`descend lab trajectories`: the printed tables, the written page, and its playback in a real Chromium."""

import base64
import json
import re

import numpy as np
import pytest
import torch
from complaints import complaints

from descend.trajectories import chosen, surface, trajectories


def script(page, name: str):
    return json.loads(re.search(rf'id="{name}">(.*?)</script>', page.read_text(), re.DOTALL)[1])


def numbers(page) -> np.ndarray:
    """Return the numbers stored in the page: (lines, starts, steps + 1, 3)."""
    held = script(page, "trajectories")
    values = np.frombuffer(base64.b64decode(held["numbers"]), "<f4")
    return values.reshape(len(held["lines"]), len(held["starts"]), held["steps"] + 1, 3)


def test_three_learning_rates_on_a_quadratic(descend_here, tmp_path):
    done = descend_here(
        *("lab", "trajectories", "--surface", "ravine", "--rules", "SGD", "--lr", "0.9,1.5,2.5", "--steps", "40")
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["SGD", "2.5", "given", "20"] in rows
    assert ["SGD", "(0,", "1)", "1", "1.5", "1.5", "oscillates", "oscillates"] in rows
    assert ["SGD", "(0,", "1)", "1", "2.5", "2.5", "diverges", "diverges"] in rows
    assert rows[-1] == ["trajectories.html"]
    text = (tmp_path / "trajectories.html").read_text()
    assert not re.search(r"(src|href)=\"?http", re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))


def test_the_page_contains_the_computed_trajectories(descend_here, tmp_path):
    done = descend_here("lab", "trajectories", "--rules", "SGD,LAMB", "--lr", "0.01", "--steps", "30", "--starts", "3")
    assert done.returncode == 0, done.stderr
    on = surface("beale")
    found = trajectories(on, [rule.with_lr(0.01) for rule in chosen("SGD,LAMB")], on.starts(3), 30)
    held = numbers(tmp_path / "trajectories.html")
    assert held.shape == (2, 10, 31, 3)
    for values, one in zip(held, found):
        assert np.allclose(values[..., :2], one.points, rtol=1e-6)
        assert np.allclose(values[..., 2], one.cost, rtol=1e-6)
    contours, curves = script(tmp_path / "trajectories.html", "figures")
    assert curves["data"][1]["y"] == pytest.approx(found[1].cost[0].tolist())
    assert contours["data"][4]["x"] == pytest.approx(found[0].points[0, :, 0].tolist())
    costs = contours["data"][0]["customdata"]
    assert costs[-1][0] == pytest.approx(float(on.cost(torch.tensor([-0.6, 1.4], dtype=torch.float64))), rel=1e-4)


def test_json_has_the_trajectories_from_the_default_start(descend_here):
    done = descend_here(
        *("lab", "trajectories", "--surface", "x**2 - y**2", "--rules", "SGD,Adam", "--lr", "SGD=0.3"),
        *("--start", "1,0.1", "--noise", "0.01", "--steps", "50", "--format", "json"),
    )
    assert done.returncode == 0 and done.stderr == "trajectories.html\n"
    told = json.loads(done.stdout)
    assert told["start"] == [1, 0.1] and told["noise"] == 0.01 and told["minima"] == []
    first, second = told["rules"]
    assert first["diverged_at"] and first["cost_at_end"] is None and first["points"][-1] == [None, None]
    assert second["rate"] == "searched" and len(second["points"]) == len(second["cost"]) == 51
    assert [one["predicted"] for one in told["along_eigenvectors"]] == ["decays", "diverges"]


@pytest.mark.slow
def test_momentum_with_its_differential_equation_on_a_given_function(descend_here, tmp_path):
    (tmp_path / "mine.py").write_text("def bowl(x, y):\n    return x**2 + 4 * y**2\n")
    done = descend_here(
        *("lab", "trajectories", "--surface", "mine.py:bowl", "--rules", "Momentum", "--lr", "0.001", "--ode"),
        *("--window", "-1,1,-1,1", "--rotate", "20", "--starts", "2", "--steps", "100"),
    )
    assert done.returncode == 0, done.stderr
    assert "differential equation" in " ".join(done.stdout.split())
    momentum, equation = numbers(tmp_path / "trajectories.html")
    assert 0 < np.abs(momentum - equation)[..., :2].max() < 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--surface", "valley"], "no surface is called valley; give ravine,"),
        (["--rules", "Adamm"], "no optimizer is called Adamm; the optimizers are: Adadelta,"),
        (["--lr", "0"], "a learning rate must be a positive number, not 0"),
        (["--rules", ",".join(["SGD"] * 19)], "at most 18 lines can be distinguished in one figure, not 19"),
        (
            ["--steps", "5000", "--starts", "25"],
            "the page would contain 65,743,146 numbers",
        ),
        (["--noise", "-1"], "--noise must be a number from 0 to 1e+12, not -1"),
        (["--start", "1"], "--start must be 2 numbers separated by commas, not '1'"),
        (["--window", "1,2,3,x"], "--window must be 4 numbers separated by commas, not '1,2,3,x'"),
        (["--rules", "SGD", "--ode"], "--ode needs Momentum"),
        (["--condition-number", "9"], "a condition number can be chosen for the ravine, not for beale"),
        (["--steps", "0"], "--steps must be a whole number from 1 to 5000, not 0"),
        (["-o", "/proc/no/t.html", "--steps", "2"], "cannot write /proc/no/t.html"),
    ],
)
def test_a_wrong_request_is_one_line(descend_here, tmp_path, arguments, says):
    done = descend_here("lab", "trajectories", *arguments)
    assert done.returncode == 2 and says in done.stderr and len(complaints(done.stderr)) == 1
    assert not list(tmp_path.iterdir())


STATE = """() => {
  const [map, curves] = document.querySelectorAll(".plot");
  const line = map.data[4], heads = map.data[map.data.length - 1];
  return {
    points: line.x.length, end: [line.x.at(-1), line.y.at(-1)], heads: heads.x, first: [line.x[0], line.y[0]],
    bar: curves.layout.shapes[0].x0, now: document.getElementById("now").textContent,
    cost: curves.data[0].y[0], shown: map.data.slice(4, -1).map((line) => line.visible !== false),
    path: map.querySelectorAll(".scatterlayer .trace .js-line")[0].getAttribute("d"),
    contours: map.querySelectorAll(".contours-kept path").length, button: document.getElementById("play").textContent,
  };
}"""


@pytest.fixture
def opened(descend_here, chromium, tmp_path):
    """Open the page offline; return it with its messages and the addresses that it requested."""
    done = descend_here("lab", "trajectories", "--surface", "saddle", "--rules", "SGD,Adam", "--lr", "0.1,0.2")
    assert done.returncode == 0, done.stderr
    context = chromium.new_context(offline=True, viewport={"width": 1280, "height": 1000})
    page, told = context.new_page(), []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: told.append(request.url))
    page.goto((tmp_path / "trajectories.html").as_uri())
    page.wait_for_function("document.querySelectorAll('.plot .main-svg').length >= 2")
    yield page, told
    assert [one for one in told[1:] if not one.startswith("data:")] == []
    context.close()


def until(page, predicate: str) -> None:
    for _ in range(200):
        if page.evaluate(predicate):
            return
        page.wait_for_timeout(50)
    raise AssertionError(predicate)


@pytest.mark.browser
@pytest.mark.slow
def test_the_slider_playback_and_another_start(opened, tmp_path):
    page, _ = opened
    held = numbers(tmp_path / "trajectories.html")
    whole = page.evaluate(STATE)
    assert whole["points"] == 201 and whole["bar"] == 200 and whole["contours"] > 20 and whole["button"] == "Play"

    page.evaluate(
        "(k) => { const s = document.getElementById('step'); s.value = k; s.dispatchEvent(new Event('input')) }", 7
    )
    part = page.evaluate(STATE)
    assert part["points"] == 8 and part["now"] == "step 7 of 200" and part["bar"] == 7
    assert part["end"] == pytest.approx(held[0, 0, 7, :2].tolist()) and part["path"] != whole["path"]
    assert part["heads"] == pytest.approx(held[:, 0, 7, 0].tolist()) and part["contours"] == whole["contours"]

    page.click("#play")
    until(page, "() => document.getElementById('step').value > 20")
    later = page.evaluate(STATE)
    assert later["points"] > 20 and later["path"] != part["path"] and later["button"] == "Pause"
    page.click("#play")
    page.wait_for_timeout(100)
    still = page.evaluate(STATE)
    page.wait_for_timeout(300)
    assert page.evaluate(STATE) == still and still["button"] == "Play"

    starts = script(tmp_path / "trajectories.html", "trajectories")["starts"]
    goal = min(range(len(starts)), key=lambda k: (starts[k][0] - 1.4) ** 2 + (starts[k][1] + 0.9) ** 2)
    place = """([x, y]) => { const map = document.querySelector(".plot"), box = map.getBoundingClientRect();
      const { xaxis, yaxis } = map._fullLayout;
      return [box.x + xaxis._offset + xaxis.d2p(x), box.y + yaxis._offset + yaxis.d2p(y)]; }"""
    x, y = page.evaluate(place, [1.4, -0.9])
    page.mouse.move(x - 3, y - 3)
    page.mouse.move(x, y)
    page.wait_for_timeout(200)
    page.mouse.click(x, y)
    until(page, f"() => document.getElementById('start').value === '{goal}'")
    other = page.evaluate(STATE)
    assert other["first"] == pytest.approx(starts[goal], rel=1e-6)
    assert other["cost"] == pytest.approx(float(held[0, goal, 0, 2]), rel=1e-6)
    page.select_option("#start", "0")
    assert page.evaluate(STATE)["first"] == pytest.approx(starts[0], rel=1e-6)


@pytest.mark.browser
@pytest.mark.slow
def test_optimizers_are_hidden_and_the_colour_scheme_keeps_the_state(opened):
    page, _ = opened
    page.evaluate(
        "() => { const s = document.getElementById('step'); s.value = 9; s.dispatchEvent(new Event('input')) }"
    )
    page.click(".key li:nth-child(3)")
    assert page.evaluate(STATE)["shown"] == [True, False, True, True]
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    dark = page.evaluate(STATE)
    assert dark["shown"] == [True, False, True, True] and dark["points"] == 10 and dark["contours"] > 20
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    printed = page.evaluate(STATE)
    assert printed["points"] == 10 and printed["shown"] == [True, False, True, True]
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.click(".key li:nth-child(3)")
    assert page.evaluate(STATE)["shown"] == [True] * 4
    for width in (360, 768):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
