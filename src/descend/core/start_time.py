"""The time when the command line was imported, shortly after the start of the process: `--budget` counts from it."""

import time

IMPORT_TIME_S = time.monotonic()  # in seconds of `time.monotonic`
