"""`python -m descend` is the command line."""

import sys

if not sys.flags.safe_path:
    del sys.path[0]  # remove the working directory from the path: a `json.py` there would replace the standard module

from descend.cli import main

main()
