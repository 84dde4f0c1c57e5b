"""A number passed to a function is changed in the call, and written in the format of the old number."""

import pytest

from descend.doctor.remedies.learning_rate import learning_rate

HEAD = "import torch\nfrom torch import optim\n"
GIVEN = {  # a function's parameter sets the learning rate; <…> marks the text that the remedy replaces
    "by the only call": "def fit(m, lr):\n    o = optim.SGD(m.p, lr=lr)\nfit(net, lr=<0.5>)\n",
    "by its place": "def fit(m, lr=9.0):\n    o = optim.SGD(m.p, lr=lr)\nfit(net, <0.5>)\n",
    "by its default": "def fit(m, lr=<0.5>):\n    o = optim.SGD(m.p, lr=lr)\nfit(net)\n",
    "by the default that two leave": "def fit(m, *, lr=<0.5>):\n    o = optim.SGD(m.p, lr=lr)\nfit(a)\nfit(b)\n",
    "to a constructor": "class T:\n    def __init__(self, m, lr=2e-3):\n        self.o = optim.SGD(m.p, lr=lr)\n"
    "t = T(net, lr=<0.5>)\n",
    "to an own attribute": "class N:\n    def __init__(self, lr=<0.5>):\n        self.lr = lr\n"
    "    def rules(self):\n        return optim.SGD(self.p, lr=self.lr)\nN()\n",
    "in an object": "class C:\n    lr: float = <0.5>\ndef fit(m, cfg):\n    o = optim.SGD(m.p, lr=cfg.lr)\n"
    "c = C()\nfit(net, c)\n",
    "in an object made there": "class C:\n    lr: float = 1.0\ndef fit(m, cfg):\n"
    "    o = optim.SGD(m.p, lr=cfg.lr)\nfit(net, C(lr=<0.5>))\n",
    "in an object that is kept": "class C:\n    lr: float = <0.5>\nclass T:\n    def __init__(self, m, cfg):\n"
    "        self.cfg = cfg\n        self.o = optim.SGD(m.p, lr=self.cfg.lr)\nT(net, C())\n",
    "by two calls": "def fit(m, lr):\n    o = optim.SGD(m.p, lr=<lr>)\nfit(a, 0.5)\nfit(b, 0.1)\n",
    "by a list": "def fit(m, lr=0.5):\n    o = optim.SGD(m.p, lr=<lr>)\nfit(*what)\n",
    "by no call here": "def fit(m, lr=0.5):\n    o = optim.SGD(m.p, lr=<lr>)\n",
}


@pytest.mark.parametrize("case", GIVEN)
def test_the_number_is_changed_where_it_is_passed(patient, case: str) -> None:
    before, _, rest = (HEAD + GIVEN[case]).partition("<")
    old, _, after = rest.partition(">")
    p = patient(before + old + after, optimizer="optim.SGD(")
    assert p.edited(learning_rate, lr=0.0093) == f"{before}0.0093{after}"


WRITTEN = [("5e-1", 0.08, "8e-2"), ("1E-4", 0.00123, "1.23e-3"), ("1e-3", 2.0, "2.0"), ("0.5", 1e-6, "1e-6")]


@pytest.mark.parametrize(("old", "value", "new"), WRITTEN)
def test_a_number_is_written_as_the_old_one_was(patient, old: str, value: float, new: str) -> None:
    p = patient(HEAD + f"o = optim.SGD(p, lr={old})\n", optimizer="optim.SGD(")
    assert p.edited(learning_rate, lr=value).endswith(f"lr={new})\n")
