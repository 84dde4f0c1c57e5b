"""Programs under plain python with another seed, from a process that has PyTorch imported already."""

import multiprocessing
import os
import re
import runpy
import sys
import tempfile
from pathlib import Path

SEEDED = re.compile(r"(seed|default_rng)\(0\)")
MOST_S = 90.0


def printed(text: str, seed: int, name: str = "train.py") -> str | None:
    """Return what a program prints, with `seed` in the place of 0; None where it fails or takes too long."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch._dynamo", "numpy", "sklearn.datasets", "mutations.plain"])
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, name)
        script.write_text(SEEDED.sub(rf"\g<1>({seed})", text))
        process = context.Process(target=_run, args=(str(script),))
        process.start()
        process.join(MOST_S)
        if process.is_alive():
            process.kill()
            process.join()
        out = Path(folder, "out")
        return out.read_text(errors="replace") if process.exitcode == 0 and out.exists() else None


def _run(script: str) -> None:
    os.chdir(os.path.dirname(script))
    with open("out", "w") as out:
        os.dup2(out.fileno(), 1)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    import torch

    torch.set_num_threads(1)
    sys.argv, sys.path[0] = [script], os.path.dirname(script)
    runpy.run_path(script, run_name="__main__")
    sys.stdout.flush()
