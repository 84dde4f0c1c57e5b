"""Every setting that is listed can be set by its place, and nothing else in the program changes."""

import ast
import shutil
from pathlib import Path

import pytest

from descend.doctor.changes.settings import find_setting, list_settings, set_setting
from descend.doctor.script.script import Script

TESTS = Path(__file__).parents[1]
PROGRAMS = {  # program -> names that its author would use
    "by_argparse.py": ("lr", "width", "steps"),
    "by_dataclass.py": ("Config.lr", "Config.width", "Config.steps"),
    "configured_by_yaml/train.py": ("optimizer.lr", "model.width", "training.steps"),
    "trainer_class.py": (),
}


def other_value(text: str) -> str:
    """Return another value of the same type."""
    value = ast.literal_eval(text)
    if isinstance(value, bool) or value is None:
        return str(not value)
    return repr(f"{value}_other") if isinstance(value, str) else repr(value + 1)


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_listed_setting_is_set_by_its_place(tmp_path, name):
    source = TESTS / "kinds" / "programs" / name
    for file in source.parent.glob("*") if "/" in name else [source]:
        shutil.copy(file, tmp_path)
    script = Script(tmp_path / source.name, tmp_path)
    settings = list_settings(script)
    assert settings and {*PROGRAMS[name]} <= {setting.name for setting in settings}
    for setting in settings:
        before = script.read(setting.file).split("\n")
        edited = set_setting(script, f"{setting.file.name}:{setting.line}:{setting.name}", other_value(setting.text))
        after = edited.read(setting.file).split("\n")
        assert [i for i, lines in enumerate(zip(before, after, strict=True), 1) if len({*lines}) > 1] == [setting.line]
        place = f"{setting.file.name}:{setting.line}:{setting.name}"
        assert find_setting(edited, place).text == other_value(setting.text)
