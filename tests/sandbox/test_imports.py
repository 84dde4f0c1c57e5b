"""A package that is installed from the working directory is imported from its copy."""

import sys
import types
from pathlib import Path

import pytest

from descend.doctor.sandbox.imports import import_from_copy
from descend.doctor.sandbox.scratch import scratch_copy
from descend.doctor.script.script import Script


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    (root / "src/package").mkdir(parents=True)
    (root / "src/package/__init__.py").write_text("rate = 0.5\n")
    (root / "venv/lib").mkdir(parents=True)
    (root / "train.py").write_text("import package\n")
    return root


@pytest.fixture
def scratch(project):
    edits = {project / "src/package/__init__.py": "rate = 0.1\n"}
    with scratch_copy(Script(project / "train.py", project, edits=edits)) as copy:
        yield copy


@pytest.mark.slow
def test_import_paths_in_the_working_directory_are_redirected(project, scratch, monkeypatch):
    monkeypatch.setattr(
        sys, "path", ["", f"{project}/src", str(project), f"{project}-2/src", "/usr/lib", f"{project}/no"]
    )
    import_from_copy(scratch.root, project)
    copy = str(scratch.root)
    assert sys.path == ["", f"{copy}/src", copy, f"{project}-2/src", "/usr/lib", f"{project}/no"]


@pytest.mark.slow
def test_a_virtual_environment_is_not_redirected(project, scratch, monkeypatch):
    monkeypatch.setattr(sys, "path", [f"{project}/venv/lib"])
    import_from_copy(scratch.root, project)
    assert sys.path == [f"{project}/venv/lib"]


@pytest.mark.slow
def test_an_edit_runs_in_a_package_found_through_an_installer_s_table(project, scratch, monkeypatch):
    name = "__editable___package_0_1_finder"
    module = types.ModuleType(name)
    module.__dict__["MAPPING"] = {"package": f"{project}/src/package", "other": "/opt/other"}
    finder = types.new_class("Finder", exec_body=lambda body: body.update(__module__=name))
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    import_from_copy(scratch.root, project)
    mapping = module.__dict__["MAPPING"]
    assert mapping["other"] == "/opt/other"
    assert Path(mapping["package"], "__init__.py").read_text() == "rate = 0.1\n"
