"""Settings in the YAML, JSON and TOML files that a script names."""

import pytest

from descend.core.errors import UsageError
from descend.doctor.changes.settings import find_setting, list_settings, set_setting
from descend.doctor.codemod.settings_files import MAX_BYTES

YAML = """\
# how it is trained
model: {width: 48, name: mlp}
optimizer:
  name: 'sgd'
  lr: 1e-3   # YAML reads it as text
  clip: null
  nesterov: yes
"""
JSON = """\
{"model": {"width": 48, "name": "mlp"},
 "optimizer": {"name": "sgd", "lr": 0.001, "clip": null, "nesterov": true}}
"""
TOML = """\
[model]
width = 48 # units
name = "mlp"
notes = '''
lr = 0.5
'''
[optimizer]
name = "sgd"
"lr" = 0.001
nesterov = true
[[runs]]
lr = 0.7
"""
NEW = [  # name, new text, the new texts in YAML, JSON and TOML
    ("lr", "3e-4", "3.0e-4", "3.0e-4", "3.0e-4"),
    ("optimizer.lr", "0.3", "0.3", "0.3", "0.3"),
    ("model.width", "64", "64", "64", "64"),
    ("optimizer.name", "adam", '"adam"', '"adam"', '"adam"'),
    ("model.name", "res net", '"res net"', '"res net"', '"res net"'),
    ("nesterov", "False", "false", "false", "false"),
]
OLD = {
    "lr": ("1e-3", "0.001", "0.001"),
    "optimizer.lr": ("1e-3", "0.001", "0.001"),
    "model.width": ("48", "48", "48"),
    "optimizer.name": ("'sgd'", '"sgd"', '"sgd"'),
    "model.name": ("mlp", '"mlp"', '"mlp"'),
    "nesterov": ("yes", "true", "true"),
}


@pytest.mark.parametrize(("file", "text"), [("config.yaml", YAML), ("config.json", JSON), ("config.toml", TOML)])
@pytest.mark.parametrize("case", NEW, ids=lambda case: case[0])
def test_only_the_value_changes_in_a_settings_file(script, file, text, case):
    name, typed, *new = case
    which = ["config.yaml", "config.json", "config.toml"].index(file)
    given = script(f"config = load(open('{file}'))\n", files={file: text})
    edited = set_setting(given, name, typed)
    assert edited.edits == {given.root / file: text.replace(OLD[name][which], new[which], 1)}
    found = find_setting(given, name)
    assert OLD[name][which] in text.split("\n")[found.line - 1] and found.file == given.root / file
    assert found.text == OLD[name][which]


def test_a_word_stays_without_quotes_in_yaml_if_it_is_no_other_value(script):
    given = script("load('config.yaml')\n", files={"config.yaml": "a: {name: mlp}\n"})
    assert set_setting(given, "name", "resnet-18").read(given.root / "config.yaml") == "a: {name: resnet-18}\n"
    for word in ("'no'", "'null'", "'1.5'", "a: b", "x, y", "# c"):
        inner = word.strip("'")
        assert set_setting(given, "name", word).read(given.root / "config.yaml") == f'a: {{name: "{inner}"}}\n'


def test_null_is_replaced_and_inserted(script):
    given = script("load('config.yaml'), load('b.toml')\n", files={"config.yaml": YAML, "b.toml": "rate = 0.1\n"})
    assert "  clip: 0.5\n" in set_setting(given, "clip", "0.5").read(given.root / "config.yaml")
    assert "lr: null   #" in set_setting(given, "lr", "None").read(given.root / "config.yaml")
    with pytest.raises(UsageError, match="is not a value in TOML, which has no null: rate is 0.1 in b.toml:1"):
        set_setting(given, "rate", "None")


def test_a_value_of_another_type_is_refused(script):
    given = script("load('config.yaml')\n", files={"config.yaml": YAML})
    with pytest.raises(UsageError, match="lr=fast is not a number: optimizer.lr is 1e-3 in config.yaml:5"):
        set_setting(given, "lr", "fast")


SOURCES = {
    "next to the script": ("load('base.yaml')\n", "base.yaml", ()),
    "in a folder": ("load('conf/base.yaml')\n", "conf/base.yaml", ()),
    "joined": ("load(os.path.join(HERE, 'conf', 'base.yaml'))\n", "conf/base.yaml", ()),
    "Hydra": ("@hydra.main(config_path='conf', config_name='base')\ndef main(cfg): ...\n", "conf/base.yaml", ()),
    "passed": ("load(sys.argv[1])\n", "conf/base.yaml", ("conf/base.yaml",)),
    "passed as an option": ("load(args.config)\n", "base.yml", ("--config=base.yml",)),
    "default of an option": ("parser.add_argument('--config', default='base.yaml')\n", "base.yaml", ()),
}


@pytest.mark.parametrize("case", SOURCES)
def test_the_file_is_found_that_the_script_names(script, case):
    source, file, arguments = SOURCES[case]
    given = script(source, *arguments, files={file: "lr: 0.1\n", "other.yaml": "lr: 0.2\n"})
    assert find_setting(given, "lr").file == given.root / file


def test_a_file_that_an_imported_file_names_is_found(script):
    files = {"conf/settings.py": "CONFIG = 'base.json'\n", "conf/base.json": '{"lr": 0.1}\n'}
    given = script("from conf import settings\n", files=files)
    assert find_setting(given, "lr").file == given.root / "conf" / "base.json"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("../base.yaml", "lr: 0.1\n"),
        ("base.yaml", "lr: 0.1\n" + "# " + "x" * MAX_BYTES),
        ("base.yaml", "lr: &a 0.1\nother: *a\n"),
        ("base.yaml", "lr: !!float 0.1\n"),
        ("base.yaml", "lr:\n"),
        ("base.yaml", "lr: |\n  0.1\n"),
        ("base.yaml", "[" * 5000),
        ("base.toml", "lr = 0.1\nlr = 0.2\n"),
        ("base.toml", 'text = """\nlr = 0.1\n"""\n'),
        ("base.toml", 'text = """\n[optimizer]\nlr = 0.1\n"""\n[optimizer]\nlr = 0.1\n'),
        ("base.json", "lr = 0.1\n"),
    ],
)
def test_files_and_values_that_cannot_be_changed_safely_are_left_alone(script, file, text):
    given = script(f"load('{file}')\nwidth = 5\n", files={file: text})
    assert [setting.name for setting in list_settings(given) if setting.name.endswith("lr")] == []


def test_settings_of_the_same_rank_in_a_file_and_a_class_are_named(script):
    given = script("load('base.yaml')\nclass Config:\n    lr = 0.1\n", files={"base.yaml": "lr: 0.2\n"})
    with pytest.raises(UsageError) as raised:
        find_setting(given, "lr")
    assert str(raised.value) == (
        "lr is defined in several places: train.py:3 (Config.lr = 0.1), base.yaml:1 (lr = 0.2); "
        "name one of them: train.py:3:Config.lr or base.yaml:1:lr"
    )
    assert find_setting(given, "base.yaml:lr").text == "0.2" and find_setting(given, "Config.lr").text == "0.1"
