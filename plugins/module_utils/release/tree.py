# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Digests of files and folders, archives into folders, and links that change at once."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from typing import Any, Callable, Iterator, Tuple

from . import StepFailed, disk

PIECE = 1 << 20


def digest(path: str) -> str:
    """Return ``sha256:…`` of a file, or of a folder: names, modes, links and contents; raise ``OSError``."""
    if not os.path.isdir(path):
        return f"sha256:{_of_file(path)}"
    whole = hashlib.sha256()
    for name, told in _entries(path):
        whole.update(f"{name}\0{told}\0".encode("utf-8", "surrogateescape"))
    return f"sha256:{whole.hexdigest()}"


def _entries(root: str) -> Iterator[Tuple[str, str]]:
    for folder, folders, names in os.walk(root, onerror=_raise):
        folders.sort()
        for name in sorted(names + folders):
            path = os.path.join(folder, name)
            shown = os.path.relpath(path, root)
            if os.path.islink(path):
                yield shown, f"link {os.readlink(path)}"
            elif os.path.isfile(path):
                yield shown, f"{os.stat(path).st_mode & 0o7777:o} {_of_file(path)}"
            else:
                yield shown, "folder"


def changed(root: str, since: float) -> Iterator[str]:
    """Yield the files below a folder that were written after a time (seconds since the epoch)."""
    for folder, unused, names in os.walk(root):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.lstat(path).st_mtime > since:
                yield path


def _raise(error: OSError) -> None:
    raise error


def _of_file(path: str) -> str:
    told = hashlib.sha256()
    with open(path, "rb") as handle:
        for piece in iter(lambda: handle.read(PIECE), b""):
            told.update(piece)
    return told.hexdigest()


def unpack(archive: str, folder: str, tick: Callable[[], None]) -> None:
    """Unpack a tar archive: the folder is there whole, or not at all."""
    beside = f"{folder}.new"
    shutil.rmtree(beside, ignore_errors=True)
    disk.folder(beside, 0o755)
    try:
        with tarfile.open(archive) as opened:
            opened.extraction_filter = getattr(tarfile, "tar_filter", None)  # not in every Python
            for member in opened:
                tick()
                _checked(member, archive)
                opened.extract(member, beside)
    except (OSError, tarfile.TarError) as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise StepFailed(f"{archive} cannot be unpacked: {error}") from error
    os.sync()
    os.rename(beside, folder)
    disk.sync(os.path.dirname(folder))


def _checked(member: Any, archive: str) -> None:
    """Refuse what would lead out of the folder."""
    places = [member.name] + ([os.path.join(os.path.dirname(member.name), member.linkname)] if member.issym() else [])
    places += [member.linkname] if member.islnk() else []
    if any(place.startswith("/") or os.path.normpath(place).split("/")[0] == ".." for place in places):
        raise StepFailed(f"{archive} holds {member.name}, which leads out of its folder")
    if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
        raise StepFailed(f"{archive} holds {member.name}, which is a device or a pipe")


def link(path: str, target: str) -> None:
    """Make or change a link at once."""
    beside = f"{path}.new"
    if os.path.lexists(beside):
        os.unlink(beside)
    os.symlink(target, beside)
    os.rename(beside, path)
    disk.sync(os.path.dirname(path))
