"""A process that stands in the watched script's process group and tells which signals the whole group is sent.

Run by its path, as `python -I -S bystander.py NUMBER...`; needs the standard library only. Each signal is told as a
byte, its number, before anything else; a zero byte answers each byte that is read. It ends where nobody asks any more.
"""

import os
import signal
import sys

ANSWER = b"\0"


def main() -> None:
    """Tell what comes until standard input ends."""
    os.set_blocking(1, False)
    signal.set_wakeup_fd(1, warn_on_full_buffer=False)
    for number in map(int, sys.argv[1:]):
        signal.signal(number, lambda number, frame: None)
    os.write(1, ANSWER)
    while os.read(0, 1):
        os.write(1, ANSWER)


if __name__ == "__main__":
    main()
