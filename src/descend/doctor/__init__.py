"""The doctor: from a script to what ails it and what cures it, one room after another.

`walk.py` is the whole way on one screen: script → run → record → symptoms → prescriptions → trials → report.

- `script`: what is examined, its sources, how much of it, and what is changed in it; `source` edits its text.
- `run`: its process; `sandbox` keeps that apart, `observing` hooks it, `reading` follows its steps, `tape` records its
  loss as a function, `probes` measure.
- `record`: what was measured, as typed facts and series; `redaction` keeps secrets out; `course` reads off it how the
  training went.
- `symptoms`: one problem a file; `canon` is the list of all, with what helps; `doses` says how much of it.
- `remedies`: one edit of the script a file; `trials` re-run the script with them; `report` tells what came of it.
- `commands`: what the command line offers beside the walk; `callbacks`: the same for trainers of other frameworks.
"""
