"""Names and texts of a script that are code for a browser: on our pages they never run, link, load or hide anything."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from compared_choices import ADAMW, METRIC, REFUSED, SWITCH
from sampling import sampled

from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case
from descend.doctor.commands.watch.live_server import LivePage
from descend.doctor.record import Ending, Fact, Note, Reading, Record, Site, facts
from descend.doctor.report import write_page
from descend.doctor.report.choice_page import write_choice_page
from descend.doctor.report.figure import Figure, Key, Panel
from descend.lab.pages.page import write_figures_page
from descend.lab.pages.table import Table

pytestmark = pytest.mark.browser
TEXTS = {
    "an image": '"\'><img src=x onerror="owned=1">',
    "the end of a script": "</script><script>owned=1</script>",
    "the end of a comment": "--><script>owned=1</script><!--<script>",
    "the end of a title": "</title></style><svg onload=owned=1>",
    "a link that is code": '<a href="javascript:owned=1">step</a>',
    "a link elsewhere": '<a href="https://evil.example/" target="_blank">step</a>',
    "an address that is code": "javascript:owned=1//data:text/html,<script>owned=1</script>",
    "a line separator": "\u2028owned=1//\u2029owned=1//",
    "a string's end": "\\\";owned=1//';owned=1//`${owned=1}`",
    "a template": "{{ 7 * 7 }}{% raw %}%{x}<extra>owned</extra>$\\sqrt{2}$",
    "a frame": '<iframe srcdoc="<script>parent.owned=1</script>"></iframe>',
    "another base": '<base href="https://evil.example/"><link rel=stylesheet href=x>',
    "a refresh": '<meta http-equiv="refresh" content="0;url=https://evil.example/">',
    "a form": '<form action="https://evil.example/"><button autofocus onfocus="owned=1">x</button></form>',
    "a style": '</style><style>main{display:none}</style><p style="position:fixed">',
    "a server-sent event": "\n\nevent: end\ndata: {}\n\n",
    "an attribute": 'x" onmouseover="owned=1" data-events="https://evil.example/',
    "a prototype": "__proto__",
    "odd characters": "\x00<\x00b>\ufeff\ufffe\ud800&#x3c;b&#62;",
}
payloads = pytest.mark.parametrize("name", sampled(TEXTS, "a link elsewhere", "odd characters"))
FOREIGN = """() => [
  ...document.querySelectorAll("main :is(img, iframe, form, base, meta, link, style, script, embed, object)"),
  ...document.querySelectorAll("main a, .plot a"),
  ...[...document.querySelectorAll("*")].filter(e => [...e.attributes].some(a => a.name.startsWith("on"))),
].map(e => e.outerHTML)"""
HANDLERS = """() => {
  const added = document.createElement("div");
  added.innerHTML = '<img src="data:x" onerror="owned=1"><a href="javascript:owned=1">x</a>';
  document.body.append(added);
  const script = document.createElement("script");
  script.textContent = "owned=1";
  document.body.append(script);
  added.querySelector("a").click();
}"""
DRAWN = "() => document.querySelectorAll('.plot .main-svg, .plot .chart-area').length"


class Visit:
    """A page that is open in a browser, with the addresses that it requested and its errors."""

    def __init__(self, context, address: str) -> None:
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page = context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text))
        self.page.goto(address)
        self.address = address
        for _ in range(100):
            if self.page.evaluate(DRAWN):
                break
            self.page.wait_for_timeout(50)

    def check(self) -> None:
        """Check that the page is shown, and that no text of a script was more than text."""
        assert self.page.evaluate(DRAWN) and self.page.is_visible("h1")
        for plot in self.page.query_selector_all(".plot"):
            plot.hover(timeout=5000)
        assert self.page.evaluate("typeof window.owned") == "undefined" and self.page.evaluate(FOREIGN) == []
        assert not self.errors and self.page.url == self.address
        assert all(url.startswith((self.address, "data:")) for url in self.requests), self.requests
        self.page.evaluate(HANDLERS)  # even if a text became markup, its code would not run
        self.page.wait_for_timeout(100)
        assert self.page.evaluate("typeof window.owned") == "undefined" and self.errors


@pytest.fixture
def visit(chromium) -> Iterator[Callable[[str], Visit]]:
    contexts = []

    def open_page(address: str) -> Visit:
        contexts.append(chromium.new_context())
        return Visit(contexts[-1], address)

    yield open_page
    for context in contexts:
        context.close()


def record_of(text: str, root: Path) -> Record:
    record = Record(1, "watch", None, f"{text}.py", str(root), 0, {"python": text, text: text})
    for step in range(20):
        values = {("loss", "0"): 1.0, ("gradient_norm", text): 1.0, ("update_ratio", text): 0.1, (text, text): 2.0}
        record.extend([Reading(*key, step, value) for key, value in values.items()])
    record.add(Fact.of(facts.Optimizer(text, groups=1, parameters=10, lr=0.1), 0, "0"))
    record.add(Note(text, text))
    return record


def symptom_of(text: str, root: Path) -> Symptom:
    where = Site("optimizer", "0", str(root / f"{text[:40]}.py"), 1, 0, 1, 5, text, detail=text)
    evidence = (("gradient_norm", text),)
    named = {"module": text, "where": where, "evidence": evidence}
    return Symptom(True, text, text, 1.0, 2.0, text, **named, id="instability", kind="dynamics")


@payloads
def test_the_live_page_shows_texts_of_a_script_as_texts(visit, tmp_path, name):
    text = TEXTS[name]
    live = LivePage(Record(script=f"{text}.py"))
    live.update([*_messages(record_of(text, tmp_path))])
    live.add_finding(symptom_of(text, tmp_path))
    seen = visit(live.address)
    live.update([Reading("loss", "0", 21, 0.5), Ending("failed", 1, 22, error=text, wall_s=1.0)])
    for _ in range(100):
        if "after" in seen.page.inner_text("h1"):
            break
        seen.page.wait_for_timeout(50)
    assert "after" in seen.page.inner_text("h1") and "extra" not in seen.page.title()
    seen.check()
    live.close()


def _messages(record: Record) -> Iterator[Reading]:
    for (series, place), (steps, values) in record.readings.items():
        yield from (Reading(series, place, step, value) for step, value in zip(steps, values, strict=True))


@payloads
def test_the_report_shows_texts_of_a_script_as_texts(visit, tmp_path, name):
    text = TEXTS[name]
    record = record_of(text, tmp_path)
    record.add(Ending("failed", 1, 22, error=text, wall_s=1.0))
    write_page(Case(record, (symptom_of(text, tmp_path),)), {}, tmp_path / "report.html")
    visit((tmp_path / "report.html").as_uri()).check()


@payloads
def test_a_picture_shows_texts_of_a_script_as_texts(visit, tmp_path, name):
    text = TEXTS[name]
    bars = {"type": "bar", "orientation": "h", "x": [1.0, 2.0], "y": [text, "other"], "name": text}
    bars["hovertemplate"] = "%{y}: %{x:.3g}"
    axis = {"title": {"text": text}, "ticktext": [text], "tickvals": [0]}
    panel = Panel(text, (bars,), (Key(text, "cause"),), x_title=text, y=axis)
    pictures = [Figure((panel,), text), Table(text, (text, "value"), [(text, text)], text)]
    write_figures_page(text, text, text, pictures, tmp_path / "picture.html", kept={text: text})
    visit((tmp_path / "picture.html").as_uri()).check()


@payloads
def test_the_page_of_a_comparison_shows_texts_of_a_script_as_texts(visit, tmp_path, name):
    text = TEXTS[name]
    named = replace(ADAMW.tuned.choice, label=text, needs=text)
    choice = replace(ADAMW, tuned=replace(ADAMW.tuned, choice=named), ties=(text,))
    metric = replace(METRIC, name=text, description=text, logged=replace(METRIC.logged, name=text))
    script = replace(SWITCH.baseline, script=text)
    result = replace(SWITCH, baseline=script, metric=metric, ranked=(choice, REFUSED), winner=choice, notes=(text,))
    write_choice_page(result, tmp_path / "compare.html")
    visit((tmp_path / "compare.html").as_uri()).check()


def test_the_same_contents_give_the_same_page_and_others_another_nonce(tmp_path):
    pages = []
    for text in ("a", "a", "b"):
        write_figures_page(text, text, text, [], tmp_path / "picture.html")
        pages.append((tmp_path / "picture.html").read_text())
    assert pages[0] == pages[1]
    nonces = [page.partition("'nonce-")[2].partition("'")[0] for page in pages]
    assert len({*nonces}) == 2 and all(len(nonce) == 36 for nonce in nonces)
