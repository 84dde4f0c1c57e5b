"""The training loss after each update agrees between all layouts (Yadan et al. 2013)."""

import json
import os
import subprocess
import sys
from collections.abc import Callable

from side_by_side import HERE


def of_updates(write: Callable[..., None]) -> None:
    """Measure how much the loss curves of four processes differ from that of one process."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=4"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    program = str(HERE / "update_trainings.py")
    done = subprocess.run([*command, program], capture_output=True, text=True, env=environment, check=True)
    curves = json.loads(done.stdout.splitlines()[-1])
    alone = curves["one process"]
    write(
        f"Two convolutions and two linear layers on the digits, in single precision: the training loss at {len(alone)}",
        f"updates with batches of 64, from {alone[0]:.2f} to {alone[-1]:.2f} in one process. Round-off grows along",
        "the way; in double precision the tests find the weights equal to 1e-11.",
        "",
        "| layout | largest distance of the loss from that of one process |",
        "|---|---|",
    )
    for name, losses in curves.items():
        if name != "one process":
            write(f"| {name} | {max(abs(a - b) for a, b in zip(losses, alone)):.1g} |")
