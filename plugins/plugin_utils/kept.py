# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is dear to make and always the same, kept below Ansible's home directory from one run to the next."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from ansible import constants as C


def kept(name: str, made_from: str, make: Callable[[], bytes]) -> bytes:
    """Return what ``make`` makes, from disk when an earlier run made it from the same."""
    folder = Path(C.config.get_config_value("ANSIBLE_HOME")).expanduser() / "muster"
    path = folder / f"{name}-{hashlib.sha256(made_from.encode()).hexdigest()[:24]}"
    found = _read(path)
    if found is not None:
        return found
    made = make()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_bytes(hashlib.sha256(made).digest() + made)
        draft.rename(path)
        for older in folder.glob(f"{name}-*"):
            if older != path and not older.suffix:
                older.unlink(missing_ok=True)
    except OSError:
        pass  # it is made again next time
    return made


def _read(path: Path) -> bytes | None:
    """Return what is kept in a file of this user, if it is whole."""
    try:
        found = path.read_bytes() if path.stat().st_uid == os.getuid() else b""
    except OSError:
        return None
    digest, kept_bytes = found[:32], found[32:]
    return kept_bytes if hashlib.sha256(kept_bytes).digest() == digest else None
