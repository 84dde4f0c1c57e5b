"""A table of the functions of `os` that act on files: which of their arguments are paths, and what the call does there.

The functions' wrappers (`redirected_calls`) and the checks of their audit events (`file_effects`) use it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PathArgument:
    """A path among the arguments of a function, and what the call does to the file at this path."""

    position: int  # position of the path among the arguments of the function and of its audit event
    name: str
    kind: str = ""  # `kind` of the effect: "write", "delete", "rename"; "" if the file is only read
    folder: str = "dir_fd"  # name of the argument with the descriptor of a relative path's folder
    folder_position: int | None = None  # position of this descriptor among the arguments of the audit event
    follow: bool = True  # whether the call follows a link at the end of the path
    makes: bool = False  # whether the call creates the path, so that it fails if the path exists


def _changed(folder_position: int | None = None) -> tuple[PathArgument, ...]:
    """Return the path argument of a function that changes a file."""
    return (PathArgument(0, "path", "write", folder_position=folder_position),)


READ = (PathArgument(0, "path"),)
_MADE = (PathArgument(0, "path", "write", folder_position=2, follow=False, makes=True),)
DELETED = (PathArgument(0, "path", "delete", folder_position=1, follow=False),)
_RENAMED = (
    PathArgument(0, "src", "rename", "src_dir_fd", 2, follow=False),
    PathArgument(1, "dst", "write", "dst_dir_fd", 3, follow=False),
)
PATH_ARGUMENTS: dict[str, tuple[PathArgument, ...]] = {
    **dict.fromkeys(("stat", "access", "statvfs", "getxattr", "listxattr"), READ),
    **dict.fromkeys(("lstat", "readlink"), (PathArgument(0, "path", follow=False),)),
    "chmod": _changed(2),
    **dict.fromkeys(("chown", "utime"), _changed(3)),
    **dict.fromkeys(("truncate", "setxattr", "removexattr"), _changed()),
    **dict.fromkeys(("mkdir", "mkfifo", "mknod"), _MADE),
    **dict.fromkeys(("remove", "unlink", "rmdir"), DELETED),
    **dict.fromkeys(("rename", "replace"), _RENAMED),
    "link": (
        PathArgument(0, "src", "write", "src_dir_fd", 2),
        PathArgument(1, "dst", "write", "dst_dir_fd", 3, follow=False, makes=True),
    ),
    # The target of a link is only text. If the target is redirected, the link must lead to the redirected file.
    "symlink": (PathArgument(0, "src"), PathArgument(1, "dst", "write", folder_position=2, follow=False, makes=True)),
}
# The functions whose audit event has the same name and passes the paths at these positions.
_AUDITED = (
    "chmod",
    "chown",
    "link",
    "mkdir",
    "remove",
    "removexattr",
    "rmdir",
    "setxattr",
    "symlink",
    "truncate",
    "utime",
)
CHANGED_PATHS = {f"os.{name}": tuple(path for path in PATH_ARGUMENTS[name] if path.kind) for name in _AUDITED}
