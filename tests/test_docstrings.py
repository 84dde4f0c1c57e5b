"""The docstring of every public name describes each parameter, in the sections of numpy's convention."""

import importlib
import inspect
import re

import pytest

PACKAGES = (
    "descend",
    *(
        f"descend.{name}"
        for name in (
            "averaging",
            "data",
            "dynamics",
            "landscape",
            "network",
            "optim",
            "parallel",
            "schedules",
            "trajectories",
        )
    ),
)
SECTION = r"^{}\n-+\n(.*?)(?=^\w[\w ]*\n---|\Z)"
ENTRY = re.compile(r"^(?! )([*\w, ]+)(?: : .+)?\n +\S", re.MULTILINE)


def public_callables():
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                yield f"{package}.{name}", value


def section(value, title) -> str:
    found = re.search(SECTION.format(title), inspect.cleandoc(value.__doc__ or ""), re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def documented(value) -> list[str]:
    return [name.strip() for entry in ENTRY.finditer(section(value, "Parameters")) for name in entry[1].split(",")]


def parameters(value) -> list[str]:
    """Return the parameters of a function or of a constructor that descend defines, with the stars of the signature."""
    if inspect.isclass(value):
        if getattr(value, "_is_protocol", False):
            return []
        owner = next(cls for cls in value.__mro__ if "__init__" in vars(cls))
        if not owner.__module__.startswith("descend."):
            return []
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return [stars.get(p.kind, "") + p.name for p in inspect.signature(value).parameters.values()]


CALLABLES = dict(public_callables())


@pytest.mark.parametrize("name", CALLABLES)
def test_every_parameter_is_described(name):
    assert documented(CALLABLES[name]) == parameters(CALLABLES[name])


@pytest.mark.parametrize("name", [name for name, value in CALLABLES.items() if inspect.isfunction(value)])
def test_every_result_is_described(name):
    result = inspect.signature(CALLABLES[name]).return_annotation
    assert bool(section(CALLABLES[name], "Returns")) == (result not in (None, "None"))


def test_the_first_line_is_a_whole_sentence():
    for name, value in CALLABLES.items():
        assert (value.__doc__ or "").strip().split("\n")[0].endswith("."), name
