"""A script's own messages are shown: why it does not start, at which step it was killed, how it fails at the end."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from complaints import one_line
from sampling import sampled

pytestmark = pytest.mark.slow
TRAINING = """
import torch
torch.manual_seed(0)
x = torch.randn(256, 8)
y = x[:, :3].argmax(1)
model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr={rate})
for step in range({steps}):
    {body}
    loss = torch.nn.functional.cross_entropy(model(x[step % 4 :: 4]), y[step % 4 :: 4])
    loss.backward()
    optimizer.step()
"""
OWN = "ended with exit status {}"


def script(folder: Path, begin: str = "", *, steps=40, rate=0.1, body="optimizer.zero_grad()", end="") -> str:
    (folder / "train.py").write_text(begin + TRAINING.format(steps=steps, rate=rate, body=body) + end)
    return "train.py"


def said(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("descend: ")]


def test_a_script_that_lacks_an_argument_says_so_itself(descend_here, tmp_path):
    begin = "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--data', required=True)\n"
    name = script(tmp_path, begin + "parser.parse_args()\n")
    plain = subprocess.run([sys.executable, name], cwd=tmp_path, capture_output=True, text=True)
    done = descend_here("doctor", "--format", "json", name, cwd=tmp_path)
    assert (done.returncode, plain.returncode) == (4, 2)
    assert "required: --data" in plain.stderr and plain.stderr in done.stderr
    assert said(done.stderr)[-1] == f"descend: train.py {OWN.format(2)}, and descend exits with status 4"
    case = json.loads(done.stdout)
    assert (case["status"], case["exit"]) == ("script_failed", {"status": 4, "script_status": 2})
    listed = descend_here("diagnose", cwd=tmp_path)
    assert "failed before its first step with status 2" in listed.stdout and "required: --data" in listed.stdout


LEAVES = ["os._exit(7)", "print('no data', file=sys.stderr); sys.exit(7)", "sys.exit('no data')"]


@pytest.mark.parametrize("leaves", sampled(LEAVES, LEAVES[0]))
def test_however_a_script_fails_its_own_status_is_printed(descend_here, tmp_path, leaves):
    status = 7 if "7" in leaves else 1
    done = descend_here("doctor", script(tmp_path, f"import os, sys\n{leaves}\n"), cwd=tmp_path)
    assert done.returncode == 4 and f"train.py {OWN.format(status)}" in done.stderr
    assert ("no data" in done.stderr) == ("no data" in leaves) == ("printed nothing" not in done.stderr)


def test_seconds_bound_a_script_that_never_begins_to_train(descend_here, tmp_path):
    done = descend_here("doctor", "--seconds", "4", script(tmp_path, "import time\ntime.sleep(1000)\n"), cwd=tmp_path)
    assert done.returncode == 2 and "no optimizer step in 4 s (it was then at train.py:2)" in done.stderr
    assert said(done.stderr)[-1].endswith("use --seconds to observe it for longer")


def test_a_window_that_closes_in_an_evaluation_is_no_end_of_the_script(descend_here, tmp_path):
    body = "optimizer.zero_grad()\n    if step: import time; time.sleep(1000)"
    done = descend_here("doctor", "--seconds", "5", script(tmp_path, body=body), cwd=tmp_path)
    assert done.returncode == 2 and "ended after" not in done.stderr
    assert "had taken a single optimizer step" in done.stderr and "(it was then at train.py:10)" in done.stderr


@pytest.mark.parametrize("sent", sampled(["SIGKILL", "SIGSEGV"], "SIGKILL"))
def test_the_report_of_a_killed_script_has_a_lower_bound_of_its_steps(descend_here, tmp_path, sent):
    kill = f"import os, time; time.sleep(1); os.kill(os.getpid(), {int(getattr(signal, sent))})"
    done = descend_here(
        "doctor", script(tmp_path, body=f"optimizer.zero_grad()\n    if step == 30: {kill}"), cwd=tmp_path
    )
    assert done.returncode == 4 and OWN.format(128 + getattr(signal, sent)) in done.stderr
    assert "the script was killed after at least" in done.stdout, done.stdout


@pytest.mark.parametrize(
    "end", sampled(["raise RuntimeError('no display')", "import sys; sys.exit(3)"], "import sys; sys.exit(3)")
)
@pytest.mark.thorough
def test_a_failing_end_is_not_held_against_a_remedy(descend_here, tmp_path, end):
    name = script(tmp_path, steps=120, rate=30, end=f"print('plotting')\n{end}\n")
    options = ("--format", "json", "--select", "instability", "--seeds", "2")
    done = descend_here("doctor", *options, name, cwd=tmp_path)
    case = json.loads(done.stdout)
    status = 3 if "3" in end else 1
    assert done.returncode == 4 and case["exit"] == {"status": 4, "script_status": status}
    assert case["status"] == "script_failed" and case["steps"] == 120
    assert [finding["symptom"] for finding in case["findings"]] == ["instability"]
    assert "lr=" in case["patch"] and case["reproduced"] is True
    assert "proved" in [trial["verdict"] for trial in case["trials"]], case["trials"]
    assert ("no display" in done.stderr) == ("display" in end)


def test_an_interpreter_that_cannot_run_it_is_blamed(descend_here, tmp_path):
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\nprintf 3.8 > /proc/self/fd/$3\n")
    deaf = tmp_path / "deaf"
    deaf.write_text("#!/bin/sh\necho 'no such environment: ml' >&2; exit 3\n")
    for tool in (old, deaf):
        tool.chmod(0o755)
    name = script(tmp_path)
    for command in ("doctor", "watch", "gradcheck"):
        done = descend_here(command, "--python", "/bin/false", name, cwd=tmp_path)
        assert done.returncode == 2 and one_line(
            done.stderr, "--python /bin/false is not a working Python interpreter"
        ), done.stderr
    for python, names in (
        ("./deaf", "(no such environment: ml)"),
        ("./old", "is Python 3.8, but"),
        ("yes", "is not a working Python interpreter"),
    ):
        done = descend_here("doctor", "--python", python, name, cwd=tmp_path)
        assert done.returncode == 2 and one_line(done.stderr, names), done.stderr


@pytest.mark.parametrize(
    "webhook",
    ["not a url", "ftp://host/path", "https://", "https://host:port/", "https://ho st/", "hooks.slack.com/services/T0"],
)
def test_a_webhook_that_is_no_address_is_refused_at_the_start(descend_here, tmp_path, webhook):
    done = descend_here("watch", "--webhook", webhook, script(tmp_path, "open('begun', 'w')\n"), cwd=tmp_path)
    assert done.returncode == 2 and one_line(done.stderr, "the webhook must be a URL")
    assert "T0" not in done.stderr and not (tmp_path / "begun").exists()


def test_the_live_page_is_at_its_port_or_one_line_says_why_not(descend_here, tmp_path):
    name = script(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = descend_here("watch", "--live", "--port", port, name, cwd=tmp_path)
        assert done.returncode == 2 and one_line(done.stderr, f"port {port} is not available"), done.stderr
    for arguments in (["--live", "--port", "99999"], ["--live", "--port", "-1"], ["--port", "80"]):
        done = descend_here("watch", *arguments, name, cwd=tmp_path)
        assert done.returncode == 2 and one_line(done.stderr, "port"), done.stderr


@pytest.mark.parametrize("command", sampled([["watch"], ["doctor", "--select", "dead_units"]], ["watch"]), ids=" ".join)
@pytest.mark.parametrize("piped", sampled([True, False], True))
def test_a_script_comes_in_by_standard_input(tmp_path, command, piped):
    name = script(tmp_path, "import mine, sys\n", end="print('done', sys.argv[1:])\nsys.exit(5)")
    (tmp_path / "mine.py").write_text("")
    arguments = [sys.executable, "-m", "descend", *command, "-", "--epochs", "3"]
    with open(tmp_path / name) as file:
        given = {"input": file.read()} if piped else {"stdin": file}
        done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, **given)
    assert done.returncode == (5 if command == ["watch"] else 4) and "exit status 5" in done.stderr, done.stderr
    if command == ["watch"]:
        assert done.stdout == "done ['--epochs', '3']\n"


def test_progress_is_printed_line_by_line_without_a_terminal(descend_here, monkeypatch, tmp_path):
    monkeypatch.setattr("descend.doctor.commands.progress_display.PRINTED_EVERY_S", 0.5)
    body = "optimizer.zero_grad(); import time; time.sleep(0.1)"
    name = script(tmp_path, "import time; time.sleep(2)\n", steps=1000, body=body)
    done = descend_here("doctor", "--seconds", "5", "--select", "no_zero_grad", name, cwd=tmp_path)
    lines = [line.partition(" (Ctrl-C")[0] for line in said(done.stderr) if "baseline: " in line]
    waits = [line.partition("first step for ")[2] for line in lines if "waiting" in line]
    assert waits and all(text.endswith("(at most 5.0 s)") for text in waits)
    assert all(unit == "ms" or float(number) <= 5 for number, unit, *_ in map(str.split, waits))
    left = [line.rpartition("about ")[2] for line in lines if line.endswith(" left with trials")]
    assert left and all(text[0].isdigit() and " s left" in text for text in left), done.stderr
