# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that are whole: written beside their place and moved there, read in one go from the very file that was opened.

What a killed run left half written is a draft by its name, and the next run removes it.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

PRIVATE = 0o600  # what machines showed: for this user alone
SHARED = 0o666  # what people hand on; both are narrowed by the umask
LIMIT = 16 << 20  # bytes that a file which somebody wrote may have
FORGOTTEN_S = 86400  # a draft of another machine, which may still be at it, is given up after that
_DRAFT = re.compile(r"\..*\.([0-9A-Za-z_-]*)\.(\d+)\.[0-9a-f]{8}\.draft", re.DOTALL)


def content(path: Path, limit: int = LIMIT) -> bytes:
    """Return the bytes of a regular file; raise ``OSError`` for anything else, and for more than ``limit`` bytes.

    A pipe or a device that stands in its place is refused, and never waited for.
    """
    with opened(path) as (handle, size):
        if size > limit:
            raise OSError(f"{path}: has more than {limit >> 20} MiB")
        return taken(handle, limit)


def taken(handle: int, limit: int) -> bytes:
    """Return what an open file holds from where it stands; raise ``OSError`` for more than ``limit`` bytes."""
    data = bytearray()
    while piece := os.read(handle, 1 << 20):
        data += piece
        if len(data) > limit:
            raise OSError(f"has more than {limit >> 20} MiB")
    return bytes(data)


@contextlib.contextmanager
def opened(path: Path, more: int = 0) -> Iterator[tuple[int, int]]:
    """Open a regular file once and yield its handle and its size in bytes; ``more`` are flags of ``os.open``."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | more)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path}: is no regular file")
        yield handle, found.st_size
    finally:
        os.close(handle)


def draft(path: Path, data: bytes, mode: int) -> Path:
    """Write what is to become ``path`` beside it, bring it to the disk, and return where it lies."""
    new = path.with_name(draft_name(path.name))
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with open(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    return new


def replace(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Write a file so that it is either the old or the new one, whole, whatever happens meanwhile."""
    new = draft(path, data, mode)
    try:
        os.replace(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def settle(folder: Path) -> None:
    """Bring what was moved in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def draft_name(name: str) -> str:
    """Return a name for a draft of ``name`` that nobody else takes, and that tells whose it is."""
    return f".{name[:80]}.{_here()}.{os.getpid()}.{secrets.token_hex(4)}.draft"


def sweep(*folders: Path) -> None:
    """Remove the drafts in these folders that nobody will finish."""
    for folder in folders:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if _is_left(entry):
                    with contextlib.suppress(OSError):
                        os.unlink(entry.path)


def _is_left(entry: os.DirEntry[str]) -> bool:
    found = _DRAFT.fullmatch(entry.name)
    if not found or entry.is_dir(follow_symlinks=False):
        return False
    if found[1] == _here():
        return not _lives(int(found[2]))
    return time.time() - entry.stat(follow_symlinks=False).st_mtime > FORGOTTEN_S


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _here() -> str:
    return re.sub(r"[^0-9A-Za-z_-]+", "-", socket.gethostname())[:40]
