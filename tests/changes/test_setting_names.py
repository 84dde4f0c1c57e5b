"""Names that denote one setting, several ones, or no setting."""

import pytest

from descend.core.errors import UsageError
from descend.doctor.changes.settings import find_setting, list_settings, set_setting

TWO_CALLS = "a = SGD(p, lr=0.1)\nb = Adam(q, lr=0.2)\n"
TWO_CLASSES = "class Small:\n    lr = 0.1\nclass Large:\n    lr = 0.2\n"
TWICE = "lr = 0.1\nif large:\n    lr = 0.2\n"


def complaint(script, name: str) -> str:
    with pytest.raises(UsageError) as raised:
        find_setting(script, name)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            TWO_CALLS,
            "lr is defined in several places: train.py:1 (a.SGD.lr = 0.1), train.py:2 (b.Adam.lr = 0.2); "
            "name one of them: a.SGD.lr or b.Adam.lr",
        ),
        (
            TWICE,
            "lr is defined in several places: train.py:1 (lr = 0.1), train.py:3 (lr = 0.2); "
            "name one of them: train.py:1:lr or train.py:3:lr",
        ),
    ],
)
def test_several_places_of_one_rank_are_named(script, text, message):
    assert complaint(script(text), "lr") == message


@pytest.mark.parametrize(
    "text",
    [TWO_CALLS, TWO_CLASSES, TWICE, "a = f(f(lr=1), lr=2), f(lr=3)\n", "x = f(lr=0.1)\ny = f(lr=0.2); z = f(lr=0.1)\n"],
)
def test_each_suggested_name_denotes_one_of_the_places(script, text):
    given = script(text)
    names = complaint(given, "lr").partition("name one of them: ")[2].split(" or ")
    found = [find_setting(given, name) for name in names]
    assert len(found) == text.count("lr") and len({*found}) == len(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Small.lr", "0.1"),
        ("large.lr", "0.2"),
        ("train.py:5:lr", "0.2"),
        ("train.py:Large.lr", "0.2"),
        ("train.py:3:10:lr", "0.1"),
        ("lib/other.py:lr", "0.3"),
        ("other.py:LR", "0.3"),
    ],
)
def test_a_more_exact_name_chooses_a_place(script, name, value):
    given = script("import lib.other\n" + TWO_CLASSES, files={"lib/other.py": "lr = 0.3\n"})
    assert find_setting(given, name).text == value


def test_a_whole_name_has_precedence_over_a_longer_one(script):
    given = script('config = {"lr": 0.1, "optimizer": {"lr": 0.2}}\n')
    assert find_setting(given, "config.lr").text == "0.1"
    assert find_setting(given, "config.optimizer.lr").text == find_setting(given, "optimizer.lr").text == "0.2"


def test_upper_case_decides_only_between_equal_names(script):
    given = script("LR = 0.1\nlr = 0.2\nMomentum = 0.9\n")
    assert find_setting(given, "lr").text == "0.2" and find_setting(given, "LR").text == "0.1"
    assert find_setting(given, "momentum").text == "0.9"


def test_a_synonym_counts_only_without_the_exact_name(script):
    assert find_setting(script("learning_rate = 0.1\n"), "lr").name == "learning_rate"
    assert find_setting(script("learning_rate = 0.1\nSGD(p, lr=0.2)\n"), "lr").name == "SGD.lr"
    assert find_setting(script("bs = 32\n"), "batch_size").text == "32"
    assert find_setting(script("wd = 0.1\nn_epochs = 3\n"), "epochs").text == "3"


def test_an_unknown_name_is_answered_with_similar_names(script):
    given = script("lr = 0.1\nmomentum = 0.9\n")
    assert complaint(given, "momentun") == (
        "train.py has no setting momentun; did you mean momentum (train.py:2: 0.9)?"
    )
    assert complaint(given, "dropout") == "train.py has no setting dropout; the settings are lr, momentum"
    assert complaint(script("import torch\n"), "lr") == "train.py has no setting lr, and no other setting was found"
    assert complaint(script("class Config:\n    lr = 0.1\n"), "Options.lr") == (
        "train.py has no setting Options.lr; did you mean Config.lr (train.py:2: 0.1)?"
    )


def test_a_computed_setting_is_no_setting_to_change(script):
    given = script("base = 0.1\nscale = 2\nSGD(p, lr=base * scale)\n")
    assert complaint(given, "lr") == (
        "SGD.lr in train.py:3 is base * scale, not a number, a string, True, False or None; "
        "the settings are base, scale"
    )
    given = script("class Net:\n    def __init__(self):\n        self.dropout = nn.Dropout(0.5)\n")
    assert complaint(given, "dropout") == (
        "Net.dropout in train.py:3 is nn.Dropout(0.5), not a number, a string, True, False or None; "
        "did you mean dropout.Dropout.p (train.py:3: 0.5)?"
    )
    assert set_setting(given, "dropout.p", "0.1").diff()


@pytest.mark.parametrize("name", ["", ".", "lr.", "config..lr", ":3:lr", "train.py:", "train.py:3:", "a" * 5000 + "."])
def test_a_text_that_is_no_name(script, name):
    message = complaint(script("lr = 0.1\n"), name)
    assert "is not the name of a setting; write lr, Config.lr" in message and len(message) < 200


def test_counters_and_members_of_enumerations_are_no_settings(script):
    text = "total = 0\nfor x in data:\n    total += x\nclass Mode(Enum):\n    TRAIN = 1\n__version__ = '1'\nlr = 0.1\n"
    assert [setting.name for setting in list_settings(script(text))] == ["lr"]


def test_all_settings_are_listed_from_the_most_explicit_to_the_least(script):
    given = script(
        'SGD(p, lr=0.1)\nwidth = 5\nconfig = {"seed": 3}\nparser.add_argument("--steps", default=7)\n', "--epochs=9"
    )
    found = [(setting.name, setting.text) for setting in list_settings(given)]
    assert found == [("epochs", "9"), ("steps", "7"), ("config.seed", "3"), ("width", "5"), ("SGD.lr", "0.1")]
    for name, text in found:
        assert set_setting(given, name, text) == given
