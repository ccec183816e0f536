# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a container keeps its data in, and what of it another container would not find."""

from __future__ import annotations

import os
import posixpath
import re
from typing import Any, List, Mapping, Optional, Sequence

from .kinds.base import Lost

ANONYMOUS = re.compile(r"[0-9a-f]{64}")
# Not data: what the kernel and the machine make anew, and sockets of services beside it.
PASSING = ("/dev", "/proc", "/sys", "/run", "/var/run")
# Written by every program, and expected to be gone after a restart.
SCRATCH = ("/tmp", "/var/tmp", "/run", "/var/run", "/dev", "/proc", "/sys", "/etc/mtab", "/etc/hosts", "/etc/hostname",
           "/etc/resolv.conf", "/root/.ash_history", "/root/.bash_history")  # fmt: skip
DELETED = 2
SHOWN = 8
INHERITED = ""  # of a target: the engine takes over what lies there


def lost(old: Sequence[Mapping[str, Any]], new: Mapping[str, str]) -> List[Lost]:
    """Return the data of a container's mounts that another one would not find at the same path.

    ``old``: its mounts as an engine lists them. ``new``: the source (a path or the name of a volume) at each path of
    the other one, ``INHERITED`` for the same as now.
    """
    targets = {posixpath.normpath(target): source for target, source in new.items()}
    found = []
    for mount in old:
        target = posixpath.normpath(str(mount.get("Destination") or ""))
        if not _keeps(mount) or (target in targets and _is(mount, targets[target])) or not _holds(mount):
            continue
        found.append(Lost(target, _what(mount), str(mount.get("Source") or "")))
    return sorted(found)


def of_container(found: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what lies where in a container that is there already, as :func:`lost` takes it."""
    return {str(mount.get("Destination")): _source(mount) for mount in found.get("Mounts") or []}


def anonymous(found: Mapping[str, Any]) -> List[Lost]:
    """Return the data that only this container knows: its volumes without a name."""
    return [
        Lost(str(mount.get("Destination")), _what(mount), str(mount.get("Name")))
        for mount in found.get("Mounts") or []
        if _is_anonymous(mount) and _keeps(mount) and _holds(mount)
    ]


def written(changes: Any, mounts: Sequence[Mapping[str, Any]]) -> List[str]:
    """Return the files that a container wrote outside its mounts, as far as they are no scratch."""
    targets = [str(mount.get("Destination")) for mount in mounts]
    paths = [str(change.get("Path")) for change in changes or [] if change.get("Kind") != DELETED]
    above = {posixpath.dirname(path) for path in paths}
    return [
        path
        for path in sorted(paths)
        if path not in above and not any(_below(path, place) for place in (*SCRATCH, *targets))
        and not any(_below(target, path) for target in targets)
    ]  # fmt: skip


def shown(paths: Sequence[str]) -> str:
    """Say some paths in one line."""
    more = len(paths) - SHOWN
    return ", ".join(paths[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _keeps(mount: Mapping[str, Any]) -> bool:
    """Whether a mount is one that data is written to."""
    if mount.get("Type") not in ("volume", "bind") or mount.get("RW") is False:
        return False
    return mount["Type"] == "volume" or not any(_below(str(mount.get("Source")), place) for place in PASSING)


def _source(mount: Mapping[str, Any]) -> str:
    return str((mount.get("Name") if mount.get("Type") == "volume" else mount.get("Source")) or "")


def _is(mount: Mapping[str, Any], source: str) -> bool:
    here = _source(mount)
    if source in (INHERITED, here):
        return True
    return mount.get("Type") == "bind" and os.path.realpath(here) == os.path.realpath(source)


def _is_anonymous(mount: Mapping[str, Any]) -> bool:
    return mount.get("Type") == "volume" and ANONYMOUS.fullmatch(str(mount.get("Name"))) is not None


def _what(mount: Mapping[str, Any]) -> str:
    if _is_anonymous(mount):
        return f"the volume without a name {str(mount.get('Name'))[:12]}"
    return f"the volume {mount.get('Name')}" if mount.get("Type") == "volume" else f"the folder {mount.get('Source')}"


def _holds(mount: Mapping[str, Any]) -> bool:
    """Whether anything lies in it; what cannot be looked at may hold everything."""
    source: Optional[str] = mount.get("Source")
    if not source:
        return True
    failed: List[OSError] = []
    for unused, unused_too, files in os.walk(source, onerror=failed.append):
        if files:
            return True
    return os.path.isfile(source) or any(
        not isinstance(error, (FileNotFoundError, NotADirectoryError)) for error in failed
    )
