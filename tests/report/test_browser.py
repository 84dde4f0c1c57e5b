"""The page in a real Chromium, offline: charts, outline, copied texts; in light, dark, narrow, and print."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cases import FINDINGS, inputs_not_normalised, instability, trial_runs
from odd_cases import ALL, hostile, long_names

from descend.doctor.report import write_page
from descend.doctor.report.formats.markdown import render_markdown
from descend.doctor.script.script import Script

DRAWN = """() => [...document.querySelectorAll(".plot")].map((plot) => ({
  svg: plot.querySelectorAll("svg.chart-area").length,
  marks: plot.querySelectorAll(".curves path, circle, rect").length,
}))"""
COLOUR = """(selector) => getComputedStyle(document.querySelector(selector)).color"""
BACKGROUND = """() => getComputedStyle(document.documentElement).backgroundColor"""
TICK = """() => getComputedStyle(document.querySelector(".ticks text")).fill"""
HEADINGS = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((h) => +h.tagName[1])"""
CUT = """() => [...document.querySelectorAll(".scroll")].filter((part) => part.scrollWidth > part.clientWidth).length"""
UNNAMED = """() => [...document.querySelectorAll("svg[role=img]")].filter((svg) =>
  !svg.getAttribute("aria-labelledby").split(" ").every((id) => document.getElementById(id)) ||
  !svg.querySelector("title").textContent.trim()).length"""
OUTSIDE = """() => [...document.querySelectorAll("svg.chart-area text, svg.chart-area circle, svg.chart-area rect")]
  .map((part) => part.getBoundingClientRect())
  .filter((box) => box.left < 0 || box.right > innerWidth).length"""
CLIPBOARD = """() => Object.defineProperty(
  navigator, "clipboard", {value: {writeText: async (text) => { window.copied = text; }}})"""
OVERFLOW = """() => document.documentElement.scrollWidth - innerWidth"""

pytestmark = pytest.mark.browser


@dataclass
class Seen:
    """An open page, with its errors and the addresses that it requested."""

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
    """Return whether the page has no errors and requested nothing but itself."""
    outside = [url for url in seen.requests[1:] if not url.startswith("data:")]
    return not seen.errors and not outside


CHARTS = {
    "inputs_not_normalised": 6,
    "instability": 3,
    "output_loss_mismatch": 4,
    "dead_units": 3,
    "no_zero_grad": 4,
    "symmetric_units": 3,
    "vanishing_gradients": 3,
    "healthy": 3,
    "empty": 0,
    "failed_script": 3,
    "killed": 3,
    "hostile": 6,
    "long_names": 11,
}


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_is_drawn_with_its_data_and_nothing_is_fetched(name, look, tmp_path):
    seen = look(ALL[name](tmp_path))
    drawn = seen.page.evaluate(DRAWN)
    assert len(drawn) == CHARTS[name]
    assert all(chart["svg"] and chart["marks"] for chart in drawn)
    assert is_quiet(seen), (seen.errors, seen.requests)


def test_every_finding_has_a_chart():
    assert set(FINDINGS) <= set(CHARTS)


def test_a_run_without_finite_values_still_has_axes(look, tmp_path):
    seen = look(ALL["not_a_number"](tmp_path))
    assert [chart["svg"] > 0 for chart in seen.page.evaluate(DRAWN)] == [True, True, True]
    assert is_quiet(seen), seen.errors


def test_colours_follow_the_colour_scheme_while_the_page_is_open(look, tmp_path):
    seen = look(instability(tmp_path), scheme="dark")
    dark = (seen.page.evaluate(BACKGROUND), seen.page.evaluate(TICK))
    seen.page.emulate_media(color_scheme="light")
    light = (seen.page.evaluate(BACKGROUND), seen.page.evaluate(TICK))
    assert brightness(dark[0]) < 60 < 200 < brightness(light[0])
    assert brightness(light[1]) < 130 < brightness(dark[1])


def brightness(colour: str) -> float:
    """Return the mean of `rgb(r, g, b)`."""
    return sum(float(part) for part in colour.strip("rgba()").split(",")[:3]) / 3


