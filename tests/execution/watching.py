"""Watch a script as `descend watch` does and exit with its status: `python watching.py [-m] SCRIPT ARGUMENTS`."""

import sys

from descend.doctor.execution.launch import new_record, run
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import find_script

as_module = sys.argv[1] == "-m"
target, *arguments = sys.argv[1 + as_module :]
plan = Plan(role="watch")
script = find_script(target, tuple(arguments), as_module=as_module)
record = run(script, plan, new_record(script, plan))
assert not [note for note in record.notes if note.probe == "observer"], record.notes
sys.exit(record.ending.status)
