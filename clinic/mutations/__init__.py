"""Mistakes by the hundred: source edits of healthy programs, each with the lines that it is in."""
