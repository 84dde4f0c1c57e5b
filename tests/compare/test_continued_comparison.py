"""The same command continues a comparison: complete runs are not made again, and the report says so."""

import json

import pytest
from real import TEXT


@pytest.mark.slow
@pytest.mark.thorough
def test_a_second_command_makes_only_the_examining_run_and_counts_the_others(descend, tmp_path):
    (tmp_path / "train.py").write_text(TEXT)
    options = ("--optimizers", "SGD", "--trials", "2", "--seeds", "2", "--format", "json")
    first, second = (json.loads(descend("compare", *options, "train.py", cwd=tmp_path).stdout) for _ in range(2))
    assert (second["verdict"], second["choices"][0]["values"]) == (first["verdict"], first["choices"][0]["values"])
    assert first["cost"]["runs"] > 5 and second["cost"]["runs"] == 1
    notes = [note for note in second["notes"] if "are used again" in note]
    assert f": {first['cost']['runs'] - 1};" in notes[0] and not any("used again" in note for note in first["notes"])
