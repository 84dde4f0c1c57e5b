"""Analyse and edit the source of a script: find expressions, follow values to their origin, write new code."""
