"""Find the path in the scratch copy at which Python code reads or changes a file outside of the copy.

The scratch copy has a folder `files` that represents the root of the file system. A change of /data/model.pt is made in
files/data/model.pt instead: `copy_on_write` replaces the links on this path. Later reads of /data/model.pt find the
changed file there. Files that the run has not changed are read where they are. Redirection only exchanges names, and
the audit hook checks the new name like any other. So a change that is not redirected is refused.

At the level namespaces, the kernel keeps most changes in private layers. Two kinds of paths are redirected there, too:
those in the working directory, whose relative names lead to the copy, and those that no layer can change.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from descend.doctor.sandbox.copy_on_write import MAX_LINKS, CopyError, CopyOnWrite
from descend.doctor.sandbox.outside_effects import KERNEL_FOLDERS
from descend.doctor.sandbox.paths import link_target, reversed_components

_DELETED = "deleted"  # folder in the scratch copy with a marker for each original that the run has deleted

Change = tuple[str, str]  # the kind of an effect and its target
Report = Callable[[str, str], None]  # is called with an effect's kind and its target


@dataclass(frozen=True)
class Location:
    """A path outside the scratch copy, with links resolved as the run sees them."""

    path: str
    is_changed: bool  # whether the run's version is in the copy, or was deleted there
    hides_originals: bool = False  # whether the run has deleted the original folder, so that none of its entries remain
    by_new_link: bool = False  # whether the path led through a link that the run has made


_ROOT = Location("/", False)


class Redirection:
    """Redirects paths outside the scratch copy. Forked workers share the redirected files, other runs do not.

    root: the original working directory.
    by_kernel: function that returns whether the kernel keeps changes of a path in a private layer. None: it keeps none.
    """

    def __init__(
        self,
        files: str | os.PathLike[str],
        copies: CopyOnWrite,
        report: Report,
        root: str,
        by_kernel: Callable[[str], bool] | None = None,
    ) -> None:
        self._root, self._by_kernel = os.path.realpath(root), by_kernel
        self._files = os.path.realpath(files)
        self._deleted = os.path.join(os.path.dirname(self._files), _DELETED)
        self._copies, self._report = copies, report
        # The link in the copy that represents a folder outside of it or a parent; the folder's path contains no links.
        self._links: dict[str, str] = {}

    def is_known_unchanged(self, path: str) -> bool:
        """Return whether a path leads to an original file, if an earlier read of the same folder shows this quickly."""
        folder, _, name = path.rpartition("/")
        link = self._links.get(folder)
        if link is None or name in ("", ".", ".."):
            return False
        return link_target(self._files + link) == link and link_target(path) is None

    def report(self, changes: list[Change]) -> None:
        """Report redirected changes that have happened."""
        for kind, target in changes:
            self._report(kind, target)

    def path_for(
        self, path: str, changes: list[Change], kind: str = "", *, follow: bool = True, makes: bool = False
    ) -> str:
        """Return the path to use instead of `path`; this is often `path` itself.

        changes: list to which a redirected change is appended; it must be reported if the call succeeds.
        kind: `kind` of the effect ("write", "delete" or "rename"); "" if the file is only read.
        follow: whether a link at the end of the path is followed.
        makes: whether the call creates the path, so that it fails if the path exists.
        """
        location = self._locate_outside(path, follow)
        if location is None or ((location.is_changed or kind) and not self._is_redirected(location)):
            return path
        copy = self._files + location.path
        exists = location.is_changed and os.path.lexists(copy)
        if exists and kind and not makes:
            changes.append((kind, location.path))
        if exists or (location.is_changed and kind != "write"):
            return copy  # if the run has deleted the file, the call fails as it should
        unchanged = location.path if location.by_new_link else path
        if not kind:
            self._note_link(os.path.dirname(path), location)
            return unchanged
        if makes and not location.is_changed and os.path.lexists(location.path):
            return unchanged
        if not self._make_changeable(location, kind, makes):
            return unchanged
        changes.append((kind, location.path))
        return copy

    def folder_to_enter(self, path: str) -> str:
        """Return the path of the folder in the copy that the script must enter instead of a folder outside of it."""
        location = self._locate_outside(path, follow=True)
        if location is None or not (location.is_changed or os.path.isdir(location.path)):
            return path
        if not self._is_redirected(location):
            return path
        self._link_missing_parts(location.path)
        copy = self._files + location.path
        return copy if os.path.isdir(copy) else path

    def mark_deleted(self, path: str) -> None:
        """Note that the run has deleted or renamed a file or folder, so that its original is not seen any more."""
        original = self._original_path(path)
        if original is not None and os.path.lexists(original) and not os.path.lexists(self._files + original):
            os.makedirs(self._deleted, exist_ok=True)
            with open(self._marker(original), "w"):
                pass

    def entries(self, path: str) -> "list[os.DirEntry[str]] | None":
        """Return the entries of a folder as the run sees them; None if the run has not changed the folder."""
        location = self._locate_outside(path, follow=True)
        copy = "" if location is None else self._files + location.path
        if location is None or not location.is_changed or not os.path.isdir(copy) or os.path.islink(copy):
            return None
        with os.scandir(copy) as found:
            changed = {entry.name: entry for entry in found}
        if location.hides_originals or not os.path.isdir(location.path):
            return list(changed.values())
        with os.scandir(location.path) as found:
            kept = {entry.name: entry for entry in found if self._shows_original(entry, changed.get(entry.name))}
        added = {name: entry for name, entry in changed.items() if not self._is_original(location.path, entry)}
        return [*kept.values(), *(entry for name, entry in added.items() if name not in kept)]

    def _locate_outside(self, path: str, follow: bool) -> Location | None:
        """Return where an absolute path leads; None if it leads to a file that is not redirected."""
        location = self.locate(path, follow) if self._is_outside(path) else None
        return location if location is not None and self._is_outside(location.path) else None

    def locate(self, path: str, follow: bool) -> Location:
        """Return where an absolute path leads, with links resolved as the run sees them.

        The components are followed one by one. `inside` is true if the last folder is a real folder in the copy. Only
        there can the run have changed something.
        """
        waiting, links, parents, by_new_link = reversed_components(path), 0, [_ROOT], False
        while waiting:
            name = waiting.pop()
            if name == "..":
                parents = parents[:-1] or [_ROOT]
                continue
            folder = parents[-1]
            inside = folder.is_changed or folder is _ROOT
            here, is_followed = os.path.join(folder.path, name), follow or bool(waiting)
            target, original = link_target(self._files + here) if inside else None, link_target(here)
            if target is not None and target.removeprefix(self._files) not in (here, original):
                # The run has made or renamed this link. A link that it has renamed leads to an original file.
                if not is_followed or (target.startswith("/") and not target.startswith(self._files + "/")):
                    return Location("/".join([here, *reversed(waiting)]), True)
                by_new_link = True
            elif inside and target is None and os.path.lexists(self._files + here):
                parents.append(Location(here, True, folder.hides_originals or self._is_marked(here)))
                continue
            elif inside and target is None and (folder.hides_originals or self._is_marked(here)):
                return Location("/".join([here, *reversed(waiting)]), True, True)
            else:
                target = original
            if target is None or not is_followed:
                parents.append(Location(here, False))
                continue
            links += 1
            if links > MAX_LINKS:
                return Location(os.path.normpath(path), True)  # the links form a circle, so the call will fail
            waiting += reversed_components(target.removeprefix(self._files))
            if target.startswith("/"):
                parents = [_ROOT]
        return replace(parents[-1], by_new_link=by_new_link)

    def _note_link(self, folder: str, location: Location) -> None:
        """Note the link in the copy that represents a folder, if the folder's path contains no links."""
        here = ""
        for name in reversed(reversed_components(folder if os.path.dirname(location.path) == folder else "")):
            here = f"{here}/{name}"
            target = link_target(self._files + here)
            if target is not None:
                if target == here:
                    self._links[folder] = here
                return

    def _is_outside(self, path: str) -> bool:
        """Return whether an absolute path may be redirected: it is neither in the copy nor a file of the kernel."""
        is_kernels = (path + "/").startswith(KERNEL_FOLDERS)
        return path.startswith("/") and not is_kernels and not self._copies.is_writable_or_below(path)

    def _is_redirected(self, location: Location) -> bool:
        """Return whether changes of a path are made in the copy, and not by the kernel in a private layer."""
        path = location.path
        if self._by_kernel is None or (path + "/").startswith(self._root + "/") or not self._by_kernel(path):
            return True
        if location.is_changed and os.path.lexists(self._files + path) and not os.path.isdir(path):
            return True
        while not os.path.lexists(path):
            if os.path.lexists(self._files + path):
                return True  # the run has made this folder by a relative name, such as ../runs
            path = os.path.dirname(path)
        return False

    def _make_changeable(self, location: Location, kind: str, makes: bool) -> bool:
        """Prepare a path in the copy for a change; return False if the script's user may not make the change."""
        existing = location.path
        if kind == "write" and not makes and not location.is_changed and os.path.exists(existing):
            is_allowed = os.access(existing, os.W_OK) or os.stat(existing).st_uid == os.geteuid()
        elif kind != "write" and not os.path.lexists(existing):
            return False  # the file does not exist, so the script's call will fail
        else:
            while not os.path.lexists(existing := os.path.dirname(existing)):
                continue
            is_allowed = location.is_changed or os.access(existing, os.W_OK)
        if not is_allowed:
            return False
        self._link_missing_parts(location.path)
        if not location.is_changed and os.path.isdir(location.path) and not os.path.islink(location.path):
            # A link could be deleted or replaced like a file. A folder of links behaves like the original folder.
            with suppress(CopyError):
                self._copies.resolve_for_writing(self._files + location.path, follow=True)
        return True

    def _link_missing_parts(self, path: str) -> None:
        """Add the link of the first part of a path that is missing in the copy, such as an entry of a large folder."""
        here = ""
        for name in reversed(reversed_components(path)):
            here = f"{here}/{name}"
            if os.path.islink(self._files + here) or self._is_marked(here):
                return
            if not os.path.lexists(self._files + here):
                if os.path.lexists(here):
                    with suppress(FileExistsError):  # another worker of the run may have made the same link
                        os.symlink(here, self._files + here)
                return

    def _shows_original(self, entry: "os.DirEntry[str]", copied: "os.DirEntry[str] | None") -> bool:
        """Return whether the run sees an original entry of a folder, because it has neither changed nor deleted it."""
        if copied is None:
            return not self._is_marked(entry.path)
        target = link_target(copied.path)
        return target is not None and target.removeprefix(self._files) in (entry.path, link_target(entry.path))

    def _is_original(self, folder: str, copied: "os.DirEntry[str]") -> bool:
        """Return whether an entry of a folder in the copy is the link to the original entry, which may be deleted."""
        return link_target(copied.path) == os.path.join(folder, copied.name)

    def _original_path(self, path: str) -> str | None:
        """Return the path outside the copy for a path in the folder `files`; None for other paths in the copy."""
        folder, name = os.path.split(os.path.abspath(path))
        whole = os.path.join(os.path.realpath(folder), name)
        return whole.removeprefix(self._files) if whole.startswith(self._files + "/") else None

    def _is_marked(self, path: str) -> bool:
        """Return whether the run has deleted an original file or folder."""
        return os.path.lexists(self._marker(path))

    def _marker(self, path: str) -> str:
        """Return the path of the marker of a deleted file or folder."""
        return os.path.join(self._deleted, hashlib.sha256(os.fsencode(path)).hexdigest())
