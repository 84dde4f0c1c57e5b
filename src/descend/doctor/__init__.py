"""The doctor: from a training script to its problem and a proved fix.

`pipeline.py` is the whole consultation on one screen: script → run → record → symptoms → prescriptions → trials →
report.

- `script`: the training script, its sources, the budget of a consultation, and edits; `codemod` edits source text.
- `execution`: runs the script in a separate process; `sandbox` isolates it, `instrumentation` hooks torch, `tape`
  records a step so that it can be replayed, `measure` makes the measurements.
- `record`: all measurements of a run, as typed facts and series; `redaction` masks secrets; `assess` summarises the
  progress of the training.
- `symptoms`: one problem a file; `catalog` lists all problems with their remedies; `remedy_arguments` computes the
  arguments of a remedy.
- `remedies`: one edit of the script a file; `trials` runs the script with them; `report` shows the results.
- `commands`: the commands of the command line; `callbacks`: the same for trainers of other frameworks.
"""
