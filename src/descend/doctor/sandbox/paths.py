"""Follow a path component by component, as the kernel does."""

import errno
from os import readlink  # the original function, although `redirected_calls` replaces it later

_NOT_A_LINK = (errno.EINVAL, errno.ENOENT, errno.ENOTDIR)


def reversed_components(path: str) -> list[str]:
    """Return the names that a path consists of, the last one first."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def link_target(path: str) -> str | None:
    """Return the target of a symbolic link; None if the path is not a link or does not exist."""
    try:
        return readlink(path)
    except OSError as error:
        if error.errno in _NOT_A_LINK:
            return None
        raise
