"""A setting that the script overwrites is edited where the overwriting value comes from."""

import ast

import pytest

from descend.doctor.record import Fact, Reading, Site, facts
from descend.doctor.remedies import apply_remedy
from descend.doctor.remedies.adaptive_rule import adaptive_rule
from descend.doctor.remedies.dropout_rate import dropout_rate
from descend.doctor.remedies.learning_rate import learning_rate
from descend.doctor.remedies.optimizer_argument import optimizer_argument

HEAD = "import math, json, yaml, argparse, torch\nfrom torch import nn, optim\n"
GET = """\
def get_lr(it):
    if it < warmup_iters:
        return {most} * (it + 1) / (warmup_iters + 1)
    if it > lr_decay_iters:
        return {least}
    decay_ratio = (it - warmup_iters) / (lr_decay_iters - warmup_iters)
    coeff = 0.5 * (1.0 + math.cos(math.pi * decay_ratio))
    return {least} + coeff * ({most} - {least})
"""
LOOP = """\
optimizer = optim.SGD(model.parameters(), lr={most})
it = 0
while True:
    lr = get_lr(it) if decay_lr else {most}
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()
    it += 1
"""
WRITTEN = ('group["lr"] = ', "group['lr'] = ", "group.update(", "group['lr'] *= ", "group[name] = ")


@pytest.fixture
def overwritten(patient):
    """A script whose loop overwrites a setting, and the record of a run that has seen where."""

    def make(text: str, *arguments: str, lr: float = 0.1, largest: float = 0.1, place: str = "0.lr", start: str = ""):
        p = patient(HEAD + text, *arguments, optimizer="optim.SGD(")
        begins = [(i, line.find(s)) for i, line in enumerate(p.text.splitlines(), 1) for s in (start, *WRITTEN) if s]
        line, column = next((i, c) for i, c in begins if c >= 0)
        where = (line, column, line, column + len("group['lr']"))
        p.record.add(Site("overwritten", place, str(p.script.path), *where, detail=place.split(".")[-1]))
        p.record.add(Fact.of(facts.Optimizer("SGD", groups=1, parameters=10, lr=lr, weight_decay=0.5), 0, "0"))
        p.record.add(Reading("learning_rate", "0", 0, largest))
        return p

    return make


def script_of(most: str, least: str, before: str) -> str:
    return before + GET.format(most=most, least=least) + LOOP.format(most=most)


CONSTANTS = "learning_rate = 0.1\nmin_lr = 0.01\nwarmup_iters, lr_decay_iters, decay_lr = 10, 100, True\n"
OPTIONS = (
    "parser = argparse.ArgumentParser()\nparser.add_argument('--lr', type=float, default=0.1)\n"
    "args = parser.parse_args()\nwarmup_iters, lr_decay_iters, decay_lr = 10, 100, True\n"
)
SETTINGS = "@dataclass\nclass Settings:\n    lr: float = 0.1\n    least: float = 0.01\ncfg = Settings()\n"
SCALED = {  # the source of the learning rate, and its version with a hundredth of the learning rate
    "constants of the module": (
        script_of("learning_rate", "min_lr", CONSTANTS),
        {"learning_rate = 0.1": "learning_rate = 0.001", "min_lr = 0.01": "min_lr = 0.0001"},
    ),
    "an option's default": (
        script_of("args.lr", "args.lr / 10", OPTIONS),
        {"default=0.1": "default=0.001"},
    ),
    "fields of a class": (
        script_of("cfg.lr", "cfg.least", SETTINGS),
        {"lr: float = 0.1": "lr: float = 0.001", "least: float = 0.01": "least: float = 0.0001"},
    ),
    "a constant that says what it is": (
        "base_lr = 0.1\nlog(base_lr)\noptimizer = optim.SGD(p, lr=1.0)\nfor e in x:\n    group['lr'] = base_lr / e\n",
        {"base_lr = 0.1": "base_lr = 0.001"},
    ),
    "numbers of the function": (
        "def rate(e):\n    return 0.1 if e < 30 else 0.01\noptimizer = optim.SGD(p, lr=1)\n"
        "for e in x:\n    group.update(lr=rate(e))\n",
        {"0.1 if e < 30 else 0.01": "0.001 if e < 30 else 0.0001"},
    ),
    "what is given to a function": (
        "def adjust(o, rate):\n    for group in o.param_groups:\n        group['lr'] = rate\n"
        "optimizer = optim.SGD(p, lr=1)\nfor e in x:\n    adjust(optimizer, 0.1 * 0.5 ** e)\n",
        {"0.1 * 0.5": "0.001 * 0.5"},
    ),
    "a name that changes by factors": (
        "lr = 0.1\noptimizer = optim.SGD(p, lr=1)\nfor e in x:\n    lr = lr * 0.5\n    group['lr'] = lr\n",
        {"lr = 0.1": "lr = 0.001"},
    ),
    "a library's function": (
        "optimizer = optim.SGD(p, lr=1)\nfor e in x:\n    group['lr'] = schedule(e)\n",
        {"= schedule(e)": "= 0.01 * schedule(e)"},
    ),
    "a number that serves something else": (
        "base = 0.1\nmodel = make(base)\noptimizer = optim.SGD(p, lr=1)\nfor e in x:\n    group['lr'] = base / e\n",
        {"= base / e": "= 0.01 * (base / e)"},
    ),
}


@pytest.mark.parametrize("case", SCALED)
def test_the_learning_rate_is_scaled_where_it_comes_from(overwritten, case) -> None:
    text, changed = SCALED[case]
    p = overwritten(text)
    expected = p.text
    for old, new in changed.items():
        assert expected.count(old) == 1
        expected = expected.replace(old, new)
    assert p.edited(learning_rate, lr=0.001, optimizer="0") == expected


