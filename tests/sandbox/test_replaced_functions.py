"""Functions that modules have stored are replaced in modules scanned before and after a fork, and are restored."""

import functools
import os
import sys
from types import ModuleType

import pytest

from descend.doctor.sandbox import replaced_functions
from descend.doctor.sandbox.replaced_functions import replace_stored_functions, restorer, scan_modules


@pytest.fixture
def unscanned(monkeypatch):
    monkeypatch.setattr(replaced_functions, "_scanned", {})
    monkeypatch.setattr(replaced_functions, "_places", [])


def module_with(monkeypatch, name, **values):
    module = ModuleType(name)
    vars(module).update(values)
    monkeypatch.setitem(sys.modules, name, module)
    return module


@functools.wraps(os.remove)
def replacement(*arguments):
    raise AssertionError


def test_modules_of_before_and_after_the_scan_are_changed_and_restored(monkeypatch, unscanned):
    early = module_with(monkeypatch, "stored_early", delete=os.remove, other=os.rename)
    scan_modules()
    late = module_with(monkeypatch, "stored_late", delete=os.remove)
    undo = []
    replace_stored_functions([replacement], undo)
    assert early.delete is late.delete is replacement and early.other is os.rename
    restorer(undo)()
    assert early.delete is late.delete is os.remove


def test_a_value_that_has_changed_since_the_scan_is_kept(monkeypatch, unscanned):
    module = module_with(monkeypatch, "changed_later", delete=os.remove)
    scan_modules()
    module.delete = print
    undo = []
    replace_stored_functions([replacement], undo)
    restorer(undo)()
    assert module.delete is print


def test_a_module_that_replaces_a_scanned_one_is_scanned_again(monkeypatch, unscanned):
    module_with(monkeypatch, "loaded_again", delete=print)
    scan_modules()
    again = module_with(monkeypatch, "loaded_again", delete=os.remove)
    undo = []
    replace_stored_functions([replacement], undo)
    assert again.delete is replacement
    restorer(undo)()
