"""A setting is found where it is defined, in the order from the most explicit place to the least explicit one."""

import json

import pytest

from descend.core.errors import UsageError
from descend.doctor.changes.found_setting import SettingKind
from descend.doctor.changes.settings import change_message, find_setting, list_settings, set_setting
from descend.doctor.script.script import Script

PARSER = "import argparse\nparser = argparse.ArgumentParser()\n"
DATACLASS = "from dataclasses import dataclass, field\n@dataclass\nclass Config:\n"
PLACES = {  # description -> source, name, new value, removed and added code, kind
    "argparse": (PARSER + 'parser.add_argument("--lr", default=0.1)\n', "lr", "3e-4", ("0.1", "3e-4"), "OPTION"),
    "argparse with a hyphen": (
        PARSER + 'parser.add_argument("-b", "--batch-size", type=int, default=32)\n',
        "batch_size",
        "64",
        ("32", "64"),
        "OPTION",
    ),
    "argparse with another name": (
        PARSER + 'parser.add_argument("--rate", dest="lr", default=0.1)\n',
        "lr",
        "0.3",
        ("0.1", "0.3"),
        "OPTION",
    ),
    "set_defaults": (
        PARSER + 'parser.add_argument("--lr", default=0.5)\nparser.set_defaults(lr=0.1)\n',
        "lr",
        "0.3",
        ("lr=0.1", "lr=0.3"),
        "OPTION",
    ),
    "click": ('@click.command()\n@click.option("--lr", default=0.1)\ndef main(lr): ...\n', "lr", "0.3", None, "OPTION"),
    "typer": (
        "def main(lr: float = 0.1, steps: int = 5): ...\ntyper.run(main)\n",
        "lr",
        "0.3",
        ("= 0.1", "= 0.3"),
        "OPTION",
    ),
    "typer.Option": (
        'app = typer.Typer()\n@app.command()\ndef main(lr: float = typer.Option(0.1, "--rate")): ...\n',
        "lr",
        "0.3",
        ("Option(0.1", "Option(0.3"),
        "OPTION",
    ),
    "dataclass": (DATACLASS + "    lr: float = 0.1\n    width: int = 5\n", "lr", "0.3", None, "FIELD"),
    "field": (DATACLASS + "    lr: float = field(default=0.1)\n", "lr", "0.3", None, "FIELD"),
    "pydantic": ("class Config(BaseModel):\n    lr: float = Field(0.1, gt=0)\n", "lr", "0.3", None, "FIELD"),
    "class": ("class Config:\n    lr = 0.1\n", "Config.lr", "0.3", None, "FIELD"),
    "attribute of self": (
        "class Config:\n    def __init__(self):\n        self.lr = 0.1\n",
        "lr",
        "0.3",
        None,
        "FIELD",
    ),
    "attribute": ("config = Munch()\nconfig.lr = 0.1\n", "config.lr", "0.3", None, "FIELD"),
    "constructor of the class": (
        DATACLASS + "    lr: float = 0.5\n\nconfig = Config(lr=0.1)\n",
        "lr",
        "0.3",
        ("Config(lr=0.1)", "Config(lr=0.3)"),
        "FIELD",
    ),
    "dictionary": ('config = {"lr": 0.1, "width": 5}\n', "lr", "0.3", None, "KEY"),
    "dict": ("config = dict(lr=0.1)\n", "config.lr", "0.3", None, "KEY"),
    "nested dictionary": (
        'config = {"optimizer": {"lr": 0.1}, "schedule": {"lr": 1}}\n',
        "optimizer.lr",
        "0.3",
        ("0.1", "0.3"),
        "KEY",
    ),
    "key": ('config["lr"] = 0.1\n', "lr", "0.3", None, "KEY"),
    "constant": ("LR = 0.1\n", "lr", "3E-4", ("0.1", "3E-4"), "CONSTANT"),
    "constants in one line": ("lr, momentum = 0.1, 0.9\n", "momentum", "0.5", ("0.9", "0.5"), "CONSTANT"),
    "another word": ("learning_rate = 0.1\n", "lr", "0.3", None, "CONSTANT"),
    "variable": ("def main():\n    lr = 0.1\n    return SGD(p, lr=lr), lr\n", "lr", "0.3", ("0.1", "0.3"), "VARIABLE"),
    "keyword": ("optimizer = SGD(model.parameters(), lr=0.1)\n", "optimizer.lr", "0.3", None, "CALL"),
    "position": ("optimizer = optim.SGD(model.parameters(), 0.1, 0.9)\n", "momentum", "0.5", ("0.9", "0.5"), "CALL"),
    "position in a call of a user's function": (
        "def train(model, lr=0.5):\n    return SGD(model, lr)\ntrain(net, 0.1)\n",
        "train.lr",
        "0.3",
        ("net, 0.1", "net, 0.3"),
        "CALL",
    ),
    "parameter": (
        "def train(model, lr=0.1):\n    step(lr)\n    return lr\ntrain(net)\n",
        "lr",
        "0.3",
        None,
        "PARAMETER",
    ),
    "parameter group": ('o = SGD([{"params": a, "lr": 0.1}])\n', "lr", "0.3", ("0.1", "0.3"), "ITEM"),
    "before a parameter group": (
        'decay = 0.1\ngroups = [{"params": a, "decay": decay}, {"params": b, "decay": 0.0}]\n',
        "decay",
        "0.3",
        ("= 0.1", "= 0.3"),
        "CONSTANT",
    ),
    "after a keyword-only parameter": (
        "def mlp(*widths, dropout=0.1): ...\nmodel = mlp(64, 10)\n",
        "dropout",
        "0.3",
        None,
        "PARAMETER",
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_setting_is_changed_where_it_is_defined(script, changes, place):
    text, name, new, codes, kind = PLACES[place]
    before, after = codes or ("0.1", "0.3")
    given = script(text)
    old = next(line for line in text.splitlines() if before in line)
    assert changes(given, name, new) == [f"-{old}", f"+{old.replace(before, after)}"]
    found = find_setting(given, name)
    assert found.kind is SettingKind[kind] and found.file == given.path
    assert text.splitlines()[found.line - 1] == old


ORDER = [  # from the most explicit place to the least explicit one
    PARSER + 'parser.add_argument("--lr", default=1.0)\n',
    "class Config:\n    lr = 2.0\n",
    "LR = 3.0\n",
    "def main():\n    lr = 4.0\n    return lr\n",
    "optimizer = SGD(model.parameters(), lr=5.0)\n",
]


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_the_most_explicit_place_is_chosen(script, first):
    assert find_setting(script("".join(reversed(ORDER[first:]))), "lr").text == f"{first + 1}.0"


SHADOWS = {  # description -> source, new source; one setting is read through another one
    "a constant is an option's default": (
        'LR = 0.1\nparser.add_argument("--lr", default=LR)\nprint(LR)\n',
        'LR = 0.3\nparser.add_argument("--lr", default=LR)\nprint(LR)\n',
    ),
    "a constant of the same name is read elsewhere, too": (
        'LR = 0.1\nparser.add_argument("--lr", default=LR)\nschedule(LR)\n',
        'LR = 0.3\nparser.add_argument("--lr", default=LR)\nschedule(LR)\n',
    ),
    "a constant of another name is read elsewhere, too": (
        'SMALL = 0.1\nparser.add_argument("--lr", default=SMALL)\nclip(SMALL)\n',
        'SMALL = 0.1\nparser.add_argument("--lr", default=0.3)\nclip(SMALL)\n',
    ),
    "an option is read by a call": (
        'parser.add_argument("--lr", default=0.1)\nargs = parser.parse_args()\nSGD(p, lr=args.lr)\n',
        'parser.add_argument("--lr", default=0.3)\nargs = parser.parse_args()\nSGD(p, lr=args.lr)\n',
    ),
    "an option of another name is read elsewhere, too": (
        'parser.add_argument("--rate", default=0.1)\nargs = parser.parse_args()\nf(args.rate)\nSGD(p, lr=args.rate)\n',
        'parser.add_argument("--rate", default=0.1)\nargs = parser.parse_args()\nf(args.rate)\nSGD(p, lr=0.3)\n',
    ),
    "a constant is a field of the class": (
        "lr = 0.1\n@dataclass\nclass Config:\n    lr: float = 1.0\nc = Config(lr=lr)\nschedule(lr)\n",
        "lr = 0.3\n@dataclass\nclass Config:\n    lr: float = 1.0\nc = Config(lr=lr)\nschedule(lr)\n",
    ),
    "a mapping passes the field": (
        "lr = 0.1\n@dataclass\nclass Config:\n    lr: float = 1.0\nd = dict(lr=lr)\nc = Config(**d)\nschedule(lr)\n",
        "lr = 0.3\n@dataclass\nclass Config:\n    lr: float = 1.0\nd = dict(lr=lr)\nc = Config(**d)\nschedule(lr)\n",
    ),
    "a computed value is left out": (
        "lr = 0.1\nlr = lr * world_size\nSGD(p, lr=lr * 2)\n",
        "lr = 0.3\nlr = lr * world_size\nSGD(p, lr=lr * 2)\n",
    ),
    "loops change values, but do not define settings": (
        'lr = 0.1\nfor group in groups:\n    group["lr"] = 0.01\n    lr *= 0.9\n',
        'lr = 0.3\nfor group in groups:\n    group["lr"] = 0.01\n    lr *= 0.9\n',
    ),
}


@pytest.mark.parametrize("case", SHADOWS)
def test_a_setting_that_is_read_through_another_one(script, case):
    before, after = SHADOWS[case]
    edited = set_setting(script(before), "lr", "0.3")
    assert edited.read(edited.path) == after


def test_a_help_text_states_the_new_default(script, changes):
    text = PARSER + 'parser.add_argument("--lr", default=0.1, help="learning rate (default: 0.1)")\n'
    new = '+parser.add_argument("--lr", default=0.3, help="learning rate (default: 0.3)")'
    assert changes(script(text), "lr", "0.3")[1] == new


@pytest.mark.parametrize(
    ("option", "text", "new"),
    [
        ('"--clip", type=float', "0.5", '"--clip", type=float, default=0.5'),
        ('"--clip", action="store_true"', "True", '"--clip", action="store_true", default=True'),
        ('"--clip", action="store_true"', "False", None),
        ('"--clip", action=argparse.BooleanOptionalAction, default=False', "true", None),
    ],
)
def test_an_option_without_a_default_gets_one(script, option, text, new):
    given = script(PARSER + f"parser.add_argument({option})\n")
    edited = set_setting(given, "clip", text)
    new = new or (option if text == "False" else option.replace("False", "True"))
    assert edited.read(given.path) == PARSER + f"parser.add_argument({new})\n"


def test_settings_in_imported_files_of_the_user_are_changed_there(script, changes):
    files = {
        "lib/__init__.py": "",
        "lib/model.py": "from .config import Config\nimport lib.optimizer\n",
        "lib/config.py": "class Config:\n    dropout = 0.1\n",
        "lib/optimizer.py": "import train, lib.model\nmomentum = 0.9\n",
        "unrelated.py": "momentum = 0.5\n",
    }
    given = script("import torch\nfrom lib import model\n", files=files)
    assert changes(given, "dropout", "0.2") == ["-    dropout = 0.1", "+    dropout = 0.2"]
    assert find_setting(given, "momentum").file == given.root / "lib" / "optimizer.py"
    assert {setting.name for setting in list_settings(given)} == {"Config.dropout", "momentum"}


def test_a_default_that_a_call_in_another_file_replaces_is_left_alone(script, changes):
    files = {"config.py": "@dataclass\nclass Config:\n    lr: float = 1.0\n"}
    given = script("from config import Config\nconfig = Config(lr=0.1)\n", files=files)
    assert changes(given, "lr", "0.3") == ["-config = Config(lr=0.1)", "+config = Config(lr=0.3)"]


def test_a_default_has_an_effect_unless_calls_pass_a_value(script):
    source = "from config import Config\nlr = 0.1\nfirst = Config(**dict(lr=lr))\nschedule(lr)\n"
    files = {
        "config.py": "@dataclass\nclass Config:\n    lr: float = 1.0\ndef load(saved):\n    return Config(**saved)\n"
    }
    assert find_setting(script(source, files=files), "lr").name == "lr"
    files = {"config.py": files["config.py"].replace("**saved", "")}
    with pytest.raises(UsageError, match="lr is defined in several places"):
        find_setting(script(source, files=files), "lr")


def test_a_notebook_is_changed_in_its_cell(tmp_path):
    cells = ["%matplotlib inline\nimport torch", "lr = 0.1\n!ls"]
    notebook = {
        "cells": [
            {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": [text]}
            for text in cells
        ],
        "metadata": {"kernelspec": {"display_name": "Python", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    path = tmp_path / "train.ipynb"
    path.write_text(json.dumps(notebook, indent=1) + "\n")
    given = Script(path, tmp_path)
    edited = set_setting(given, "lr", "0.3")
    written = json.loads(edited.encode(path, edited.read(path)))
    assert ["".join(cell["source"]) for cell in written["cells"]] == [cells[0], cells[1].replace("0.1", "0.3")]
    assert find_setting(given, "lr").place(given) == "train.ipynb, cell 2, line 1"


def test_the_change_is_described_with_its_place(script):
    given = script("width = 5\nlr = 0.1\n", "--width=7")
    assert change_message(given, find_setting(given, "lr"), "3e-4") == "lr 0.1 → 3e-4 in train.py:2 (constant)"
    described = change_message(given, find_setting(given, "width"), "9")
    assert described == "width 7 → 9 in the script's arguments (argument of the script)"


@pytest.mark.parametrize(("value", "shown"), [("b", "'b'"), ("'b'", "'b'"), ("None", "None")])
def test_a_new_string_is_described_with_quotes_like_the_present_one(script, value, shown):
    given = script("tag = 'a'\n")
    assert change_message(given, find_setting(given, "tag"), value).startswith(f"tag 'a' → {shown} in ")


def test_a_value_equal_to_the_present_one_changes_nothing(script):
    given = script("lr = 0.1\nSGD(p, lr=lr)\n")
    assert set_setting(given, "lr", "0.1").edits == {}


def test_several_settings_are_changed_one_after_the_other(script, changes):
    given = set_setting(script("lr = 0.1\nmomentum = 0.9\n"), "momentum", "0.5")
    assert changes(given, "lr", "0.3") == ["-lr = 0.1", "-momentum = 0.9", "+lr = 0.3", "+momentum = 0.5"]


def test_a_script_that_cannot_be_edited_is_refused(script):
    with pytest.raises(UsageError, match="train.py cannot be edited: it is nested too deeply"):
        find_setting(script("lr = 0.1\nx = " + "[" * 190 + "]" * 190 + "\n"), "lr")
