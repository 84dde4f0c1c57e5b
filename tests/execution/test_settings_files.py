"""Settings files that a run reads."""

import json

import pytest

from descend.doctor.codemod.settings_files import MAX_BYTES, MAX_FILES, settings_files_read
from descend.doctor.script.script import Script

TRAINING = """\
import json, torch, yaml
from pathlib import Path
{reading}
w = torch.zeros(3, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for _ in range(12):
    optimizer.zero_grad()
    ((w - 1) ** 2).mean().backward()
    optimizer.step()
"""


def configuration(observe, folder, reading: str, role: str = "baseline") -> list[str]:
    path = folder / "train.py"
    path.write_text(TRAINING.format(reading=reading))
    script = Script(path, folder)
    record = observe(script, steps=10, role=role)
    return [str(file.relative_to(folder)) for file in settings_files_read(script, record)]


@pytest.mark.slow
def test_opened_settings_files_are_named_by_the_users_path(observe, tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text("lr: 0.1\n")
    (tmp_path / "model.json").write_text('{"width": 3}')
    (tmp_path / "notes.txt").write_text("lr: 0.1\n")
    reading = """\
yaml.safe_load(open("conf/config.yaml"))
json.loads(Path(__file__).with_name("model.json").read_text())
open("conf/config.yaml").close()
Path("notes.txt").read_text()
Path("written.json").write_text("{}")"""
    assert configuration(observe, tmp_path, reading) == ["conf/config.yaml", "model.json"]
    assert configuration(observe, tmp_path, reading, role="trial_run") == []


@pytest.mark.slow
def test_large_or_numerous_files_are_not_settings(observe, tmp_path):
    (tmp_path / "large.json").write_text(json.dumps("x" * MAX_BYTES))
    for number in range(2 * MAX_FILES):
        (tmp_path / f"{number:02}.json").write_text("{}")
    reading = "for path in sorted(Path().glob('*.json')):\n    json.loads(path.read_text())"
    assert configuration(observe, tmp_path, reading) == [f"{number:02}.json" for number in range(MAX_FILES)]
