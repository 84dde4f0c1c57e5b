import pytest

from descend.doctor.remedies.adaptive_rule import adaptive_rule

HEAD = """\
import torch
import torch.optim as rules
from torch import optim
from torch.optim import SGD, Adagrad
"""
CALLS = [
    ("torch.optim.SGD(p, lr=0.1)", "torch.optim.Adam(p, lr=0.001)"),
    ("optim.SGD(p, 0.1)", "optim.Adam(p, lr=0.001)"),
    ("SGD(p, 0.1, 0.9, 0, 1e-4, True)", "torch.optim.Adam(p, lr=0.001, weight_decay=1e-4)"),
    ("SGD(p, weight_decay=d, lr=0.1)", "torch.optim.Adam(p, lr=0.001, weight_decay=d)"),
    ("SGD(p, lr=0.1, momentum=0.9, nesterov=True)", "torch.optim.Adam(p, lr=0.001)"),
    (
        "SGD(p, lr=0.1, maximize=True, foreach=False)",
        "torch.optim.Adam(p, lr=0.001, maximize=True, foreach=False)",
    ),
    ("Adagrad(p, 0.1, 0, 1e-3)", "torch.optim.Adam(p, lr=0.001, weight_decay=1e-3)"),
    ("SGD(lr=0.1, params=p)", "torch.optim.Adam(params=p, lr=0.001)"),
    ("rules.SGD(p, lr=1)", "torch.optim.Adam(p, lr=0.001)"),
    ("getattr(optim, name)(p, lr=1)", "torch.optim.Adam(p, lr=0.001)"),
    ("OPTIMIZERS[name](p)", "torch.optim.Adam(p, lr=0.001)"),
    ("self.rule(p, lr=self.lr)", "torch.optim.Adam(p, lr=0.001)"),
    ("SGD(\n    p,\n    lr=0.1,\n    momentum=0.9,\n)", "torch.optim.Adam(\n    p,\n    lr=0.001,\n)"),
    ("SGD(p,  # all\n    lr=0.1)", "torch.optim.Adam(p,  # all\n    lr=0.001)"),
    ("optim.LBFGS(p)", "optim.Adam(p, lr=0.001)"),
    (
        "SGD([{'params': p, 'weight_decay': 0}], 1)",
        "torch.optim.Adam([{'params': p, 'weight_decay': 0}], lr=0.001)",
    ),
]


@pytest.mark.parametrize(("before", "after"), CALLS)
def test_the_optimizer_is_replaced(patient, before: str, after: str) -> None:
    p = patient(HEAD + f"o = {before}\n", optimizer=before)
    assert p.edited(adaptive_rule, lr=1e-3, optimizer="0") == HEAD + f"o = {after}\n"


@pytest.mark.parametrize("rule", ["LARS", "LAMB"])
def test_an_optimizer_that_torch_lacks_is_taken_from_descend(patient, rule: str) -> None:
    p = patient(
        HEAD + "o = SGD(p, lr=0.1, momentum=0.9, weight_decay=d)\n",
        optimizer="SGD(p, lr=0.1, momentum=0.9, weight_decay=d)",
    )
    edited = p.edited(adaptive_rule, lr=1.0, rule=rule, optimizer="0")
    assert f"o = descend.optim.{rule}(p, lr=1.0, weight_decay=d)\n" in edited
    assert "import descend.optim\n" in edited


def test_torch_is_imported_once(patient) -> None:
    p = patient('"""Doc."""\nfrom torch.optim import SGD\n\no = SGD(p, 1)\n', optimizer="SGD(")
    assert p.edited(adaptive_rule, lr=1e-3) == (
        '"""Doc."""\nfrom torch.optim import SGD\nimport torch\n\no = torch.optim.Adam(p, lr=0.001)\n'
    )
    known = "import torch\no = SGD(p, 1)\n"
    expected = "import torch\no = torch.optim.Adam(p, lr=0.001)\n"
    assert patient(known, optimizer="SGD(").edited(adaptive_rule, lr=1e-3) == expected


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("optim.Adam(p, lr=1)", "Adam is already an adaptive optimizer"),
        ("optim.AdamW(p)", "AdamW is already an adaptive optimizer"),
        ("optim.SGD(**options)", "not written out in its call"),
        ("optim.SGD()", "not written out in its call"),
        ("optim.SGD([{'params': p, 'lr': 1}], lr=2)", "their own learning rates"),
    ],
)
def test_refusals_say_why(patient, call: str, reason: str) -> None:
    assert reason in patient(HEAD + f"o = {call}\n", optimizer="optim.").refusal(adaptive_rule, lr=1e-3)


def test_an_optimizer_made_inside_a_library_is_not_edited(patient) -> None:
    p = patient("trainer.fit(model)\n", optimizer="trainer.fit(", made={"optimizer": "SGD"})
    assert p.refusal(adaptive_rule, lr=1e-3) == "line 1 calls `trainer.fit`, which uses the SGD only indirectly"


def test_a_script_that_uses_the_name_torch_is_refused(patient) -> None:
    p = patient("from torch.optim import SGD\ntorch = 3\no = SGD(p, 1)\n", optimizer="SGD(")
    assert "already uses the name `torch`" in p.refusal(adaptive_rule, lr=1e-3)


def test_a_learning_rate_must_be_positive(patient) -> None:
    assert "inf is not a valid learning rate" in patient("o = SGD(p)\n", optimizer="SGD(").refusal(
        adaptive_rule, lr=float("inf")
    )


def test_a_schedule_that_ignores_the_optimizers_rate_gets_the_new_one(patient) -> None:
    text = HEAD + "o = optim.SGD(p, lr=0.01)\ns = optim.lr_scheduler.OneCycleLR(o, max_lr=0.5, total_steps=10)\n"
    p = patient(text, optimizer="optim.SGD(", scheduler="optim.lr_scheduler.OneCycleLR(")
    edited = p.edited(adaptive_rule, lr=0.002)
    assert "o = optim.Adam(p, lr=0.002)\n" in edited and "OneCycleLR(o, max_lr=0.002, total_steps=10)" in edited


@pytest.mark.parametrize(
    ("rule", "after"),
    [
        ("Lion", "descend.optim.Lion(p, lr=0.1, weight_decay=0.01, maximize=True, fused=True)"),
        ("RMSprop", "torch.optim.RMSprop(p, lr=0.1, weight_decay=0.01, maximize=True)"),
        ("Rprop", "torch.optim.Rprop(p, lr=0.1, maximize=True)"),
    ],
)
def test_only_arguments_that_the_new_optimizer_accepts_are_kept(patient, rule: str, after: str) -> None:
    call = "SGD(p, lr=0.1, weight_decay=0.01, maximize=True, fused=True)"
    assert f"o = {after}\n" in patient(HEAD + f"o = {call}\n", optimizer=call).edited(adaptive_rule, lr=0.1, rule=rule)


def test_an_optimizer_of_descend_is_replaced_by_one_of_torch(patient) -> None:
    for head in ("from descend import optim\n", "import descend.optim as optim\n"):
        p = patient(f"{head}o = optim.Lion(p, lr=0.1)\n", optimizer="optim.Lion(")
        edited = p.edited(adaptive_rule, lr=0.1, rule="RAdam")
        assert "import torch\n" in edited and "o = torch.optim.RAdam(p, lr=0.1)\n" in edited
