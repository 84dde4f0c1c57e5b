"""A script for torchrun finds itself the only process of its group."""

import os
import subprocess
import sys

import pytest

from descend.doctor.sandbox.world import is_told, own_world, world_of

TOLD = {"RANK": "3", "WORLD_SIZE": "8", "MASTER_PORT": "29500", "TORCHELASTIC_USE_AGENT_STORE": "True", "HOME": "/me"}
GROUP = """
import torch, torch.distributed as dist
dist.init_process_group("gloo")
total = torch.ones(1)
dist.all_reduce(total)
print(dist.get_rank(), dist.get_world_size(), total.item())
"""


def test_nothing_of_the_group_is_left_and_each_world_has_a_port_of_its_own():
    worlds = [own_world(TOLD) for _ in range(2)]
    assert is_told(TOLD) and not is_told({"HOME": "/me"})
    assert worlds[0]["HOME"] == "/me" and "TORCHELASTIC_USE_AGENT_STORE" not in worlds[0]
    assert (worlds[0]["RANK"], worlds[0]["WORLD_SIZE"]) == ("0", "1") and "29500" not in worlds[0].values()


def test_the_ranks_of_a_job_know_each_other():
    mine, others, later = (world_of({**TOLD, **more}) for more in ({}, {"RANK": "0"}, {"MASTER_PORT": "29501"}))
    assert (mine.rank, mine.size) == (3, 8) and mine.job == others.job != later.job
    assert all(world_of(told) is None for told in ({}, own_world(TOLD), {"RANK": "first", "WORLD_SIZE": "2"}))


@pytest.mark.slow
def test_torch_makes_a_group_of_one():
    running = [
        subprocess.Popen(
            [sys.executable, "-c", GROUP], env=own_world({**os.environ, **TOLD}), stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    assert [process.communicate(timeout=300)[0] for process in running] == ["0 1 1.0\n"] * 2


@pytest.mark.slow
def test_the_first_process_of_a_group_asks_alone(descend, tmp_path):
    (tmp_path / "train.py").write_text("raise SystemExit(7)")
    rank = {"RANK": "1", "WORLD_SIZE": "2"}
    done = descend("doctor", "train.py", cwd=tmp_path, env=rank)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert descend("doctor", "train.py", cwd=tmp_path, env={**rank, "RANK": "0"}).returncode == 7
