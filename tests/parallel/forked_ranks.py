"""Run a program in several ranks, forked from one process with torch: `forked_ranks.py PROGRAM RANKS ARGUMENTS`.

The ranks have torchrun's environment variables. If one of them fails, the others end and the status is 1.
"""

import os
import runpy
import signal
import socket
import sys
from pathlib import Path

import torch
import torch.distributed

torch.optim.SGD([torch.zeros(1)])  # The first optimizer imports many modules of torch.


def main() -> None:
    program, size, *arguments = sys.argv[1:]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    os.environ.update(WORLD_SIZE=size, LOCAL_WORLD_SIZE=size, MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
    running = set()
    for rank in map(str, range(int(size))):
        process = os.fork()
        if process == 0:
            os.environ.update(RANK=rank, LOCAL_RANK=rank)
            sys.argv, sys.path[0] = [program, *arguments], str(Path(program).parent)
            runpy.run_path(program, run_name="__main__")
            return
        running.add(process)
    has_failed = False
    while running:
        process, status = os.wait()
        running.remove(process)
        if status and not has_failed:
            has_failed = True
            for other in running:
                os.kill(other, signal.SIGTERM)
    sys.exit(has_failed)


main()
