"""Code of the script that interrupts the sandbox's own code is checked like any other code of the script."""

import pytest

from descend.doctor.sandbox.landlock import landlock_version

from .sandbox import both, examine, make_world, needs_landlock

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path):
    return make_world(tmp_path)


PREPARED = """
    import gc, signal, threading
    sender = socket.socket(type=socket.SOCK_DGRAM)
    target, calls, refusals = str(PRECIOUS / "model.pt"), [0], [0]
    def change_files():
        calls[0] += 1
        for action in (
            lambda: open(target, "a").write("x"),
            lambda: os.chmod(target, 0o777),
            lambda: os.utime(target, (1, 1)),
            lambda: os.remove(ORIGINAL / "log.txt"),
            lambda: subprocess.run(["touch", target]),
            lambda: sender.sendto(b"x", ("192.0.2.1", 80)),
        ):
            try:
                action()
            except OSError:
                refusals[0] += 1
    def work(count):
        for number in range(count):
            put(f"own{number % 3}.txt", "x")
            os.path.exists(target)
"""
HANDLER = """
    signal.signal(signal.SIGALRM, lambda number, frame: change_files())
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.002)
    while calls[0] < 40:
        work(5)
    signal.setitimer(signal.ITIMER_REAL, 0, 0)
"""
FINALISER = """
    class Cycle:
        def __init__(self):
            self.itself = self
        def __del__(self):
            change_files()
    gc.set_threshold(7)
    while calls[0] < 40:
        Cycle()
        work(5)
    gc.disable()
"""
TRACE = """
    def trace(frame, event, argument):
        if "doctor/sandbox" in frame.f_code.co_filename and calls[0] < 40:
            change_files()
        return trace
    def run():
        threading.settrace(trace)
        thread = threading.Thread(target=work, args=(5,))
        thread.start()
        thread.join()
        threading.settrace(None)
    run()
    sys.settrace(trace)
    calls[0] = 0
    work(5)
    sys.settrace(None)
"""


@both
@pytest.mark.parametrize("code", [HANDLER, FINALISER, TRACE], ids=["signal handler", "finaliser", "trace function"])
def test_code_that_interrupts_the_sandbox_changes_nothing_outside(world, landlock, code):
    outcome = examine(
        world, PREPARED + code + '    print("refused:", refusals[0] > 0)\n', landlock=landlock, redirect=True
    )
    assert outcome.said["refused"] == "True", outcome.text
    assert outcome.refused("connection") and outcome.refused("process")


NESTED = """
    import signal
    for number in range(200):
        put(f"second{number}.txt", "")
        os.remove(f"second{number}.txt")
        os.symlink(ORIGINAL / "log.txt", f"second{number}.txt")
    names = iter(range(200))
    def handle(number, frame):
        try:
            put(f"second{next(names, 0)}.txt", "x", "a")
        except OSError:
            pass
    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    for number in range(200):
        put("first.txt", "")
        os.remove("first.txt")
        os.symlink(ORIGINAL / "log.txt", "first.txt")
        put("first.txt", "x", "a")
    signal.setitimer(signal.ITIMER_REAL, 0, 0)
    print("end: reached")
"""


def test_a_handler_that_writes_to_a_link_while_another_is_replaced_does_not_wait_for_itself(world):
    assert examine(world, NESTED).said["end"] == "reached"


DATABASE = """
    import sqlite3
    connection = sqlite3.connect(f"file:{ORIGINAL.parent}/shared/data.db?mode=ro", uri=True)
    attempt("read", lambda: connection.execute("select a from t").fetchall() == [(1,)] or 1 / 0)
"""


@needs_landlock
def test_a_database_that_the_kernel_keeps_read_only_can_be_read(world):
    import sqlite3

    with sqlite3.connect(world / "shared/data.db") as connection:
        connection.execute("create table t (a)")
        connection.execute("insert into t values (1)")
    connection.close()
    assert landlock_version()
    outcome = examine(world, DATABASE, landlock=True)
    assert outcome.said["read"] == "done", outcome.text
    assert outcome.effects == []
