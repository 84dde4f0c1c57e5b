"""`import descend` gives every part by its name, and imports nothing heavy before it is used."""

import inspect
import subprocess
import sys

import pytest

import descend


def printed(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["averaging", "data", "landscape", "network", "optim", "schedules", "trajectories"])
def test_a_part_is_there_as_soon_as_it_is_named(name):
    assert printed(f"import descend; print(descend.{name}.__name__)") == f"descend.{name}"


@pytest.mark.slow
def test_a_rule_is_made_without_another_import():
    made = "descend.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1)"
    assert printed(f"import descend, torch; print(type({made}).__mro__[-3:-1][0].__name__)") == "Optimizer"


def test_nothing_heavy_is_imported_before_it_is_used():
    code = "import sys, descend; print([m for m in sys.modules if m in ('torch', 'libcst', 'rich') or 'descend.' in m])"
    assert printed(code) == "[]"


def test_its_names_are_listed_and_others_are_none():
    assert set(dir(descend)) == {*descend.__all__, "__version__"}
    with pytest.raises(AttributeError, match="module 'descend' has no attribute 'optimm'"):
        descend.optimm  # noqa: B018


@pytest.mark.parametrize("part", [name for name in descend.__all__ if inspect.ismodule(getattr(descend, name))])
def test_a_part_lists_its_public_names_only(part):
    assert dir(getattr(descend, part)) == sorted(getattr(descend, part).__all__)
