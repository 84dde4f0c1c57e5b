"""A script's control characters reach the terminal, the page and the store only as text, but for its own output."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs

from descend.core.control_characters import escape_control_characters
from descend.doctor.commands.terminal import console, say
from descend.doctor.record import Ending, Note
from descend.doctor.record.validation import sanitise
from descend.doctor.report.document import template_environment

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
EVIL = "\x1b[31m\x9b5m\x07\x1b]0;owned\x07\r\u202egnp"
SOURCE = Path(__file__).parents[2] / "src" / "descend"
TRAINING = f"""
import sys, warnings
import torch
from torch import nn

EVIL = {EVIL!r}

class Strange(nn.Module):
    def __init__(self):
        super().__init__()
        self.add_module("layer" + EVIL, nn.Linear(4, 8))
        self.out = nn.Linear(8, 1)

    def forward(self, x):
        return self.out(torch.relu(getattr(self, "layer" + EVIL)(x)))

Strange.__name__ = Strange.__qualname__ = "Strange" + EVIL
torch.manual_seed(0)
x, y = torch.randn(64, 4), torch.randn(64, 1)
model = Strange()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for step in range(60):
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
    print(f"los{{EVIL}}s: {{loss.item():.4f}}")
try:
    open("/etc/" + EVIL, "w")
except OSError:
    pass
class Failure(Exception): pass
Failure.__qualname__ = "Failure" + EVIL
raise Failure("no " + EVIL)
"""


def test_control_characters_are_written_as_in_a_literal_and_lines_stay():
    assert escape_control_characters("a\tb\r\nc\n") == "a\tb\r\nc\n"
    assert escape_control_characters("\x1b[31m\r\x9b\x7f\u202e\ud800") == r"\x1b[31m\r\x9b\x7f\u202e\ud800"
    assert escape_control_characters(escape_control_characters(EVIL)) == escape_control_characters(EVIL)


def test_every_output_escapes_control_characters(capsys):
    say(f"a {EVIL}")
    for stderr in (False, True):
        console(stderr=stderr).print(f"b {EVIL}", markup=False)
    ending, note = sanitise(Ending("failed", 1, error=f"c {EVIL}\n")), sanitise(Note("tape", EVIL))
    page = template_environment().from_string("{{ shown }}").render(shown=EVIL)
    out, err = capsys.readouterr()
    for text in (out, err, ending.error, note.reason, page):
        assert r"\x1b[31m" in text and not CONTROL.search(text)


def test_a_terminal_keeps_our_own_styles(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    console().print("[bold]ours[/] \x1b[31mtheirs", highlight=False)
    out, _ = capsys.readouterr()
    assert "\x1b[1mours" in out and r"\x1b[31mtheirs" in out


def test_nothing_else_opens_a_console_or_speaks_for_us():
    others = [path for path in SOURCE.rglob("*.py") if path.name != "terminal.py"]
    found = [path.name for path in others if re.search(r"\bConsole\(|echo\(f?\"descend: ", path.read_text())]
    assert found == []


@pytest.mark.slow
def test_no_command_lets_a_control_character_of_the_script_through(descend_here, tmp_path):
    name = "tr\x1b[31m\x07ain.py"
    (tmp_path / name).write_text(TRAINING)
    said = {}
    for command in (["doctor", "--seeds", "2", "--select", "no_zero_grad"], ["gradcheck"]):
        done = descend_here(*command, name, cwd=tmp_path)
        said[command[0]] = done.stdout + done.stderr
    for command in (["diagnose", "1"], ["diagnose", "1", "--format", "json"], ["runs"], ["report", "1"]):
        done = descend_here(*command, cwd=tmp_path)
        said[" ".join(command)] = done.stdout + done.stderr
    said["page"] = (tmp_path / ".descend" / "1" / "report.html").read_text().replace(get_plotlyjs(), "")
    assert "Gradients" in said["diagnose 1"] and r"\x1b[31m" in said["doctor"]
    assert {name: found for name, text in said.items() if (found := CONTROL.findall(text))} == {}


def test_watch_leaves_the_scripts_own_output_as_it_is(tmp_path):
    (tmp_path / "train.py").write_text(f"import sys\nprint({EVIL!r})\nprint({EVIL!r}, file=sys.stderr)\n")
    command = [sys.executable, "-m", "descend", "watch", "train.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert EVIL.encode() in done.stdout and EVIL.encode() in done.stderr
