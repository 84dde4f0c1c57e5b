"""A script for torchrun runs as the only process of its group."""

import os
import subprocess
import sys

import pytest

from descend.doctor.sandbox.world import is_in_group, new_group_variables, read_world

VARIABLES = {
    "RANK": "3",
    "WORLD_SIZE": "8",
    "MASTER_PORT": "29500",
    "TORCHELASTIC_USE_AGENT_STORE": "True",
    "HOME": "/me",
}
GROUP = """
import torch, torch.distributed as dist
dist.init_process_group("gloo")
total = torch.ones(1)
dist.all_reduce(total)
print(dist.get_rank(), dist.get_world_size(), total.item())
"""


def test_the_old_group_is_removed_and_each_world_has_its_own_port():
    worlds = [new_group_variables(VARIABLES) for _ in range(2)]
    assert is_in_group(VARIABLES) and not is_in_group({"HOME": "/me"})
    assert worlds[0]["HOME"] == "/me" and "TORCHELASTIC_USE_AGENT_STORE" not in worlds[0]
    assert (worlds[0]["RANK"], worlds[0]["WORLD_SIZE"]) == ("0", "1") and "29500" not in worlds[0].values()


def test_ranks_of_one_job_have_the_same_group():
    mine, others, later = (read_world({**VARIABLES, **more}) for more in ({}, {"RANK": "0"}, {"MASTER_PORT": "29501"}))
    assert (mine.rank, mine.size) == (3, 8) and mine.job == others.job != later.job
    assert all(
        read_world(variables) is None
        for variables in ({}, new_group_variables(VARIABLES), {"RANK": "first", "WORLD_SIZE": "2"})
    )


@pytest.mark.slow
def test_torch_makes_a_group_of_one():
    running = [
        subprocess.Popen(
            [sys.executable, "-c", GROUP],
            env=new_group_variables({**os.environ, **VARIABLES}),
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert [process.communicate(timeout=300)[0] for process in running] == ["0 1 1.0\n"] * 2


@pytest.mark.slow
def test_only_the_first_process_of_a_group_runs_the_doctor(descend_here, tmp_path):
    (tmp_path / "train.py").write_text("raise SystemExit(7)")
    rank = {"RANK": "1", "WORLD_SIZE": "2"}
    done = descend_here("doctor", "train.py", cwd=tmp_path, env=rank)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert descend_here("doctor", "train.py", cwd=tmp_path, env={**rank, "RANK": "0"}).returncode == 4
