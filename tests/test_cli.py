"""Errors at the command line: one line and status 2, or the script's traceback and its exit status."""

import hashlib
import inspect
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from complaints import one_line
from uncleared import uncleared
from waiting import comes

from descend.cli import doctor
from descend.doctor.script.plan import Plan

EXAMPLES = Path(__file__).parents[1] / "examples"


def script(folder: Path, *, steps=40, lr=0.1, body="optimizer.zero_grad()", end="") -> Path:
    path = folder / "train.py"
    path.write_text("\n" + uncleared(steps, lr=lr, body=body) + end)
    return path


def test_help_imports_no_slow_package(descend):
    done = descend("--help")
    assert done.returncode == 0 and "doctor" in done.stdout
    heavy = ("torch", "sqlalchemy", "libcst", "descend.doctor.record")
    probe = f"import sys, descend.cli; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", probe], text=True).strip() == "[]"


def test_every_command_and_option_has_help():
    import typer.main

    from descend.cli import app

    group = typer.main.get_command(app)
    for name, command in group.commands.items():
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{name} {parameter.name}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments, names",
    [
        (["missing.py"], "missing.py"),
        (["."], "is a directory"),
        (["broken.py"], "broken.py:2"),
        (["binary.py"], "binary.py"),
        (["-m", "no.such.module"], "no.such.module"),
        (["--steps", "0", "train.py"], "--steps must be a whole number from 1 to 1000000000, not 0"),
        (["--seconds", "-1", "train.py"], "--seconds"),
        (["--seconds", "nan", "train.py"], "--seconds"),
        (["--seeds", "1", "train.py"], "--seeds must be a whole number from 2 to 1000, not 1"),
        (["--trials", "-1", "train.py"], "--trials must be a whole number from 0 to 10000, not -1"),
        (["--jobs", "0", "train.py"], "--jobs"),
        (["--select", "overfiting", "train.py"], "overfiting"),
        (["--python", "/no/such/python", "train.py"], "/no/such/python"),
    ],
)
def test_a_bad_value_is_named_in_one_line(descend_here, tmp_path, arguments, names):
    script(tmp_path)
    (tmp_path / "broken.py").write_text("x = 1\nif x\n")
    (tmp_path / "binary.py").write_bytes(b"\x00\xff\x00")
    done = descend_here("doctor", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert one_line(done.stderr, names=names), done.stderr


def test_a_non_numeric_option_value_is_refused(descend_here, tmp_path):
    done = descend_here("doctor", "--steps", "many", str(script(tmp_path)), cwd=tmp_path)
    assert done.returncode == 2 and one_line(done.stderr, names="--steps"), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", [["report", "99"], ["diagnose", "99"], ["runs"], ["report"]])
def test_a_missing_run_is_one_line(descend_here, tmp_path, command):
    done = descend_here(*command, cwd=tmp_path)
    assert done.returncode == 2 and one_line(done.stderr), done.stderr


@pytest.mark.slow
def test_an_option_after_the_script_is_named_unless_the_script_has_its_word(descend, tmp_path):
    (tmp_path / "train.py").write_text("import sys\n")
    done = descend("watch", "train.py", "--port", "80", cwd=tmp_path)
    assert "--port comes after train.py, so the script receives it" in done.stderr
    (tmp_path / "train.py").write_text("import sys\nport = sys.argv\n")
    assert "--port comes after" not in descend("watch", "train.py", "--port", "80", cwd=tmp_path).stderr


@pytest.mark.slow
def test_an_option_after_the_script_belongs_to_the_script(descend, tmp_path):
    (tmp_path / "train.py").write_text("import sys; seed = '--seed'; sys.exit(3)")
    done = descend("watch", "train.py", "--store=x", "--seed", "1", cwd=tmp_path)
    assert "descend: --store comes after train.py, so the script receives it; options of descend come" in done.stderr
    assert "--seed" not in done.stderr and done.returncode == 3


@pytest.mark.slow
def test_an_interpreter_without_torch(descend_here, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    python = str(tmp_path / "bare" / "bin" / "python")
    done = descend_here("doctor", "--python", python, str(script(tmp_path)), cwd=tmp_path)
    assert done.returncode == 2 and one_line(done.stderr, names="no torch"), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage, names",
    [("read-only", ""), ("no database", ""), ("newer", "newer")],
)
def test_an_unusable_store_is_one_line(descend_here, tmp_path, damage, names):
    store = tmp_path / "store"
    if damage == "read-only":
        store.write_text("a file where the folder should be")
    else:
        store.mkdir()
        if damage == "no database":
            (store / "descend.db").write_bytes(b"not a database at all, just text" * 100)
        else:
            connection = sqlite3.connect(store / "descend.db")
            connection.execute("create table meta (key text primary key, value text not null)")
            connection.execute("insert into meta values ('schema', '999')")
            connection.commit()
    done = descend_here("doctor", "--store", str(store), str(script(tmp_path)), cwd=tmp_path)
    assert done.returncode == 2 and one_line(done.stderr, names=names), done.stderr


@pytest.mark.slow
def test_a_raising_script_keeps_its_traceback_and_status(descend_here, tmp_path):
    path = script(tmp_path, body="optimizer.zero_grad()\n    if step == 5: raise ValueError('five')")
    plain = subprocess.run([sys.executable, str(path)], cwd=tmp_path, capture_output=True, text=True)
    done = descend_here("doctor", "--format", "json", "--select", "dead_units", "train.py", cwd=tmp_path)
    assert (done.returncode, plain.returncode) == (4, 1)
    assert plain.stderr.strip() in done.stderr
    assert "descend/" not in done.stderr
    case = json.loads(done.stdout)
    assert case["status"] == "script_failed" and case["exit"] == {"status": 4, "script_status": 1}


@pytest.mark.slow
def test_a_failing_script_has_one_exit_status_and_its_own_in_the_json(descend_here, tmp_path):
    path = str(script(tmp_path, end="import sys; sys.exit(3)"))
    done = descend_here("doctor", "--select", "dead_units", "--format", "json", path, cwd=tmp_path)
    assert done.returncode == 4 and "Traceback" not in done.stderr
    assert json.loads(done.stdout)["exit"] == {"status": 4, "script_status": 3}
    assert "ended with exit status 3, and descend exits with status 4" in done.stderr


@pytest.mark.slow
def test_a_script_without_optimizer_steps_is_wrong_usage(descend_here, tmp_path):
    path = tmp_path / "train.py"
    path.write_text("import torch\nprint(torch.ones(3).sum())\n")
    done = descend_here("doctor", str(path), cwd=tmp_path)
    assert done.returncode == 2 and "there is nothing to diagnose" in done.stderr


@pytest.mark.slow
def test_a_single_step_is_too_few(descend_here, tmp_path):
    done = descend_here("doctor", "--select", "dead_units", str(script(tmp_path, steps=1)), cwd=tmp_path)
    assert done.returncode == 2 and one_line(done.stderr.splitlines()[-1], names="a single optimizer step"), done.stderr


def test_an_internal_error_has_its_own_exit_status(descend_here, monkeypatch):
    monkeypatch.setattr("descend.doctor.commands.explanation.explanation", lambda symptom: 1 / 0)
    done = descend_here("explain", "dead_units")
    assert done.returncode == 5 and not done.stdout
    assert done.stderr.startswith("Traceback") and "descend itself failed" in done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_a_long_run_is_cut_to_the_window_without_leftovers(descend_here, tmp_path):
    # A fifth of the stability limit: no problem in 50 steps, whichever steps a busy machine has time to measure.
    path = script(tmp_path, steps=10**9, lr=0.4, end="raise SystemExit('never reached')")
    done = descend_here("doctor", "--steps", "50", "--format", "json", str(path), cwd=tmp_path)
    assert json.loads(done.stdout)["steps"] == 50 and done.returncode in (0, 3)
    assert not _running(path)


@pytest.mark.slow
def test_after_ctrl_c_the_results_so_far_are_shown(tmp_path):
    path = script(tmp_path, steps=10**9, body="import time; time.sleep(0.05)")
    process = subprocess.Popen(
        [sys.executable, "-m", "descend", "doctor", "train.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert comes(lambda: _steps_kept(tmp_path / ".descend" / "descend.db") > 20, within=120)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130, (out, err)
    assert "radients are never cleared" in out and "Traceback" not in err
    assert not _running(path)


@pytest.mark.thorough
def test_a_destructive_script_changes_no_original_file(descend_here, tmp_path):
    victim = tmp_path / "elsewhere"
    victim.mkdir()
    (victim / "precious.bin").write_bytes(b"precious" * 1000)
    home = tmp_path / "home"
    home.mkdir()
    (home / "model.pt").write_bytes(b"a trained checkpoint")
    body = (
        "optimizer.zero_grad(); torch.save(model.state_dict(), 'model.pt')\n"
        f"    import shutil; shutil.rmtree({str(victim)!r}, ignore_errors=True)\n"
        f"    try: torch.save(model.state_dict(), {str(victim / 'precious.bin')!r})\n"
        "    except Exception: pass"
    )
    path = script(home, body=body)
    before = _hashes(tmp_path)
    quick = ("--steps", "60", "--seeds", "2", "--trials", "1")
    done = descend_here("doctor", *quick, "--store", str(tmp_path / "store"), str(path), cwd=home)
    assert {k: v for k, v in _hashes(tmp_path).items() if "store" not in k} == before
    assert done.returncode in (0, 1), done.stderr
    listed = descend_here("report", "--store", str(tmp_path / "store"), cwd=home)
    assert "precious.bin" in Path(home, listed.stdout.strip()).read_text()


@pytest.mark.slow
@pytest.mark.thorough  # tests/changes and tests/attack/test_apply.py apply patches to files with such line ends
def test_apply_keeps_the_line_ends_of_the_script(descend_here, tmp_path):
    path = tmp_path / "train.py"
    path.write_bytes((EXAMPLES / "digits_by_hand.py").read_bytes().replace(b"\n", b"\r\n"))
    quick = ("--select", "no_zero_grad", "--steps", "80", "--seeds", "2")
    done = descend_here("doctor", "--apply", *quick, "train.py", cwd=tmp_path)
    assert "zero_grad" in path.read_text() and b"\r\n" in path.read_bytes(), done.stdout
    assert b"\n" not in path.read_bytes().replace(b"\r\n", b"")
    assert descend_here("doctor", *quick, "train.py", cwd=tmp_path).returncode == 0


@pytest.mark.slow
def test_watch_runs_in_place_and_exits_with_the_scripts_status(descend, descend_here, tmp_path):
    path = script(tmp_path, end="print('lr', optimizer.param_groups[0]['lr']); raise SystemExit(7)")
    done = descend("watch", "train.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (7, "lr 0.1\n")
    listed = descend_here("runs", cwd=tmp_path)
    assert "watch" in listed.stdout and str(path.name) in listed.stdout
    assert listed.stdout.split()[-1] == str(done.stderr.count("descend: finding:"))
    assert descend_here("diagnose", cwd=tmp_path).returncode == 4


def _running(path: Path) -> bool:
    time.sleep(0.5)
    found = subprocess.run(["pgrep", "-f", str(path)], capture_output=True, text=True).stdout.split()
    return bool(set(found) - {str(os.getpid())})


def _steps_kept(database: Path) -> int:
    if not database.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            return connection.execute("select max(last_step) from parts").fetchone()[0] or 0
    except sqlite3.OperationalError:  # the database is being created
        return 0


def _hashes(folder: Path) -> dict[str, str]:
    files = [f for f in folder.rglob("*") if f.is_file()]
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.mark.slow
def test_a_script_from_standard_input_is_diagnosed_without_a_patch(tmp_path):
    Path(tmp_path, "mine.py").write_text("LR = 0.1\n")  # Python finds it next to a program that it reads from a pipe.
    text = "import mine\n\n" + uncleared(40, lr=0.1, body="pass")
    done = subprocess.run(
        [sys.executable, "-m", "descend", "doctor", "--seeds", "2", "--format", "json", "-"],
        input=text,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    case = json.loads(done.stdout)
    assert done.returncode == 1, done.stderr
    assert [finding["symptom"] for finding in case["findings"]] == ["no_zero_grad"]
    assert case["patch"] is None and case["trials"]


def test_help_keeps_text_in_brackets():
    """Rich reads [words] as markup, so the name of an extra would vanish from a help text."""
    done = subprocess.run([sys.executable, "-m", "descend", "export", "--help"], capture_output=True, text=True)
    assert "pip install 'descend[export]'" in " ".join(done.stdout.split())


@pytest.mark.parametrize("name", ["seeds", "seed", "trials", "suggest", "sandbox"])
def test_options_have_the_defaults_of_the_plan(name):
    assert inspect.signature(doctor).parameters[name].default == getattr(Plan, name)
