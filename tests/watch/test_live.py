"""The live page of a running training, in a real browser."""

import http.client
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from descend.core.errors import UsageError
from descend.doctor.commands.watch.live_server import LivePage
from descend.doctor.record import Ending, Fact, Reading, Record, facts

PROGRAM = """
import time
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(256, 8)
y = x[:, :3].argmax(1)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for step in range(700):
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    time.sleep(0.01)
"""


@pytest.fixture
def page():
    live = LivePage(Record(script="train.py"))
    yield live
    live.close()


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.read().decode()


def events(address: str):
    """Yield the server-sent events of the page."""
    with urllib.request.urlopen(address + "events", timeout=30) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        for line in answer:
            if line.startswith(b"data: {"):
                yield json.loads(line[6:])


@pytest.mark.slow
def test_the_live_page_receives_measurements_until_the_end(page):
    made = facts.Optimizer("SGD", groups=1, parameters=1000, lr=0.1)
    page.update([Fact.of(made, 0, "0"), Reading("learning_rate", "0", 0, 0.1)])
    page.update([Reading("loss", "0", step, 1 / (1 + step)) for step in range(10)])
    heard = events(page.address)
    first = next(heard)
    assert "9 steps" in first["main"] and len(first["figures"]) == 1
    page.update([Reading("curvature", "0", 9, 30.0), Reading("loss", "0", 10, float("nan"))])
    second = next(heard)
    assert len(second["figures"]) == 2 and "stability limit 2" in second["main"]
    noise = [Reading("gradient_noise_scale", "0", step, 20.0) for step in (1, 9)]
    page.update([Fact.of(facts.Monitor(4, (), 256, 256, "0" * 16, "0" * 16), 0), *noise])
    third = next(heard)
    assert len(third["figures"]) == 3 and "examples in a batch 64" in third["main"]
    page.update([Ending("finished", 0, 11, wall_s=2.0, loop_s=1.0)])
    page.close()
    assert "Ended after 11 steps" in [*heard][-1]["main"]


def test_the_live_page_contains_the_current_findings(page):
    page.update([Reading("loss", "0", 0, 1.0)])
    text = get(page.address)
    assert (
        text.startswith("<!doctype html>")
        and "connect-src 'self'" in text
        and "http" not in re.findall(r"src=\"(.*?)\"", text)
    )
    with pytest.raises(urllib.error.HTTPError):
        get(page.address + "../../etc/passwd")


OWN_NAMES = ["localhost", "localhost:{port}", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:{port}", "[::1]", "[::1]:{port}"]
OTHER_NAMES = """
    evil.example:80 evil.example :{port} localhost.evil.example evil.localhost 127.0.0.1.evil.example:1 127.0.0.2
    0.0.0.0 localhost: localhost:port evil.example:localhost [::1 ::1 user@localhost
""".split()


@pytest.mark.parametrize("host", [*OWN_NAMES, *OTHER_NAMES, ""])
def test_only_requests_to_this_machines_name_are_answered(page, host):
    place = urlsplit(page.address)
    connection = http.client.HTTPConnection(place.netloc)
    connection.request("GET", place.path, headers={"Host": host.format(port=place.port)})
    assert connection.getresponse().status == (200 if host in OWN_NAMES else 403)
    connection.close()


def test_a_script_name_with_markup_is_escaped():
    live = LivePage(Record(script="<script>alert(1)</script>.py"))
    text = get(live.address)
    live.close()
    assert "<script>alert" not in text and "&lt;script&gt;" in text


def test_an_unavailable_port_is_reported(page):
    port = urlsplit(page.address).port
    for number in (port, 70000):
        with pytest.raises(UsageError) as raised:
            LivePage(Record(), number)
        assert str(number) in str(raised.value) and "--port 0" in str(raised.value)


@pytest.mark.slow
@pytest.mark.browser
def test_a_browser_shows_steps_findings_and_the_end(chromium, tmp_path):
    (tmp_path / "train.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "descend", "watch", "--live", "train.py"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr
    address = re.search(r"live page at (\S+)", process.stderr.readline())[1]
    context = chromium.new_context()
    seen, errors = context.new_page(), []
    seen.on("console", lambda message: errors.append(message.text))
    seen.on("pageerror", lambda error: errors.append(str(error)))
    seen.goto(address)
    headlines: set[str] = set()
    for _ in range(200):
        headlines.add(seen.inner_text("h1"))
        if any(h.startswith("Ended") for h in headlines):
            break
        seen.wait_for_timeout(200)
    assert "Ended after 700 steps" in headlines and len(headlines) > 4, headlines
    assert "never cleared" in seen.inner_text("section >> nth=0") or seen.locator("h3").count() == 1
    assert seen.locator(".plot .main-svg").count() >= 2 and not errors
    assert process.wait(30) == 0
    context.close()
    assert Path(tmp_path, ".descend", "descend.db").exists()
