"""Make the changed scripts that `descend prove` compares: from settings, patches, a git revision or other scripts."""

import re
from collections.abc import Sequence
from dataclasses import replace

from descend.core.control_characters import shortened
from descend.core.errors import UsageError
from descend.doctor.changes.from_patch import apply_patch_file
from descend.doctor.changes.from_revision import at_revision, find_revision
from descend.doctor.changes.from_script import with_other_script
from descend.doctor.changes.settings import change_message, find_setting, set_setting
from descend.doctor.prove.result import ChangedScript
from descend.doctor.script.script import Script
from descend.doctor.script.source_snapshot import SourceSnapshot


def changed_scripts(
    script: Script, patches: Sequence[str], against: str | None, others: Sequence[str], settings: Sequence[str]
) -> tuple[Script, list[ChangedScript]]:
    """Return the unchanged script, and the changed one for each option. Raise `UsageError` for a wrong option."""
    script = replace(script, sources=SourceSnapshot())
    changes = [ChangedScript(file, apply_patch_file(script, file)) for file in patches]
    changes += [ChangedScript(file, with_other_script(script, file)) for file in others]
    changes += [_with_settings(script, text) for text in settings]
    if against is None:
        return script, changes
    if changes:
        raise UsageError("--against cannot be combined with --patch, --with and --set: it compares all files")
    revision = find_revision(script, against)
    old = at_revision(script, revision)
    now = {file: script.read(file) for file in old.edits if script.has_file(file)}
    return old, [ChangedScript(f"the change since {revision}", replace(script, edits=now))]


def _with_settings(script: Script, text: str) -> ChangedScript:
    """Return the script with the settings of one `--set`, such as `lr=3e-4,batch_size=64`."""
    changed, messages, names = script, [], []
    for assignment in re.split(r",(?=[^,=]+=)", text):
        name, equals, value = assignment.partition("=")
        if not (equals and name.strip() and value.strip()):
            raise UsageError(f"--set must be NAME=VALUE, such as lr=3e-4, not {shortened(text)}")
        found = find_setting(changed, name.strip())
        messages.append(change_message(changed, found, value))
        names.append(found.name)
        changed = set_setting(changed, name.strip(), value)
    return ChangedScript("; ".join(messages), changed, names[0] if len(names) == 1 else "")
