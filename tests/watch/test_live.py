"""The live page: a run goes on, and a real browser sees it."""

import http.client
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from descend.doctor.commands.watching.serving import LivePage
from descend.doctor.record import Ending, Fact, Reading, Record, facts
from descend.ground.errors import UsageError

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
    """Yield what the page is told; real server-sent events."""
    with urllib.request.urlopen(address + "events", timeout=30) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        for line in answer:
            if line.startswith(b"data: {"):
                yield json.loads(line[6:])


@pytest.mark.slow
def test_what_is_measured_is_sent_until_the_end(page):
    made = facts.Optimizer("SGD", groups=1, parameters=1000, lr=0.1)
    page.take([Fact.of(made, 0, "0"), Reading("learning_rate", "0", 0, 0.1)])
    page.take([Reading("loss", "0", step, 1 / (1 + step)) for step in range(10)])
    heard = events(page.address)
    first = next(heard)
    assert "9 steps" in first["main"] and len(first["figures"]) == 1
    page.take([Reading("curvature", "0", 9, 30.0), Reading("loss", "0", 10, float("nan"))])
    second = next(heard)
    assert len(second["figures"]) == 2 and "stability bound 2" in second["main"]
    noise = [Reading("gradient_noise_scale", "0", step, 20.0) for step in (1, 9)]
    page.take([Fact.of(facts.Monitor(4, (), 256, 256, "0" * 16, "0" * 16), 0), *noise])
    third = next(heard)
    assert len(third["figures"]) == 3 and "examples in a batch 64" in third["main"]
    page.take([Ending("finished", 0, 11, wall_s=2.0, loop_s=1.0)])
    page.close()
    assert "Ended after 11 steps" in [*heard][-1]["main"]


def test_the_page_itself_is_whole_and_shows_what_is_known(page):
    page.take([Reading("loss", "0", 0, 1.0)])
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
def test_only_a_request_to_this_machines_own_name_is_answered(page, host):
    connection = http.client.HTTPConnection(page.address[7:-1])
    connection.request("GET", "/", headers={"Host": host.format(port=page.address[7:-1].rpartition(":")[2])})
    assert connection.getresponse().status == (200 if host in OWN_NAMES else 403)
    connection.close()


def test_a_script_named_like_markup_stays_text():
    live = LivePage(Record(script="<script>alert(1)</script>.py"))
    text = get(live.address)
    live.close()
    assert "<script>alert" not in text and "&lt;script&gt;" in text


def test_a_port_that_cannot_be_had_is_said(page):
    port = int(page.address.rstrip("/").rpartition(":")[2])
    for number in (port, 70000):
        with pytest.raises(UsageError) as raised:
            LivePage(Record(), number)
        assert str(number) in str(raised.value) and "--port 0" in str(raised.value)


@pytest.mark.slow
@pytest.mark.browser
def test_a_browser_sees_the_steps_go_by_the_finding_and_the_end(chromium, tmp_path):
    (tmp_path / "train.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "descend", "watch", "--live", "train.py"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr
    address = re.search(r"live at (\S+)", process.stderr.readline())[1]
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
