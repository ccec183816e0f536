# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The configuration files of a release: written beside their place before anything is stopped, renamed into it after.

So a full disk is noticed while the service still runs, and going back needs no space either.
"""

from __future__ import annotations

import contextlib
import functools
import grp
import os
import pwd
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence

from . import Refused, disk
from .sections import MODE

File = Mapping[str, Any]  # dest, content, mode (octal text), owner, group
WRITABLE = "Make its folder, make room in it, or name another dest in config of the service"


def staged(release: str, dest: str) -> str:
    """Return where a file waits."""
    folder, name = os.path.split(real(dest))
    return os.path.join(folder, f".{name}.{release}")


def real(dest: str) -> str:
    """Return the file itself: a link that leads to it stays one."""
    return os.path.realpath(dest)


def stage(release: str, files: Sequence[File], new: bool, reserve: Optional[str] = None) -> None:
    """Write each file beside its place, a ``new`` one also into it; raise :class:`Refused` where it cannot.

    With ``reserve``, what is in its place already needs no space, and the file ``reserve`` is given up on a full disk.
    """
    try:
        for file in files:
            if not reserve or not is_current(file):
                disk.spared(reserve, functools.partial(_put, staged(release, file["dest"]), file))
            if new and not os.path.lexists(real(file["dest"])):  # nobody reads it yet, and a mount of it must find it
                _put(real(file["dest"]), file)
    except (OSError, KeyError, ValueError) as error:
        unstage(release, files)
        raise Refused(f"configuration cannot be written: {error}", WRITABLE) from error


def unstage(release: str, files: Sequence[File]) -> None:
    """Remove what waits beside its place."""
    for file in files:
        with contextlib.suppress(OSError):  # what cannot be reached now does no harm, and its name says whose it is
            disk.remove(staged(release, file["dest"]))


def activate(release: str, files: Sequence[File]) -> None:
    """Put each file into its place."""
    for file in files:
        if is_current(file):
            continue
        waiting = staged(release, file["dest"])
        if not os.path.exists(waiting):
            _put(waiting, file)
        os.rename(waiting, real(file["dest"]))
        disk.sync(os.path.dirname(waiting))


def restore(release: str, before: Sequence[File]) -> None:
    """Put files back to what they were before a release came: content ``None`` was no file."""
    for file in before:
        if file["content"] is None:
            disk.remove(real(file["dest"]))
        else:
            activate(release, [file])


def snapshot(dests: Sequence[str]) -> List[Dict[str, Any]]:
    """Return what is at these places now, for :func:`restore`; raise :class:`Refused` for what is no text."""
    return [_as_it_is(dest) for dest in dests]


def _as_it_is(dest: str) -> Dict[str, Any]:
    try:
        with open(dest, encoding="utf-8") as handle:
            content = handle.read()
        told = os.stat(dest)
    except FileNotFoundError:
        return {"dest": dest, "content": None}
    except (OSError, ValueError) as error:
        raise Refused(
            f"{dest} cannot be kept for the way back: {error}", "Move it away, or make a text of it that root can read"
        ) from error
    owner = {"owner": str(told.st_uid), "group": str(told.st_gid)}
    return {"dest": dest, "content": content, "mode": f"{told.st_mode & 0o7777:04o}", **owner}


def is_current(file: File) -> bool:
    """Whether a file has this content, mode and owner already."""
    try:
        with open(file["dest"], "rb") as handle:
            same = handle.read() == str(file["content"]).encode("utf-8")
        told = os.stat(file["dest"])
    except OSError:
        return False  # not there, or not to be read: it is written anew
    owner = (uid(file["owner"]), gid(file["group"]), int(str(file["mode"]), 8))
    return same and (told.st_uid, told.st_gid, told.st_mode & 0o7777) == owner


def _put(path: str, file: File) -> None:
    disk.put(
        path, str(file["content"]).encode("utf-8"), int(str(file["mode"]), 8), uid(file["owner"]), gid(file["group"])
    )


def unusable(file: File) -> str:
    """Say what is wrong with mode, owner or group of a file."""
    if not re.fullmatch(MODE, str(file["mode"])):
        return f"'{file['mode']}' is no mode, such as \"0640\""
    try:
        uid(file["owner"])
        gid(file["group"])
    except KeyError as error:
        return str(error.args[0])
    return ""


def uid(name: Any) -> int:
    """Return the number of a user; raise ``KeyError``."""
    return int(name) if str(name).isdigit() else pwd.getpwnam(str(name)).pw_uid


def gid(name: Any) -> int:
    """Return the number of a group; raise ``KeyError``."""
    return int(name) if str(name).isdigit() else grp.getgrnam(str(name)).gr_gid
