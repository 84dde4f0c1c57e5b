"""Remedies for a slow process, in scripts whose processes average their gradients."""

import pytest

from descend.doctor.remedies.asynchronous_steps import asynchronous_steps
from descend.doctor.remedies.backup_workers import backup_workers
from descend.doctor.remedies.local_steps import local_steps
from descend.doctor.remedies.speed_shares import speed_shares

HEAD = """import torch
from torch.nn.parallel import DistributedDataParallel as DDP
from torch.utils.data import DataLoader

"""
MADE = """loader = DataLoader(data, sampler=sampler)
net: DDP = DDP(network())
opt = torch.optim.SGD(net.parameters(), lr=0.1)
"""
IN_A_FUNCTION = "def model():\n    net = DDP(network())\n    return net\n\n\n"
CALLS = {"loader": "DataLoader(", "optimizer": "torch.optim.SGD("}


def test_speed_shares_wrap_the_loader_after_the_model(patient) -> None:
    added = ["+from descend.parallel import share_by_speed", "+loader = share_by_speed(loader, net, (3.0, 1.0))"]
    p = patient(HEAD + MADE, **CALLS)
    assert p.changes(speed_shares, speeds=[3.0, 1.0]) == added
    text = p.edited(speed_shares, speeds=[3.0, 1.0])
    assert text.index("net: DDP") < text.index("share_by_speed(loader") < text.index("opt =")


def test_asynchronous_steps_wrap_the_loader(patient) -> None:
    added = ["+from descend.parallel import step_as_they_come", "+loader = step_as_they_come(loader, net)"]
    assert patient(HEAD + MADE, **CALLS).changes(asynchronous_steps) == added


def test_backup_workers_wrap_the_loader_after_model_and_optimizer(patient) -> None:
    added = ["+from descend.parallel import step_of_the_first", "+loader = step_of_the_first(loader, net, opt, 3)"]
    p = patient(HEAD + MADE, **CALLS)
    assert p.changes(backup_workers, wanted=3) == added
    assert p.edited(backup_workers, wanted=3).endswith("opt, 3)\n")
    text = HEAD + IN_A_FUNCTION + MADE.replace("net: DDP = DDP(network())", "net = model()")
    assert "are not in the same block" in patient(text, **CALLS).refusal(backup_workers, wanted=3)


def test_the_line_comes_after_the_later_of_model_and_loader(patient) -> None:
    lines = MADE.splitlines(keepends=True)
    text = patient(HEAD + "".join([*lines[1:], lines[0]]), **CALLS).edited(speed_shares, speeds=[3.0, 1.0])
    assert text.endswith(
        "loader = DataLoader(data, sampler=sampler)\nloader = share_by_speed(loader, net, (3.0, 1.0))\n"
    )


def test_weights_are_averaged_with_torchs_own_parts(patient) -> None:
    changes = patient(HEAD + MADE, **CALLS).changes(local_steps, period=10)
    assert changes[-2:] == [
        "+net.register_comm_hook(PostLocalSGDState(None, None, start_localSGD_iter=0, "
        "post_local_gradient_allreduce=False), post_localSGD_hook)",
        "+opt = PostLocalSGDOptimizer(opt, PeriodicModelAverager(10))",
    ]
    assert [line.split(" import ")[1] for line in changes[:-2]] == [
        "PostLocalSGDState, post_localSGD_hook",
        "PeriodicModelAverager",
        "PostLocalSGDOptimizer",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (MADE.replace("DDP(network())", "network()"), "does not create exactly one DistributedDataParallel model"),
        (MADE + "with net.no_sync():\n    pass\n", "itself selects the backward passes"),
        (
            MADE.replace("loader = DataLoader(data, sampler=sampler)", "use(DataLoader(data))"),
            "does not assign its result to a name",
        ),
        (IN_A_FUNCTION + MADE.replace("DDP(network())", "model()"), "are not in the same block"),
    ],
)
def test_refusals_say_why(patient, text: str, reason: str) -> None:
    assert reason in patient(HEAD + text, **CALLS).refusal(speed_shares, speeds=[3.0, 1.0])


def test_another_rule_than_torchs_is_left_alone(patient) -> None:
    text = MADE.replace("torch.optim.SGD(net.parameters(), lr=0.1)", "rule(net)")
    p = patient(HEAD + text, made={"optimizer": "SGD"}, loader="DataLoader(", optimizer="rule(")
    assert "does not create its optimizer" in p.refusal(local_steps, period=10)
    assert "does not create its optimizer" in p.refusal(backup_workers, wanted=1)
