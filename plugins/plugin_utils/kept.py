# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is dear to make and always the same, kept below Ansible's home directory from one run to the next."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from ansible import constants as C

from . import whole

LARGEST = 64 << 20  # bytes; a page's templates and the program for nodes have less than two million


def kept(name: str, made_from: str, make: Callable[[], bytes]) -> bytes:
    """Return what ``make`` makes, from disk when an earlier run made it from the same."""
    path = _folder() / f"{name}-{hashlib.sha256(made_from.encode()).hexdigest()[:24]}"
    found = _read(path)
    if found is not None:
        return found
    made = make()
    if _write(path, made):
        whole.sweep(path.parent)
        for older in path.parent.glob(f"{name}-*"):
            if older != path and not older.suffix:
                with contextlib.suppress(OSError):  # another user's: it only takes up room
                    older.unlink()
    return made


def recall(name: str) -> str | None:
    """Return what an earlier run remembered under a name: a hint, never to be relied on."""
    found = _read(_folder() / quote(name, safe=""))
    return None if found is None else found.decode("utf-8", "replace")


def remember(name: str, text: str) -> None:
    """Keep a hint for later runs, where that is possible."""
    _write(_folder() / quote(name, safe=""), text.encode())


def _folder() -> Path:
    return Path(C.config.get_config_value("ANSIBLE_HOME")).expanduser() / "muster"


def _write(path: Path, content: bytes) -> bool:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        whole.replace(path, hashlib.sha256(content).digest() + content)
    except OSError:
        return False  # it is made again next time
    return True


def _read(path: Path) -> bytes | None:
    """Return what is kept in a file of this user, if it is whole."""
    try:
        with whole.opened(path, os.O_NOFOLLOW) as (handle, unused):
            mine = os.fstat(handle).st_uid == os.getuid()
            found = whole.taken(handle, LARGEST) if mine else b""
    except OSError:
        return None
    digest, kept_bytes = found[:32], found[32:]
    return kept_bytes if hashlib.sha256(kept_bytes).digest() == digest else None
