"""The programs with broken contracts between their pieces, and the working ones that look as if they had some."""

import ast
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "clinic"))
catalogue = __import__("mutations.catalogue", fromlist=["hosts"])
contracts = __import__("contracts")
families = __import__("mutations.families", fromlist=["FAMILIES"])
Script = __import__("mutations.script", fromlist=["Script"]).Script
METRIC = re.compile(r"^Metric: .+, (higher|lower) is better; -?[\d.e+-]+ without learning$", re.MULTILINE)


def test_no_file_has_changed_since_it_was_written():
    lines = contracts.HASHES.read_text(encoding="utf-8").splitlines()
    assert {name: value for value, name in map(str.split, lines)} == contracts.hashes()


def test_each_theme_has_operators_with_names_of_their_own():
    known = {operator.name for family in families.FAMILIES.values() for operator in family}
    for name in contracts.THEMES:
        module = contracts.theme(name)
        names = [operator.name for operator in module.OPERATORS]
        assert len(set(names)) == len(names) >= 8 and known.isdisjoint(names)
        assert set(names) == set(module.RIGHT) and all(operator.source for operator in module.OPERATORS)
        assert len(contracts.held_out(names)) == len(names) // 2


@pytest.mark.parametrize("kind", ["hosts", "working"])
def test_each_program_says_by_which_number_it_is_judged(kind):
    programs = contracts.programs(kind)
    assert len(programs) >= {"hosts": 15, "working": 50}[kind]
    for program in programs:
        assert METRIC.search(ast.get_docstring(ast.parse(program.read_bytes())) or ""), program.name


@pytest.mark.slow
def test_each_operator_makes_mutants_that_compile():
    hosts = [Script(path) for path in [*catalogue.unseen(), *contracts.programs("hosts")]]
    for name in contracts.THEMES:
        for operator in contracts.theme(name).OPERATORS:
            texts = [host.mutated(edit) for host in hosts for edit in operator.sites(host)]
            assert sum(map(catalogue.compiles, texts)) >= 2, operator.name
