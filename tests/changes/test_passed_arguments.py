"""Settings that the user passed to the script: the arguments change, not the source."""

import pytest

from descend.doctor.changes.found_setting import SettingKind
from descend.doctor.changes.settings import find_setting, set_setting

OPTIONS = """\
parser.add_argument("-l", "--learning-rate", dest="lr", type=float, default=0.5)
parser.add_argument("--amp", action="store_true")
parser.add_argument("--no-cuda", dest="cuda", action="store_false")
parser.add_argument("--fast", action=argparse.BooleanOptionalAction)
parser.add_argument("--batch_size", type=int, default=32)
"""


@pytest.mark.parametrize(
    ("arguments", "name", "text", "changed"),
    [
        ("--learning-rate 0.1", "lr", "3e-4", "--learning-rate 3e-4"),
        ("--learning-rate=0.1 data", "lr", "3e-4", "--learning-rate=3e-4 data"),
        ("--learn 0.1", "lr", "3e-4", "--learn 3e-4"),
        ("-l 0.1 --amp", "lr", "3e-4", "-l 3e-4 --amp"),
        ("-l0.1", "lr", "3e-4", "-l3e-4"),
        ("--learning-rate 1", "lr", "0.5", "--learning-rate 0.5"),
        ("--learning-rate -0.1", "lr", "0.1", "--learning-rate 0.1"),
        ("--lr 0.1 --lr 0.2", "lr", "0.3", "--lr 0.1 --lr 0.3"),
        ("--batch-size 8", "batch_size", "16", "--batch-size 16"),
        ("--unknown-rate 0.1", "unknown_rate", "0.3", "--unknown-rate 0.3"),
        ("optimizer.lr=0.1 lr=0.2", "optimizer.lr", "0.3", "optimizer.lr=0.3 lr=0.2"),
        ("+model/dropout=0.1", "model.dropout", "0.3", "+model/dropout=0.3"),
        ("--optimizer.lr=0.1", "optimizer.lr", "0.3", "--optimizer.lr=0.3"),
        ("--optimizer adam", "optimizer", "sgd", "--optimizer sgd"),
        ("--optimizer adam", "optimizer", "'sgd'", "--optimizer sgd"),
        ("--use true", "use", "False", "--use False"),
        ("--amp data", "amp", "False", "data"),
        ("--amp data", "amp", "True", "--amp data"),
        ("--no-cuda", "cuda", "True", ""),
        ("--fast", "fast", "False", "--no-fast"),
        ("--no-fast", "fast", "True", "--fast"),
        ("--unknown --amp", "unknown", "False", "--amp"),
    ],
)
def test_the_argument_that_was_passed_is_changed(script, arguments, name, text, changed):
    given = script(OPTIONS, *arguments.split())
    edited = set_setting(given, name, text)
    assert edited.arguments == tuple(changed.split()) and edited.edits == {}
    found = find_setting(given, name)
    assert found.kind is SettingKind.ARGUMENT and found.file is None
    assert found.place(given) == "the script's arguments"


@pytest.mark.parametrize("arguments", ["", "data --amp", "-- --lr 0.1", "lr"])
def test_other_arguments_do_not_replace_the_default(script, changes, arguments):
    given = script(OPTIONS, *arguments.split())
    assert find_setting(given, "lr").kind is SettingKind.OPTION
    assert changes(given, "lr", "0.3")[1].endswith("default=0.3)")


def test_a_name_with_a_file_denotes_the_source(script):
    given = script("lr = 0.1\n", "--lr=0.2")
    assert find_setting(given, "lr").text == "0.2" and find_setting(given, "train.py:lr").text == "0.1"
