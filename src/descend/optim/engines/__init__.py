"""The ways to run a rule: one loop in C made from it, torch call by torch call in pieces, or list by list."""
