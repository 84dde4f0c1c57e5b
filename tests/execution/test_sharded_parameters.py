"""A script with sharded parameters is observed without waiting for other processes, and without a false finding."""

import json
import subprocess
import sys

import pytest

from descend.doctor.instrumentation.sharding import without_collectives

pytestmark = pytest.mark.slow
SCRIPT = """
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard

dist.init_process_group("gloo")
torch.manual_seed(0)
x = torch.randn(512, 16)
y = (x[:, :4].sum(1) > 0).long()
model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 2))
fully_shard(model)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for step in range(60):
    rows = torch.randint(0, 512, (32,))
    loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
dist.destroy_process_group()
"""
COLLECTIVE = """
import torch
import torch.distributed as dist
from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh
from descend.doctor.instrumentation.sharding import without_collectives

dist.init_process_group("gloo")
whole = distribute_tensor(torch.arange(8.0), init_device_mesh("cpu", (2,)), [Shard(0)])
if dist.get_rank() == 0:  # the other process takes no part
    with without_collectives():
        assert whole.to_local().sum() == 6
        try:
            whole.full_tensor()
        except RuntimeError as error:
            assert "would wait" in str(error)
        else:
            raise AssertionError
assert whole.full_tensor().sum() == 28
dist.destroy_process_group()
"""


def test_the_doctor_observes_a_script_with_fully_shard(descend, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    done = descend("doctor", "--nproc-per-node", "2", "--quick", "--format", "json", "train.py", cwd=tmp_path)
    case = json.loads(done.stdout)
    assert done.returncode == 3 and case["findings"] == [] and case["steps"] == 60, done.stderr
    assert "sharded over several processes" in done.stdout


def test_a_measurement_raises_an_error_instead_of_waiting(tmp_path):
    (tmp_path / "collective.py").write_text(COLLECTIVE)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "collective.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_scripts_without_sharding_run_in_no_mode(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch.distributed.tensor", raising=False)
    with without_collectives() as mode:
        assert mode is None
