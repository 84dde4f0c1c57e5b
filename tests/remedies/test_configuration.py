"""Numbers in a settings file that the run has read."""

import pytest
import yaml

from descend.doctor.record import Fact, facts
from descend.doctor.remedies import NotApplicable, apply_remedy
from descend.doctor.remedies.dropout_rate import dropout_rate
from descend.doctor.remedies.learning_rate import learning_rate
from descend.doctor.remedies.optimizer_argument import optimizer_argument

HEAD = "import torch, yaml\nfrom torch import nn, optim\ncfg = yaml.safe_load(open('config.yaml'))\n"
SETTINGS = """\
# how it is trained
model: {width: 48, dropout: 0.9}
optimizer:
  name: sgd
  lr: 30.0   # far too large
  weight_decay: 5e-1
scheduler:
  lr: 0.1
"""


@pytest.fixture
def configured(patient, tmp_path):
    """A script, and next to it a settings file that its run has read."""

    def make(call: str, text: str = SETTINGS, name: str = "config.yaml", lr: float = 30.0, **calls: str):
        p = patient(HEAD + call, **(calls or {"optimizer": "optim.SGD("}))
        file = p.script.path.with_name(name)
        file.write_text(text)
        p.record.add(Fact.of(facts.FileRead(), 0, str(file)))
        p.record.add(Fact.of(facts.Optimizer("SGD", groups=1, parameters=1000, lr=lr, weight_decay=0.5), 0, "0"))
        return p, file

    return make


READ = {
    "keys": "o = optim.SGD(p, lr=cfg['optimizer']['lr'])\n",
    "attributes": "o = optim.SGD(p, lr=cfg.optimizer.lr)\n",
    "of an object": "class T:\n    def f(self):\n        self.o = optim.SGD(p, lr=self.cfg.optimizer.lr)\n",
    "through names": "group = cfg['optimizer']\nrate = group['lr']\no = optim.SGD(p, rate)\n",
    "with a default": "o = optim.SGD(p, lr=cfg['optimizer'].get('lr', 0.1))\n",
    "made a number": "o = optim.SGD(p, lr=float(cfg['optimizer']['lr']))\n",
    "another branch": "if adam:\n    o = optim.Adam(p, lr=cfg.optimizer.lr)\n"
    "else:\n    o = optim.SGD(p, lr=cfg.optimizer.lr)\n",
    "after a branch that returns": "def make(cfg):\n    if adam:\n        return optim.Adam(p, lr=cfg['lr'])\n"
    "    o = optim.SGD(p, lr=cfg['lr'])\n    return o\nmake(cfg['optimizer'])\n",
    "unpacked": "o = optim.SGD(p, **cfg['optimizer'])\n",
}


@pytest.mark.parametrize("case", READ)
def test_the_number_is_changed_in_the_file_of_settings(configured, case):
    p, file = configured(READ[case])
    edited = apply_remedy(learning_rate, p.script, p.record, {"lr": 0.05})
    assert edited.edits == {file: SETTINGS.replace("30.0", "0.05")}  # comments and all other lines stay
    assert "+  lr: 0.05   # far too large\n" in edited.diff()


def test_of_two_equal_keys_the_one_with_the_value_of_the_run_is_changed(configured):
    """Both keys end in `lr`, and only one has the learning rate of the run."""
    p, file = configured("o = optim.SGD(p, lr=args.lr)\n")
    assert apply_remedy(learning_rate, p.script, p.record, {"lr": 0.05}).edits == {
        file: SETTINGS.replace("30.0", "0.05")
    }


ELSEWHERE = {
    "two of that value": ("o = optim.SGD(p, lr=args.lr)\n", SETTINGS.replace("0.1", "30.0")),
    "another value": ("o = optim.SGD(p, lr=cfg['optimizer']['lr'])\n", SETTINGS.replace("30.0", "20.0")),
    "no such key": ("o = optim.SGD(p, lr=cfg['rate'])\n", SETTINGS),
    "read for something else too": ("o = optim.SGD(p, lr=cfg.lr)\ns = Warm(o, cfg.lr)\n", SETTINGS),
    "read on both paths": (
        "if warm:\n    s = Warm(cfg['optimizer']['lr'])\no = optim.SGD(p, lr=cfg['optimizer']['lr'])\n",
        SETTINGS,
    ),
    "an anchor that serves two": ("o = optim.SGD(p, lr=cfg['lr'])\n", "a: &x 30.0\nlr: *x\n"),
    "no settings": ("o = optim.SGD(p, lr=cfg['lr'])\n", "]["),
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_otherwise_the_call_is_changed(configured, case):
    call, text = ELSEWHERE[case]
    p, _ = configured(call, text)
    edited = apply_remedy(learning_rate, p.script, p.record, {"lr": 0.05})
    assert list(edited.edits) == [p.script.path] and "lr=0.05" in edited.read(p.script.path)


def test_an_unpacked_group_of_other_numbers_is_not_guessed_at(configured):
    p, _ = configured("o = optim.SGD(p, **cfg['optimizer'])\n", SETTINGS.replace("30.0", "20.0"))
    with pytest.raises(NotApplicable):
        apply_remedy(learning_rate, p.script, p.record, {"lr": 0.05})


@pytest.mark.parametrize("rate", [0.05, 1e-5, 3.0])
def test_yaml_and_json_read_the_new_number_as_one(configured, rate):
    """YAML reads 1e-05 as a string."""
    call = "o = optim.SGD(p, lr=cfg['optimizer']['lr'])\n"
    for name, text in (("config.yaml", SETTINGS), ("config.json", '{"optimizer": {"lr": 30}}')):
        p, file = configured(call, text, name)
        edited = apply_remedy(learning_rate, p.script, p.record, {"lr": rate})
        assert yaml.safe_load(edited.read(file))["optimizer"]["lr"] == rate


def test_other_arguments_and_layers_are_found_there_too(configured):
    decay = {"argument": "weight_decay", "value": 0.01, "default": 0.0}
    p, file = configured("o = optim.SGD(p, lr=1, weight_decay=float(cfg['optimizer']['weight_decay']))\n")
    assert apply_remedy(optimizer_argument, p.script, p.record, decay).edits == {file: SETTINGS.replace("5e-1", "0.01")}
    p, file = configured("drop = nn.Dropout(cfg['model']['dropout'])\n", dropout="nn.Dropout(")
    assert apply_remedy(dropout_rate, p.script, p.record, {"p": 0.2}).edits == {file: SETTINGS.replace("0.9", "0.2")}


def test_changes_of_the_same_file_add_up(configured):
    both = "o = optim.SGD(p, lr=cfg['optimizer']['lr'], weight_decay=cfg['optimizer']['weight_decay'])\n"
    p, file = configured(both)
    first = apply_remedy(learning_rate, p.script, p.record, {"lr": 0.05})
    decay = {"argument": "weight_decay", "value": 0.01}
    second = apply_remedy(optimizer_argument, first, p.record, decay)
    assert second.edits == {file: SETTINGS.replace("30.0", "0.05").replace("5e-1", "0.01")}


def test_a_file_outside_the_users_folders_is_left_alone(configured, tmp_path):
    p, file = configured(READ["keys"])
    elsewhere = file.rename(tmp_path.with_suffix(".yaml"))
    p.record.facts.clear()
    p.record.add(Fact.of(facts.FileRead(), 0, str(elsewhere)))
    assert p.script.root == tmp_path
    assert list(apply_remedy(learning_rate, p.script, p.record, {"lr": 0.05}).edits) == [p.script.path]
