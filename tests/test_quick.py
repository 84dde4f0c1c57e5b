"""`descend doctor --quick`: one observed run and no trials, with the findings of a whole consultation."""

import json
import sqlite3
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SICK = ROOT / "clinic" / "sick"
SAID = ROOT / "tests" / "frozen" / "said.jsonl"


def said_of(name: str) -> set[str]:
    """Return the ids of the certain problems that were found in a whole consultation."""
    lines = map(json.loads, SAID.read_text().splitlines())
    return {line["id"] for line in lines if line["of"] == f"clinic/sick/{name}" and line.get("certain")}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits_no_zero_grad", "wine_softmax_over_batch"])
def test_one_run_finds_the_certain_problems_of_a_whole_consultation(descend_here, tmp_path, name):
    script = tmp_path / f"{name}.py"
    script.write_text((SICK / f"{name}.py").read_text())
    done = descend_here("doctor", "--quick", "--format", "json", script.name, cwd=tmp_path)
    case = json.loads(done.stdout)
    assert {finding["symptom"] for finding in case["findings"]} >= said_of(name) != set(), done.stderr
    assert case["limit"] == "quick" and case["trials"] == [] and case["patch"] is None
    assert "no remedy was tried (--quick)" in case["verdict"] and "proved" not in case["verdict"]
    assert run_count(tmp_path) == 1
    first = case["untried"][0]
    assert first["patch"] and first["symptoms"][0] in {finding["symptom"] for finding in case["findings"]}
    assert {patch["kind"] for patch in case["patches"]} == {"untried"}
    assert not (tmp_path / ".descend" / "1" / "fix.diff").exists()
    assert (tmp_path / ".descend" / "1" / "untried-1.diff").read_text() == case["patches"][0]["diff"]
    said_again = descend_here("diagnose", "--format", "json", cwd=tmp_path)
    assert json.loads(said_again.stdout)["verdict"] == case["verdict"]


def run_count(folder: Path) -> int:
    """Return the number of all runs, trials included, in the store of a folder."""
    with sqlite3.connect(folder / ".descend" / "descend.db") as store:
        return int(store.execute("SELECT count(*) FROM runs").fetchone()[0])
