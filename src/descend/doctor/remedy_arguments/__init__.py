"""Choose the arguments of remedies from the record of a run, by theory and not by trying a grid of values.

Each function takes the record and the symptom. It returns the values for the remedies of one catalog entry, among them
values that only the label shows. It returns None if the remedies do not apply to this run.
"""
