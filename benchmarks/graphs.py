"""A graph over two workers: what two columns gain, the fewer of their layers see both the more."""

import json
import subprocess
import sys
from collections.abc import Callable
from statistics import median

from graph_trainings import BATCH, CHANNELS, LAYERS, SIZE
from side_by_side import ENVIRONMENT, HERE

CROSSING, LAUNCHES = (0, 1, 3, 5), 3


def of_graphs(write: Callable[..., None]) -> None:
    """Measure training and prediction by two workers and by one process."""
    write(
        f"Two columns of {LAYERS} convolutions with {CHANNELS} filters each, {BATCH} images of {SIZE} × {SIZE}, each",
        "column on one worker; of the layers some see both columns. Speed over one process, which computes the same:",
        f"medians of {LAUNCHES} launches.",
        "",
        "| layers that see both | training | prediction | MB that a worker sends and receives in a step of training |",
        "|---|---|---|---|",
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += [str(HERE / "graph_trainings.py"), ",".join(map(str, CROSSING))]
    reported = [
        json.loads(subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=True).stdout)
        for _ in range(LAUNCHES)
    ]
    for crossing in map(str, CROSSING):
        gains = [median(t[crossing][way][0] / t[crossing][way][1] for t in reported) for way in ("train", "predict")]
        moved = reported[0][crossing]["bytes"] / 1e6
        write(f"| {crossing} of {LAYERS} | {gains[0]:.2f} | {gains[1]:.2f} | {moved:.2f} |")
