"""Turn another script into an edit: the same command, but the script's file has the text of the other file."""

from descend.core.errors import UsageError
from descend.doctor.changes.user_files import edit_source
from descend.doctor.script.notebook import is_notebook
from descend.doctor.script.script import Script, find_script


def with_other_script(script: Script, path: str) -> Script:
    """Return the script with the text of the file `path`; arguments, working directory and imports stay the same.

    The other text is also run at the place of the script, so it imports modules from the script's folder. The texts may
    be equal. Raises `UsageError` if `path` is not a script, or is a notebook and the script is none or has other cells.
    """
    other = find_script(path)
    if is_notebook(other.path) != is_notebook(script.path):
        first, second = ("a notebook" if is_notebook(file) else "a script" for file in (script.path, other.path))
        raise UsageError(f"{script.path.name} is {first} and {path} is {second}: compare two of one kind")
    return edit_source(script, script.path, other.read(other.path), path)
