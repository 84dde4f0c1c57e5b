"""Sites are exactly the call expressions that `ast` finds in the source, with the variables of their results."""

import ast
import re
from pathlib import Path

import pytest

from descend.doctor.instrumentation.call_expressions import call_ending
from descend.doctor.script.script import Script

SCRIPTS = Path(__file__).parents[1] / "scripts"
MARK = re.compile(r"# (\w+ \S+ \S+(?:; \w+ \S+ \S+)*)$")

VARIABLES = {
    "sites_module.py": {
        ("model", "0"): "net",
        ("loader", "0"): "loader",
        ("loader", "1"): "test_loader",
        ("optimizer", "0"): "optimizer",
    },
    "sites_class.py": {
        ("model", "0"): "model",
        ("loader", "0"): "self.loader",
        ("optimizer", "0"): "",
        ("loss", ""): "loss",
        ("activation", "output"): "self.squash",
    },
}
FUNCTIONS = {
    ("model", "0"): "main",
    ("loader", "0"): "__init__",
    ("optimizer", "0"): "make_optimizer",
    ("loss", ""): "training_step",
    ("step", "0"): "training_step",
}


def expected(text: str) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    """Return the spans of the marked calls by kind and key."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    spans = {}
    for number, line in enumerate(text.splitlines(), 1):
        found = MARK.search(line)
        for mark in found[1].split("; ") if found else ():
            kind, key, callee = mark.split()
            named = [c for c in calls if c.lineno == number and ast.unparse(c.func).replace(" ", "").endswith(callee)]
            assert len(named) == 1, mark
            call = named[0]
            spans[kind, key.strip("-")] = (call.lineno, call.col_offset, call.end_lineno, call.end_col_offset)
    return spans


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIABLES)
def test_sites_are_the_call_expressions_of_the_source(observe, name):
    record = observe(Script(SCRIPTS / name, SCRIPTS))
    sites = {(site.kind, site.key): site for site in record.sites}
    spans = expected((SCRIPTS / name).read_text())
    assert len(spans) >= 7
    for key, span in spans.items():
        site = sites[key]
        assert (site.line, site.column, site.end_line, site.end_column) == span, key
        assert site.file == str(SCRIPTS / name)
    for key, variable in VARIABLES[name].items():
        assert sites[key].variable == variable, key
    for key, function in FUNCTIONS.items():
        assert sites[key].function == (function if name == "sites_class.py" else "") or key not in sites
    assert sites["optimizer", "0"].detail == ("SGD" if name == "sites_module.py" else "Adam")


@pytest.mark.parametrize(
    ("source", "callee", "variable"),
    [
        ("a = b = Make()", "Make", "a"),
        ("a, b = Other(), Make()", "Make", "b"),
        ("[a, (b, c)] = x, (y, Make())", "Make", "c"),
        ("a = [Make()]", "Make", ""),
        ("a = fit(Make())", "Make", ""),
        ("a = Make().fit()", "Make", ""),
        ("a = Make().to(device).train()", "Make", "a"),
        ("a = torch.compile(Make())", "Make", "a"),
        ("a = Make() if x else None", "Make", "a"),
        ("with Make() as a: pass", "Make", "a"),
        ("a = lambda: Make()", "Make", ""),
        ("f(a := Make())", "Make", "a"),
        ("self.a['x'] = Make()", "Make", "self.a['x']"),
        ("a, b = Make()", "Make", ""),
        ("a: int = Make()", "Make", "a"),
    ],
)
def test_the_variable_that_a_call_is_assigned_to(tmp_path, source, callee, variable):
    file = tmp_path / "source.py"
    file.write_text(source)
    call = next(n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call) and ast.unparse(n.func) == callee)
    found = call_ending(str(file), call.end_lineno, call.end_col_offset)
    assert (found.line, found.column, found.variable) == (call.lineno, call.col_offset, variable)


def test_a_position_without_the_end_of_a_call_has_no_call(tmp_path):
    (tmp_path / "source.py").write_text("a = 1\n")
    (tmp_path / "broken.py").write_text("a = (\n")
    assert call_ending(str(tmp_path / "source.py"), 1, 5) is None
    assert call_ending(str(tmp_path / "broken.py"), 1, 5) is None
    assert call_ending(str(tmp_path / "missing.py"), 1, 5) is None
