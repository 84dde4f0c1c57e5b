"""`python -m descend` is the command line."""

import sys

if not sys.flags.safe_path:
    del sys.path[0]  # the working directory: a `json.py` that is there is a script's, and not ours

from descend.cli import main

main()
