"""The page in a real Chromium, offline: charts drawn, nothing fetched, in light, dark, narrow and print."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cases import FINDINGS, inputs_not_normalised, instability, trial_runs
from odd_cases import ALL, hostile, long_names

from descend.doctor.report import write_page
from descend.doctor.script.script import Script

DRAWN = """() => [...document.querySelectorAll(".plot")].map((plot) => ({
  svg: plot.querySelectorAll(".main-svg").length,
  marks: plot.querySelectorAll(".scatterlayer .trace path, .barlayer .point path").length,
}))"""
COLOUR = """(selector) => getComputedStyle(document.querySelector(selector)).color"""
BACKGROUND = """() => getComputedStyle(document.documentElement).backgroundColor"""
TICK = """() => document.querySelector(".plot .xtick text").style.fill"""
CLIPBOARD = """() => Object.defineProperty(
  navigator, "clipboard", {value: {writeText: async (text) => { window.copied = text; }}})"""
OVERFLOW = """() => document.documentElement.scrollWidth - innerWidth"""

pytestmark = pytest.mark.browser


@dataclass
class Seen:
    """A page that is open, with everything that it complained about or asked for."""

    page: object
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def look(chromium, tmp_path):
    """Return a function that writes a case's page and opens it offline."""
    contexts = []

    def open_page(case, *, scheme="light", width=1280):
        path = tmp_path / "report.html"
        write_page(case, trial_runs(), path)
        viewport = {"width": width, "height": 900}
        context = chromium.new_context(offline=True, color_scheme=scheme, viewport=viewport)
        contexts.append(context)
        seen = Seen(context.new_page())
        seen.page.on("console", lambda message: seen.errors.append(message.text))
        seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.goto(path.as_uri())
        if seen.page.query_selector(".plot"):
            until(seen.page, "() => document.querySelectorAll('.plot .main-svg').length > 0")
        return seen

    yield open_page
    for context in contexts:
        context.close()


def until(page, predicate: str, seconds: float = 10.0) -> None:
    """Wait until a function of the page returns true; the page's own policy forbids the usual way."""
    for _ in range(int(seconds / 0.05)):
        if page.evaluate(predicate):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {predicate}")


def is_quiet(seen: Seen) -> bool:
    """Tell whether the page complained of nothing and asked for nothing but itself."""
    outside = [url for url in seen.requests[1:] if not url.startswith("data:")]
    return not seen.errors and not outside


CHARTS = {
    "inputs_not_normalised": 5,
    "instability": 2,
    "output_loss_mismatch": 3,
    "dead_units": 2,
    "no_zero_grad": 3,
    "symmetric_units": 2,
    "vanishing_gradients": 2,
    "healthy": 2,
    "empty": 0,
    "failed_script": 2,
    "killed": 2,
    "hostile": 5,
    "long_names": 10,
}


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_is_drawn_with_its_data_and_nothing_is_fetched(name, look, tmp_path):
    seen = look(ALL[name](tmp_path))
    drawn = seen.page.evaluate(DRAWN)
    assert len(drawn) == CHARTS[name]
    assert all(chart["svg"] and chart["marks"] for chart in drawn)
    assert is_quiet(seen), (seen.errors, seen.requests)


def test_every_finding_has_a_chart_to_expect():
    assert set(FINDINGS) <= set(CHARTS)


def test_a_run_without_one_finite_number_still_has_its_axes(look, tmp_path):
    seen = look(ALL["not_a_number"](tmp_path))
    assert [chart["svg"] > 0 for chart in seen.page.evaluate(DRAWN)] == [True, True]
    assert is_quiet(seen), seen.errors


def test_the_dress_follows_the_readers_scheme_even_while_the_page_is_open(look, tmp_path):
    seen = look(instability(tmp_path), scheme="dark")
    dark = (seen.page.evaluate(BACKGROUND), seen.page.evaluate(TICK))
    seen.page.emulate_media(color_scheme="light")
    until(seen.page, f"() => ({TICK})() !== {json.dumps(dark[1])}")
    light = (seen.page.evaluate(BACKGROUND), seen.page.evaluate(TICK))
    assert brightness(dark[0]) < 60 < 200 < brightness(light[0])
    assert brightness(light[1]) < 130 < brightness(dark[1])


def brightness(colour: str) -> float:
    """Return the mean of `rgb(r, g, b)`."""
    return sum(float(part) for part in colour.strip("rgba()").split(",")[:3]) / 3


def test_print_is_in_daylight_and_fits_the_paper(look, tmp_path):
    seen = look(inputs_not_normalised(tmp_path), scheme="dark")
    width = "() => document.querySelector('.plot .main-svg').getBoundingClientRect().width"
    on_screen = seen.page.evaluate(width)
    seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert brightness(seen.page.evaluate(TICK)) < 130
    assert seen.page.evaluate(width) <= 650
    seen.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert brightness(seen.page.evaluate(TICK)) > 130
    assert seen.page.evaluate(width) == pytest.approx(on_screen, abs=1)
    assert is_quiet(seen), seen.errors


@pytest.mark.parametrize("build", [inputs_not_normalised, hostile, long_names])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_never_scrolls_sideways(build, width, look, tmp_path):
    seen = look(build(tmp_path), width=width)
    assert seen.page.evaluate(OVERFLOW) <= 0


def test_names_from_the_script_do_nothing(look, tmp_path):
    seen = look(hostile(tmp_path))
    assert seen.page.evaluate("typeof window.pwned") == "undefined"
    assert seen.page.query_selector("main img") is None
    assert seen.page.text_content(".plot .ytick text").startswith("<script>window.pwned")
    assert is_quiet(seen), seen.errors


def test_copying_gives_the_patch_itself_with_its_line_ends(look, tmp_path):
    case = inputs_not_normalised(tmp_path)
    source = case.cure.script.read(case.cure.script.path)
    case.cure.script.path.write_bytes(case.cure.script.path.read_bytes().replace(b"\n", b"\r\n"))
    script: Script = case.cure.script.edit(case.cure.script.path, source.replace("\n", "\r\n"))
    object.__setattr__(case.cure, "patch", script.diff())
    assert "\r\n" in case.patch
    seen = look(case)
    seen.page.evaluate(CLIPBOARD)
    seen.page.click("#copy")
    until(seen.page, "() => document.getElementById('copy').textContent === 'Copied'")
    assert seen.page.evaluate("window.copied") == case.patch
    assert seen.page.evaluate("document.getElementById('patch').textContent") == case.patch.replace("\r\n", "\n")


def test_the_report_reads_without_scripts(chromium, tmp_path):
    path: Path = tmp_path / "report.html"
    write_page(inputs_not_normalised(tmp_path), trial_runs(), path)
    context = chromium.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    text = page.inner_text("main")
    context.close()
    assert "The charts need JavaScript" in text
    assert "[0.078, 0.091]" in text
