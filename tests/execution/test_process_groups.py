"""A script for torchrun is examined as a real group of two processes."""

import json
import os
from pathlib import Path

import pytest

from descend.doctor.sandbox.world import local_group_size, new_group_variables, rank_variables

TOLD = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_PORT": "29500"}
TRAIN = """
import os, torch, torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
dist.init_process_group("gloo")
torch.manual_seed(0)
ranks = torch.tensor(float(dist.get_rank() + 1))
dist.all_reduce(ranks)
assert ranks == 3 and dist.get_world_size() == 2
x = torch.randn(64, 5)[dist.get_rank()::2]
y = (x.sum(1, keepdim=True) > 0).float()
model = DistributedDataParallel(nn.Linear(5, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for step in range(STEPS):
    optimizer.zero_grad()
    nn.functional.binary_cross_entropy_with_logits(model(x), y).backward()
    optimizer.step()
    if step == FAILS and dist.get_rank() == 1:
        raise SystemExit("the second is ill")
"""


def in_copies_of(folder: Path) -> list[str]:
    """Return the processes that run in a scratch copy of a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd").endswith(f"files/{str(folder).lstrip('/')}"):
                found.append(process.name)
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_all_processes_of_a_group_run_and_rank_0_is_observed(descend_here, tmp_path) -> None:
    (tmp_path / "train.py").write_text(TRAIN.replace("STEPS", "10**9").replace("FAILS", "-1"))
    options = ["--nproc-per-node", "2", "--steps", "60", "--format", "json"]
    ended = descend_here("doctor", *options, "train.py", cwd=tmp_path)
    told = json.loads(ended.stdout)
    assert told["steps"] == 60 and told["status"] in ("healthy", "undecided"), ended.stdout
    assert not in_copies_of(tmp_path)


@pytest.mark.slow
def test_a_failing_process_of_the_group_ends_the_run(descend_here, tmp_path) -> None:
    (tmp_path / "train.py").write_text(TRAIN.replace("STEPS", "10**9").replace("FAILS", "5"))
    ended = descend_here("doctor", "--nproc-per-node", "2", "--steps", "60", "train.py", cwd=tmp_path)
    assert ended.returncode == 4 and "the second is ill\nprocess 1 of the group:\n" in ended.stderr, ended.stderr
    assert not in_copies_of(tmp_path)


def test_the_group_size_follows_torchrun_up_to_the_number_of_cores() -> None:
    assert local_group_size(TOLD, most=2) == 2 and local_group_size(TOLD, most=1) == 1
    assert local_group_size({**TOLD, "LOCAL_WORLD_SIZE": "1"}, most=8) == 1  # the other processes are on other machines
    assert local_group_size({**TOLD, "WORLD_SIZE": "1"}, most=8) == 1 and local_group_size({}, most=8) == 0


def test_each_group_has_its_own_port() -> None:
    one, two = new_group_variables(TOLD, 2), new_group_variables(TOLD, 2)
    assert one["WORLD_SIZE"] == one["LOCAL_WORLD_SIZE"] == "2" and one["RANK"] == one["LOCAL_RANK"] == "0"
    assert one["MASTER_PORT"] != "29500" and two["MASTER_ADDR"] == "127.0.0.1"
    assert rank_variables(3) == {"RANK": "3", "LOCAL_RANK": "3"}
