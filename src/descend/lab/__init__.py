"""`descend lab`: pages about one script's loss function, and demonstrations of textbook results.

The doctor works without this package. The package uses the doctor's functions that run a script and write a page.
"""
