"""Prints what a script can know of how it was started."""

import atexit
import os
import sys
import threading
import time

atexit.register(print, "at exit")
print(sys.argv, __name__, __file__, os.getcwd(), sys.path[0])
print(__doc__, __package__, __spec__, sorted(globals()), type(__builtins__))
print(sys.stdin.read())
sys.stderr.write("to standard error\n")


class Local:
    """Pickled by its name in __main__."""


def late():
    time.sleep(0.3)
    print("from a thread that nobody waits for")


threading.Thread(target=late).start()
if __name__ == "__main__":
    import pickle

    assert type(pickle.loads(pickle.dumps(Local()))) is Local
    assert sys.modules["__main__"].Local is Local
    print("done")
