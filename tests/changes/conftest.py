"""Scripts on disk, and the changes that setting a value makes to them."""

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from descend.doctor.changes.settings import set_setting
from descend.doctor.script.script import Script

NO_FILES: Mapping[str, str] = MappingProxyType({})


@pytest.fixture
def script(tmp_path):
    """Return a function that writes train.py and other files, and returns the script with the given arguments."""

    def write(text: str, *arguments: str, files: Mapping[str, str] = NO_FILES) -> Script:
        for name, content in {"train.py": text, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode())
        return Script(tmp_path / "train.py", tmp_path, arguments)

    return write


@pytest.fixture
def changes():
    """Return a function that sets a value, and returns the removed and added lines of the diff."""

    def change(script: Script, name: str, text: str) -> list[str]:
        lines = set_setting(script, name, text).diff().splitlines()
        return [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]

    return change
