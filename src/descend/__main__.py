"""`python -m descend` is the command line."""

from descend.cli import main

main()