@pytest.mark.parametrize("name", ["settings.yaml", "settings.json"])
def test_the_learning_rate_is_scaled_in_a_settings_file(overwritten, name) -> None:
    read = "cfg = yaml.safe_load(open('settings.yaml'))\nwarmup_iters, lr_decay_iters, decay_lr = 10, 100, True\n"
    p = overwritten(script_of("cfg['optim']['lr']", "cfg['optim']['min_lr']", read))
    file = p.script.path.with_name(name)
    file.write_text('{"optim": {"lr": 0.1, "min_lr": 1e-2}, "seed": 1}')
    p.record.add(Fact.of(facts.FileRead(), 0, str(file)))
    edited = apply_remedy(learning_rate, p.script, p.record, {"lr": 0.001, "optimizer": "0"})
    assert edited.edits == {file: '{"optim": {"lr": 0.001, "min_lr": 0.0001}, "seed": 1}'}


def test_an_option_that_the_command_line_gives_is_scaled_where_it_is_used(overwritten) -> None:
    p = overwritten(script_of("args.lr", "args.lr / 10", OPTIONS), "--lr", "0.1")
    assert p.changes(learning_rate, lr=0.001) == ['-        group["lr"] = lr', '+        group["lr"] = 0.01 * lr']


def test_a_number_without_an_effect_is_not_changed(overwritten) -> None:
    """For example, a file that the script executes has given the constants other values."""
    p = overwritten(script_of("learning_rate", "min_lr", CONSTANTS))
    p.record.add(Fact.of(facts.Ineffective(), 0, "lr"))
    assert p.changes(learning_rate, lr=0.02) == ['-        group["lr"] = lr', '+        group["lr"] = 0.2 * lr']


def test_the_acting_learning_rate_is_the_one_that_is_scaled(overwritten) -> None:
    text = "optimizer = optim.SGD(p, lr=1e-3)\nfor e in x:\n    group['lr'] = 3.0 if e else 1.5\n"
    p = overwritten(text, lr=1e-3, largest=3.0)
    assert "0.3 if e else 0.15" in p.edited(learning_rate, lr=0.3)


def test_an_edit_of_an_edited_script_is_no_further_factor(overwritten) -> None:
    for case in ("constants of the module", "a library's function"):
        p = overwritten(SCALED[case][0])
        once = apply_remedy(learning_rate, p.script, p.record, {"lr": 0.001})
        twice = apply_remedy(learning_rate, once, p.record, {"lr": 0.002})
        assert twice.edits == apply_remedy(learning_rate, p.script, p.record, {"lr": 0.002}).edits


RELATIVE = ["group['lr'] *= 0.9", "group['lr'] = max(group['lr'] * 0.5, 1e-6)", "group[name] = value"]


@pytest.mark.parametrize("statement", RELATIVE)
def test_where_the_optimizers_own_rate_still_counts_or_nothing_is_known_its_call_is_edited(overwritten, statement):
    p = overwritten(f"optimizer = optim.SGD(p, lr=0.1)\nfor e in x:\n    {statement}\n", start="group[name]")
    assert "optim.SGD(p, lr=0.001)" in p.edited(learning_rate, lr=0.001)


def test_another_optimizer_gets_its_learning_rate_there_too(overwritten) -> None:
    text = script_of("learning_rate", "min_lr", CONSTANTS)
    edited = overwritten(text).edited(adaptive_rule, lr=0.001)
    assert "optim.Adam(model.parameters(), lr=learning_rate)" in edited
    assert "learning_rate = 0.001\nmin_lr = 0.0001\n" in edited


def test_a_schedule_that_does_not_read_the_optimizers_rate_is_given_its_own(patient) -> None:
    text = HEAD + "o = optim.SGD(p, lr=0.01)\ns = optim.lr_scheduler.OneCycleLR(o, max_lr=0.5, total_steps=10)\n"
    p = patient(text, optimizer="optim.SGD(", scheduler="optim.lr_scheduler.OneCycleLR(")
    assert p.edited(learning_rate, lr=0.05) == text.replace("max_lr=0.5", "max_lr=0.05")


def test_other_settings_are_written_where_they_are_overwritten(overwritten) -> None:
    text = "optimizer = optim.SGD(p, lr=0.1, weight_decay=0.5)\nfor e in x:\n    group['weight_decay'] = {}\n"
    decay = {"argument": "weight_decay", "value": 0.01}
    for value, before, after in (("late(e)", "late(e)", "0.01"), ("WD", "WD = 0.3", "WD = 0.01")):
        given = ("WD = 0.3\n" if value == "WD" else "") + text.format(value)
        p = overwritten(given, place="0.weight_decay", start="group['weight_decay']")
        assert p.edited(optimizer_argument, **decay) == p.text.replace(before, after)
    text = "optimizer = optim.SGD(p, lr=0.1)\nd = nn.Dropout(0.1)\nfor m in net:\n    m.p = 0.9\n"
    p = overwritten(text, place="dropout.p", start="m.p = ")
    assert p.edited(dropout_rate, p=0.2) == p.text.replace("m.p = 0.9", "m.p = 0.2")


def test_a_statement_in_a_library_cannot_be_edited(overwritten, tmp_path) -> None:
    p = overwritten("optimizer = optim.SGD(p, lr=0.1)\nfor e in x:\n    group['lr'] = 0.1\n")
    library = tmp_path / "site-packages" / "timm.py"
    p.record.sites[-1] = Site("overwritten", "0.lr", str(library), 3, 4, 3, 15, detail="lr")
    edited = apply_remedy(learning_rate, p.script, p.record, {"lr": 0.01})
    assert "lr=0.01)" in edited.read(p.script.path) and ast.parse(edited.read(p.script.path))
