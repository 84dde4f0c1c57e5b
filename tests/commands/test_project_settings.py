"""`[tool.descend]` in pyproject.toml gives defaults, and its mistakes are one line with file, key and value."""

import pytest
import typer.main
from complaints import one_line
from typer import Context

from descend.cli import app
from descend.doctor.commands.project_settings import read_defaults


@pytest.fixture
def defaults(tmp_path, monkeypatch):
    """Write a pyproject.toml, and read the defaults in a folder below it."""

    def read(text: str, folder: str = "below/it"):
        (tmp_path / "pyproject.toml").write_text(text)
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(tmp_path / folder)
        return read_defaults(Context(typer.main.get_command(app)))

    return read


def test_values_become_defaults_of_the_commands_that_have_the_option(defaults):
    text = '[tool.descend]\nseeds = 7\nsuggest = true\nignore = ["dead_units"]\nnproc-per-node = 2\nformat = "json"\n'
    found = defaults(text)
    assert found["doctor"] == {
        "seeds": "7", "suggest": True, "ignore": ["dead_units"], "processes": "2", "format": "json"
    }  # fmt: skip
    assert found["watch"] == {"ignore": ["dead_units"]}


def test_without_a_table_there_are_no_defaults(defaults):
    assert defaults("[project]\nname = 'x'\n") == {} == defaults("tool = 3\n")


def test_the_nearest_table_is_used(defaults, tmp_path):
    (tmp_path / "near").mkdir()
    (tmp_path / "near" / "pyproject.toml").write_text("[tool.descend]\nseeds = 3\n")
    assert defaults("[tool.descend]\nseeds = 9\n", "near/below")["doctor"] == {"seeds": "3"}
    (tmp_path / "near" / "pyproject.toml").write_text("[tool.ruff]\n")
    assert defaults("[tool.descend]\nseeds = 9\n", "near/below")["doctor"] == {"seeds": "9"}


def test_the_command_line_overrides_the_file_and_the_help_shows_it(descend_here, tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.descend]\nseeds = 7\n")
    (tmp_path / "train.py").write_text("")
    assert "[default: 7]" in descend_here("doctor", "--help").stdout
    done = descend_here("doctor", "--seeds", "1", "train.py")
    assert done.returncode == 2 and one_line(
        done.stderr, "descend: --seeds must be a whole number from 2 to 1000, not 1"
    )


WRONG = {  # a line of the table -> what is said of it
    "seeds = 1": "seeds = 1 in [tool.descend] is not allowed: --seeds must be a whole number from 2 to 1000, not 1",
    "seeds = true": "seeds = true in [tool.descend] is not allowed: --seeds must be a whole number from 2 to 1000",
    "steps = 2.5": "--steps must be a whole number from 1 to 1000000000, not 2.5",
    "seconds = nan": "--seconds must be a number from 0.001 to 10000000, not NaN",
    "seeds = {a = 1}": '--seeds must be a whole number from 2 to 1000, not {"a": 1}',
    "sedes = 3": "sedes = 3 in [tool.descend] is not an option of descend doctor; allowed are ",
    "suggest = 1": "suggest = 1 in [tool.descend] must be true or false",
    'select = "dead_units"': 'select = "dead_units" in [tool.descend] must be a list of strings',
    'ignore = ["dead_unit"]': "no problem has the id dead_unit; did you mean dead_units?",
    'format = "xml"': "format = \"xml\" in [tool.descend] is not allowed: 'xml' is not one of 'text', 'json'",
    "format = true": "format = true in [tool.descend] must be a string",
    "seeds = [": "cannot be read: ",
    "x = 1979-05-27": 'x = "1979-05-27" in [tool.descend] is not an option',
}


@pytest.mark.parametrize("line", WRONG)
@pytest.mark.parametrize("command", ["doctor", "watch"])
def test_a_mistake_is_one_line_with_file_key_and_value(descend_here, tmp_path, line, command):
    (tmp_path / "train.py").write_text("")
    (tmp_path / "pyproject.toml").write_text(f"[tool.descend]\n{line}\n")
    done = descend_here(command, "train.py")
    assert done.returncode == 2 and one_line(done.stderr, f"{tmp_path / 'pyproject.toml'}"), done.stderr
    assert WRONG[line] in done.stderr and not (tmp_path / ".descend").exists()


@pytest.mark.parametrize(
    "line",
    ['sandbox = "hooks"', "allow-effects = true", 'python = "./evil"', 'store = "x://y"', 'ray = "a"', "apply = true"],
)
def test_a_project_cannot_weaken_the_isolation_or_send_data(descend_here, tmp_path, line):
    (tmp_path / "train.py").write_text("")
    (tmp_path / "pyproject.toml").write_text(f"[tool.descend]\n{line}\n")
    done = descend_here("doctor", "train.py")
    key = line.split()[0]
    assert done.returncode == 2 and one_line(done.stderr, f"--{key} must be given on the command line"), done.stderr


def test_something_other_than_a_table_is_refused(descend_here, tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool]\ndescend = 3\n")
    done = descend_here("doctor", "train.py")
    assert done.returncode == 2 and one_line(done.stderr, "tool.descend = 3 must be a table of options"), done.stderr


def test_other_commands_do_not_read_the_file(descend_here, tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.descend\n")
    assert descend_here("explain", "dead_units").returncode == 0
