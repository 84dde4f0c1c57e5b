"""An environment with values that no program expects: a command works as ever, or refuses in one line."""

import tempfile

import pytest
from complaints import complaints, one_line

from descend.doctor.commands.terminal import console

from .kept_patches import OLD, keep_patch

LONG = "9" * 5000
HARMLESS = {  # what a command that only reads a store must take
    "TMPDIR": ["/no/such", "x", "/proc", "a" * 5000],
    "HOME": ["", "/no/such"],
    "TERM": ["", "dumb", "x" * 5000],
    "NO_COLOR": ["1"],
    "PAGER": ["false"],
    "TZ": ["../../x"],
    "RANK": ["x"],
    "WORLD_SIZE": ["-1", LONG],
    "OMP_NUM_THREADS": ["x"],
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    (folder / "train.py").write_bytes(OLD)
    keep_patch(folder, "train.py")
    return folder / ".descend"


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in HARMLESS.items() for value in values])
def test_a_store_is_read_whatever_the_environment_says(descend_here, monkeypatch, kept, name, value):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv(name, value)
    done = descend_here("runs", "--store", str(kept))
    assert done.returncode == 0 and "train.py" in done.stdout and not complaints(done.stderr), done.stderr


@pytest.mark.parametrize("name", ["COLUMNS", "LINES"])
@pytest.mark.parametrize("size", ["0", "1", "-5", "\u00b2", "99999999", LONG, "x", ""])
def test_a_size_that_no_terminal_has_is_not_taken(monkeypatch, name, size):
    monkeypatch.setenv(name, size)
    found = console().size
    assert 0 < found.width < 10_000 and 0 < found.height < 10_000


@pytest.mark.parametrize("rank", ["x", "", "-1", "\u00b2", "1.0", LONG, "\x1b[2J"])
def test_a_rank_that_is_none_does_not_end_a_consultation_with_no_problem_found(descend_here, monkeypatch, rank):
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", "2")
    done = descend_here("doctor", "train.py")
    assert done.returncode == 2 and one_line(done.stderr, "RANK must be a whole number"), done.stderr
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("rank", ["0", "00"])
def test_the_first_rank_consults_however_it_is_written(descend_here, monkeypatch, rank):
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", "2")
    done = descend_here("doctor", "train.py")
    assert done.returncode == 2 and "no such script" in done.stderr, done.stderr


RUNS = ["-1", "0", "9" * 30, "nan", "", "1.5", "\u00b2", "\x1b[2J"]


@pytest.mark.parametrize("command", ["report", "export", "diagnose", "apply"])
@pytest.mark.parametrize("number", RUNS)
def test_a_number_of_a_run_that_is_none(descend_here, kept, command, number):
    done = descend_here(command, "--store", str(kept), "--", number)
    assert done.returncode == 2 and one_line(done.stderr) and "\x1b" not in done.stderr, done.stderr


IDS = [
    "",
    "no_zero_grad ",
    "NO_ZERO_GRAD",
    "\x1b[2J",
    "a" * 5000,
    "\ud800",
    "../x",
    "*",
    "no_zero_grad,no_step",
    "a\nb",
]


@pytest.mark.parametrize("name", IDS)
def test_an_id_that_no_symptom_has(descend_here, name):
    for command in (["explain", "--", name], ["doctor", f"--select={name}", "train.py"]):
        done = descend_here(*command)
        assert done.returncode == 2 and one_line(done.stderr) and "\x1b" not in done.stderr, done.stderr


PLACES = ["a b", "n\nl", "p%20 %s", "\u00fcn\u00ef\u202e", "q?mode=memory#x", ":memory:", "'; DROP TABLE runs; --"]


@pytest.mark.parametrize("place", PLACES)
def test_a_store_at_an_odd_path_is_one_like_others(descend_here, tmp_path, place):
    (tmp_path / place).mkdir()
    keep_patch(tmp_path / place, "train.py")
    done = descend_here("runs", "--store", str(tmp_path / place / ".descend"))
    assert done.returncode == 0 and "train.py" in done.stdout, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [place]
    assert [path.name for path in (tmp_path / place).iterdir()] == [".descend"]
