"""Ctrl-C ends `descend prove` soon, also while a changed script hangs, and the results so far are printed."""

import os
import signal
import subprocess
import sys
import time

import pytest

SCRIPT = """
import torch

torch.manual_seed(0)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
for step in range(40):
    loss = (model(torch.randn(16, 4)) - 1).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"test loss {loss.item():.4f}")
"""


@pytest.mark.slow
def test_ctrl_c_while_a_changed_script_hangs_ends_the_command(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    hanging = SCRIPT.replace("    loss =", "    while step == 5:\n        pass\n    loss =")
    (tmp_path / "hangs.py").write_text(hanging)
    command = [sys.executable, "-m", "descend", "prove", "--seeds", "2", "--with", "hangs.py", "--format", "agent"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [*command, "train.py"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if "more runs take" in line)
        time.sleep(2)  # By now, a changed script has begun to hang; otherwise, the runs so far are printed as well.
        process.send_signal(signal.SIGINT)
        try:
            printed, _ = process.communicate(timeout=15)
        finally:
            process.kill()
    assert process.returncode == 130 and "ended: the command was interrupted" in printed
