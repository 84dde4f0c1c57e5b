"""Worker processes that end with the command, also after Ctrl-C."""

import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context


@contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of new processes. If the block raises an exception, such as for Ctrl-C, they are ended at once."""
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_ignore_ctrl_c)
    try:
        yield pool
    except BaseException:
        for process in (pool._processes or {}).values():
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _ignore_ctrl_c() -> None:
    """Let the parent alone handle Ctrl-C, so that no worker prints a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
