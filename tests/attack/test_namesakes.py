"""A script's own module `descend`, and its way with descriptors, break neither the script nor its observation."""

import subprocess
import sys
from pathlib import Path

import pytest
from complaints import complaints
from sampling import sampled

from descend.core.errors import InternalError
from descend.doctor.execution.launch import new_record, run
from descend.doctor.record import Record
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script

from .world import REACHED, TRAINING

PACKAGE = {
    "descend/__init__.py": "",
    "descend/optim.py": "RATE = 0.1\n",
    "descend/doctor/__init__.py": "NAME = 'mine'\n",
}
LOCAL = {
    "a module": (
        {"descend.py": "RATE = 0.1\n"},
        "from descend import RATE\nimport descend\nassert descend.RATE == RATE\n",
    ),
    "a package": (
        PACKAGE,
        "from descend.optim import RATE\nimport descend.doctor\nassert descend.doctor.NAME == 'mine'\n",
    ),
    "a folder": ({"descend/rates.py": "RATE = 0.1\n"}, "from descend.rates import RATE\n"),
    "one that is not imported": ({"descend.py": "raise SystemExit(9)\n"}, ""),
    "one that is imported later": (
        {"descend.py": "RATE = 0.1\n"},
        TRAINING.format(steps=5) + "import importlib\nassert importlib.import_module('descend').RATE == 0.1\n",
    ),
}
LIBRARY = "import descend\nfrom descend.optim import Adam\nAdam([torch.ones(2, requires_grad=True)], lr=0.1)\n"


def written(folder: Path, files: dict[str, str], text: str) -> Script:
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(content)
    (folder / "train.py").write_text(text + TRAINING.format(steps=20))
    return Script(folder / "train.py", folder)


def observed(script: Script, role: str = "baseline") -> Record:
    plan = Plan(role=role, sandbox=REACHED[0])
    return run(script, plan, new_record(script, plan))


@pytest.mark.parametrize("local", sampled(LOCAL, "a folder"))
def test_a_module_called_descend_is_the_scripts_and_the_run_is_observed(tmp_path, local):
    script = written(tmp_path, *LOCAL[local])
    plain = subprocess.run([sys.executable, "train.py"], cwd=tmp_path, capture_output=True, text=True)
    for role in ("baseline", "watch"):
        record = observed(script, role)
        assert record.ending.status == plain.returncode, (role, plain.stderr, record.ending.error)
        if local == "a folder":  # this package, which is installed here, goes before it
            assert plain.returncode == 1 and "No module named 'descend.rates'" in plain.stderr
        else:
            assert record.ending.reason == "finished" and record.steps >= 20
            assert sum(len(record.series("loss", key).values) for key in record.places("loss")) >= 20


def test_a_script_that_uses_this_library_goes_on_working(tmp_path):
    record = observed(written(tmp_path, {}, "import torch\n" + LIBRARY))
    assert record.ending.reason == "finished" and record.steps == 20, record.ending.error


CLOSING = "import os, resource\nos.closerange(3, min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[0]))\n"


@pytest.mark.parametrize("role", sampled(["baseline", "watch"], "baseline"))
def test_a_script_that_closes_all_descriptors_is_observed_to_its_end(tmp_path, role):
    opens = f"{CLOSING}files = [open('out' + str(i), 'w') for i in range(40)]\n"
    script = written(tmp_path, {}, opens)
    record = observed(script, role)
    assert (record.ending.reason, record.steps) == ("finished", 20), record.ending.error
    assert not any((tmp_path / f"out{i}").exists() and (tmp_path / f"out{i}").read_text() for i in range(40))


EVERY_ONE = "import os\nos.closerange(3, 1 << 20)\nimport time\ntime.sleep(2)\n"


def test_a_run_whose_channel_is_closed_all_the_same_is_no_failure_of_the_script(tmp_path):
    with pytest.raises(InternalError, match=r"train\.py closed a file descriptor of descend"):
        observed(written(tmp_path, {}, EVERY_ONE))


@pytest.mark.slow
def test_both_commands_say_so_in_a_line_and_watch_leaves_the_run_alone(tmp_path):
    written(tmp_path, {"descend.py": ""}, EVERY_ONE)
    ends = {}
    for command in ("watch", "doctor"):
        started = [sys.executable, "-P", "-m", "descend", command, "train.py"]  # -P: not the script's own descend.py
        done = subprocess.run(started, cwd=tmp_path, capture_output=True, text=True)
        ends[command] = (done.returncode, complaints(done.stderr)[-1])
    assert ends["watch"][0] == 0 and "run 1, " in ends["watch"][1], ends
    assert ends["doctor"][0] == 5 and "closed a file descriptor" in ends["doctor"][1], ends
