"""`descend doctor`, as the exam asks it: `python clinic/tools/descend.py SCRIPT` prints findings and patch as JSON."""

import json
import subprocess
import sys

command = [sys.executable, "-m", "descend", "doctor", "--format", "json", sys.argv[1]]
done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
case = json.loads(done.stdout)


def said(found: list[dict]) -> list[dict]:
    """Return names, lines and sentences."""
    return [
        {"name": each["symptom"], "line": (each["where"] or {}).get("line"), "says": each["sentence"]} for each in found
    ]


print(
    json.dumps(
        {"findings": said(case["findings"]), "suspicions": said(case["suspicions"]), "patch": case["patch"]},
    )
)
