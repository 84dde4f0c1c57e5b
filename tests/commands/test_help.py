"""Every `--help` page: no hard wraps, no types of flags, limits of all numbers, at 80 and 120 columns."""

import pytest
import typer.main
from complaints import one_line
from rich.cells import cell_len
from typer.testing import CliRunner

from descend.cli import app


def pages(command, path=()):
    """Yield the path of every command, the top level first."""
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            yield from pages(inner, (*path, name))


PAGES = [*pages(typer.main.get_command(app))]


@pytest.mark.parametrize("columns", [80, 120])
def test_each_page_fills_its_lines_and_shows_flags_without_a_type(columns):
    for path in PAGES:
        page = _page(path, columns)
        assert page.startswith("Usage: ") and "<bool>" not in page, path
        lines = page.splitlines()
        assert columns - 2 <= max(map(cell_len, lines)) <= columns, path
        for line, after in zip(lines, lines[1:]):
            is_prose = line and after and line[0].isalnum() and after[0].islower()
            # A line ends early only because the next word does not fit.
            assert not is_prose or len(f"{line} {after.split()[0]}") > columns - 4, (path, line, after)


def _page(path, columns):
    """Return the help page of a command, each line without the space around it."""
    done = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": str(columns)}, terminal_width=columns)
    assert done.exit_code == 0, (path, done.output)
    return "\n".join(line.strip() for line in done.output.strip().splitlines())


def test_rarely_used_options_have_their_own_panels():
    page = _page(("doctor",), 100)
    common, trials, isolation, rare = (
        page.index(f"─ {t} ─") for t in ("Options", "Trials and seeds", "Isolation", "Rarely used options")
    )
    assert common < trials < isolation < rare
    assert common < page.index("--apply") < trials < page.index("--seeds") < isolation
    assert isolation < page.index("--allow-effects ") < rare < page.index("--python")
    assert "INT 2..1000" in page and "[default: 5]" in page


def test_the_exit_statuses_are_in_the_help():
    text = " ".join(_page(("doctor",), 120).split())
    for words in (
        "0 no problem found",
        "1 problems found",
        "2 wrong usage",
        "3 undecided",
        "4 the script failed",
        "5 descend itself failed",
        "130 Ctrl-C",
        "143 SIGTERM",
        "129 SIGHUP",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["doctor"], "Missing argument 'SCRIPT'. (see descend doctor --help)"),
        (["doctr"], "No such command 'doctr'. Did you mean 'doctor'? (see descend --help)"),
        (["report", "abc"], "a run is named by its number, such as 1, not abc; descend runs lists all runs"),
        (["apply", "1.5"], "a run is named by its number, such as 1, not 1.5; descend runs lists all runs"),
        (["doctor", "--budget", "soon", "x"], "90s, 2m or 1h, from 10 to 10000000 seconds, not soon"),
        (["doctor", "--sandbox", "x", "y"], "--sandbox must be auto, namespaces, landlock or hooks, not x"),
    ],
)
def test_wrong_usage_is_one_line_that_names_the_help_of_the_command(descend_here, command, message):
    done = descend_here(*command)
    assert done.returncode == 2 and one_line(done.stderr, message), done.stderr


def test_an_unknown_choice_is_answered_with_the_choices_alone(descend_here):
    done = descend_here("doctor", "--format", "xml", "x")
    assert one_line(done.stderr, "Invalid value for '--format': 'xml' is not one of 'text', 'json'"), done.stderr
