"""Prove whether a change of a script helps: pairs of runs of the unchanged and the changed script, and the verdict."""