def test_print_uses_light_colours_and_fits_the_paper(look, tmp_path):
    seen = look(inputs_not_normalised(tmp_path), scheme="dark")
    assert brightness(seen.page.evaluate(TICK)) > 130
    seen.page.set_viewport_size({"width": 640, "height": 900})  # pixels, which fit between the margins of A4 and Letter
    seen.page.emulate_media(media="print")
    assert brightness(seen.page.evaluate(TICK)) < 130 and brightness(seen.page.evaluate(BACKGROUND)) > 200
    assert seen.page.evaluate(OVERFLOW) <= 0 and seen.page.evaluate(OUTSIDE) == 0
    assert not seen.page.is_visible("button")
    assert is_quiet(seen), seen.errors


@pytest.mark.parametrize("build", [inputs_not_normalised, hostile, long_names])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_never_scrolls_sideways(build, width, look, tmp_path):
    seen = look(build(tmp_path), width=width)
    seen.page.evaluate("document.querySelectorAll('details').forEach((folded) => { folded.open = true; })")
    assert seen.page.evaluate(OVERFLOW) <= 0 and seen.page.evaluate(OUTSIDE) == 0
    assert build is long_names or seen.page.evaluate(CUT) == 0


@pytest.mark.parametrize("name", ["inputs_not_normalised", "healthy", "empty", "failed_script", "hostile"])
def test_the_outline_has_no_gaps_and_every_chart_has_a_name(name, look, tmp_path):
    seen = look(ALL[name](tmp_path))
    levels = seen.page.evaluate(HEADINGS)
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))
    assert seen.page.evaluate(UNNAMED) == 0
    assert seen.page.get_by_role("img").count() == len(seen.page.evaluate(DRAWN))


def test_the_cost_of_the_consultation_is_folded_away(look, tmp_path):
    seen = look(inputs_not_normalised(tmp_path))
    assert not seen.page.is_visible("text=Wall clock")
    seen.page.click(".ledger summary")
    assert seen.page.is_visible("text=Wall clock")


def test_names_from_the_script_are_not_executed(look, tmp_path):
    seen = look(hostile(tmp_path))
    assert seen.page.evaluate("typeof window.pwned") == "undefined"
    assert seen.page.query_selector("main img") is None
    names = seen.page.evaluate("() => [...document.querySelectorAll('.row-name')].map((name) => name.textContent)")
    assert any(name.startswith("<script>window.pwned") for name in names)
    assert is_quiet(seen), seen.errors


def test_the_copy_button_copies_the_patch_with_its_line_ends(look, tmp_path):
    case = inputs_not_normalised(tmp_path)
    source = case.fix.script.read(case.fix.script.path)
    case.fix.script.path.write_bytes(case.fix.script.path.read_bytes().replace(b"\n", b"\r\n"))
    script: Script = case.fix.script.edit(case.fix.script.path, source.replace("\n", "\r\n"))
    object.__setattr__(case.fix, "patch", script.diff())
    assert "\r\n" in case.patch
    seen = look(case)
    seen.page.evaluate(CLIPBOARD)
    seen.page.click("text=Copy patch")
    until(seen.page, "() => document.querySelector('.diff button').textContent === 'Copied'")
    assert seen.page.evaluate("window.copied") == case.patch
    assert seen.page.evaluate("document.querySelector('.diff pre').textContent") == case.patch.replace("\r\n", "\n")
    seen.page.click("text=Copy as Markdown")
    until(seen.page, "() => document.querySelector('.actions button').textContent === 'Copied'")
    assert seen.page.evaluate("window.copied") == render_markdown(case, ".descend")


def test_the_report_is_readable_without_javascript(chromium, tmp_path):
    path: Path = tmp_path / "report.html"
    write_page(inputs_not_normalised(tmp_path), trial_runs(), path)
    context = chromium.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    text = page.inner_text("main")
    drawn, buttons = page.evaluate(DRAWN), page.is_visible("button")
    context.close()
    assert "JavaScript" not in text and "0.078 to 0.091" in text
    assert len(drawn) == CHARTS["inputs_not_normalised"] and all(chart["marks"] for chart in drawn) and not buttons
