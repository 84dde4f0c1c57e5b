"""A process in the watched script's process group that reports signals sent to the whole group.

Run by its path, as `python -I -S bystander.py NUMBER...`; needs the standard library only. Each signal is written as a
byte, its number, at once. Each byte read is answered by a zero byte. The process ends with its standard input.
"""

import os
import signal
import sys

ANSWER = b"\0"  # byte that the bystander writes once for each byte that it reads, and once when it is ready


def main() -> None:
    """Write the number of each received signal to standard output, until standard input is closed."""
    os.set_blocking(1, False)
    signal.set_wakeup_fd(1, warn_on_full_buffer=False)
    for number in map(int, sys.argv[1:]):
        signal.signal(number, lambda number, frame: None)
    os.write(1, ANSWER)
    while os.read(0, 1):
        os.write(1, ANSWER)


if __name__ == "__main__":
    main()
