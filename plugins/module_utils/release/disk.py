# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that are whole or as they were, whatever dies in between: written beside, synced, renamed, folder synced."""

from __future__ import annotations

import errno
import json
import os
import stat
from typing import Any, Callable, Iterator, Optional

SECRET = 0o600
FULL = (errno.ENOSPC, errno.EDQUOT)
RESERVE_BYTES = 256 * 1024  # more than journal, history, audit line and the longest wait's renewals ever need at once


class Damaged(Exception):
    """A file is there and cannot be what was written. ``way_out`` says what to do about it."""

    def __init__(self, why: str, way_out: str = ""):
        super().__init__(why)
        self.way_out = way_out


def folder(path: str, mode: int = 0o700) -> None:
    """Make a folder and those above it, and make sure that a crash does not lose them."""
    if os.path.isdir(path):
        return
    folder(os.path.dirname(path) or "/", 0o755)
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        if os.path.isdir(path):
            return
        raise OSError(errno.ENOTDIR, "is a file, or a link that leads nowhere", path) from None
    sync(os.path.dirname(path))


def untrusted(path: str) -> str:
    """Say which folder above ``path``, or itself, somebody else may replace: everything below is theirs then."""
    for place in dict.fromkeys([*_upwards(os.path.abspath(path)), *_upwards(os.path.realpath(path))]):
        try:
            found = os.lstat(place)
        except OSError:
            continue
        if found.st_uid not in (0, os.geteuid()):
            return f"{place} belongs to the user {found.st_uid}"
        if stat.S_ISDIR(found.st_mode) and found.st_mode & 0o1002 == 0o002:
            return f"everybody may write to {place}"
    return ""


def _upwards(path: str) -> Iterator[str]:
    while path != "/":
        yield path
        path = os.path.dirname(path)


def sync(path: str) -> None:
    """Bring a folder's entries to the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def put(path: str, data: bytes, mode: int = SECRET, owner: int = -1, group: int = -1) -> None:
    """Write ``data`` to exactly ``path`` and to the disk; what was there is overwritten, what fails is removed."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, SECRET)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]
        os.fchown(handle, owner, group)
        os.fchmod(handle, mode)
        os.fsync(handle)
    except OSError as error:
        os.close(handle)
        remove(path)
        raise named(error, path) from error
    os.close(handle)


def named(error: OSError, path: str) -> OSError:
    """Return an error that says which file it is about: a write that fails does not say so by itself."""
    return error if error.filename or error.errno is None else OSError(error.errno, error.strerror, path)


def spared(reserve: Optional[str], does: Callable[[], Any]) -> Any:
    """Return what ``does`` returns. On a full disk the file ``reserve`` is given up, and it is done once more."""
    try:
        return does()
    except OSError as error:
        if error.errno not in FULL or not reserve or not remove(reserve):
            raise
        return does()


def write(path: str, data: bytes, mode: int = SECRET, reserve: Optional[str] = None) -> None:
    """Replace a file at once. On a full disk the file ``reserve`` is given up for it."""
    beside = f"{path}.new"
    spared(reserve, lambda: put(beside, data, mode))
    os.rename(beside, path)
    sync(os.path.dirname(path))


def remove(path: str) -> bool:
    """Remove a file and say whether it was there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    sync(os.path.dirname(path))
    return True


def hold(path: str, size: int = RESERVE_BYTES) -> None:
    """Keep ``size`` bytes of the disk for later; raise ``OSError`` when they are not to be had."""
    if os.path.exists(path) and os.stat(path).st_blocks * 512 >= size:
        return
    put(path, b"\0" * size)  # written, not promised: not every file system can promise


def text(data: Any) -> bytes:
    """Return data as JSON for people and programs."""
    return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode("utf-8")


def read(path: str) -> Any:
    """Return what a JSON file holds, ``None`` when it is absent; raise :class:`Damaged`."""
    try:
        with open(path, "rb") as handle:
            return json.loads(handle.read().decode("utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise Damaged(f"{path} is damaged: {error}") from error
