# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who works on a service: one at a time, with a name and an end.

The holder keeps a lock on a file of its own, which the kernel frees when it dies: what a dead holder left is taken over
at once. A holder that lives and does not go on loses its lease when it expires, and finds that out before its next
step, because the token is no longer its own. Expiry is counted on the clock that nobody can set back.
"""

from __future__ import annotations

import fcntl
import glob
import os
import secrets
import time
from typing import Any, Dict, Optional

from . import clock, disk

MUTEX_S = 5.0
WAIT = (
    "Run again when it has ended: a deploy that was cancelled notices within seconds that its controller is gone, and "
    "goes back by itself"
)
PARTS = {"owner", "run_id", "since", "until", "token", "boot", "until_monotonic"}


class Held(Exception):
    """Somebody else works on this service. The text says who, since when and until when."""


class Lost(Exception):
    """The lease expired and was taken over."""


class Lease:
    """The lease of one service in its folder of state."""

    def __init__(self, folder: str, seconds: float):
        self._folder, self._seconds = folder, max(1.0, float(seconds))
        self._path = os.path.join(folder, "lease.json")
        self._lock = -1
        self._mine: Dict[str, Any] = {}
        self.left_behind: Optional[Dict[str, Any]] = None  # the lease of a holder that died or expired

    def take(self, owner: str, run_id: str) -> None:
        """Take the lease or raise :class:`Held`."""
        with _Mutex(os.path.join(self._folder, "lease.mutex")):
            found = _read(self._path)
            if found and not expired(self._folder, found):
                raise Held(
                    f"{found['owner'] or 'somebody'} works on it (run {found['run_id'] or 'without a name'})"
                    f" since {found['since']}, until {found['until']} unless renewed. {WAIT}"
                )
            self.left_behind = found
            for left in glob.glob(_lock_path(self._folder, "*")):
                disk.remove(left)
            token = secrets.token_hex(8)
            self._lock = _locked(_lock_path(self._folder, token))
            self._mine = {"owner": owner, "run_id": run_id, "since": clock.now(), "token": token, "pid": os.getpid()}
            self._write(self._seconds)

    def renew(self, seconds: float = 0.0) -> None:
        """Hold on for ``lease_s`` more, or ``seconds`` if a step takes longer; raise :class:`Lost`."""
        with _Mutex(os.path.join(self._folder, "lease.mutex")):
            self._own()
            try:
                self._write(max(self._seconds, seconds))
            except OSError as error:
                if error.errno not in disk.FULL:
                    raise
                # it is still ours, for as long as it was; nothing must fail now because it could not be longer

    @property
    def held(self) -> bool:
        """Whether it was taken, and not given back."""
        return self._lock >= 0

    def assure(self) -> None:
        """Raise :class:`Lost` when the lease was taken over; nothing is written."""
        self._own()

    def release(self) -> None:
        """Give the lease back, if it is still held."""
        if self._lock < 0:
            return
        with _Mutex(os.path.join(self._folder, "lease.mutex")):
            try:
                self._own()
                disk.remove(self._path)
            except Lost:
                pass
            disk.remove(_lock_path(self._folder, self._mine["token"]))
            os.close(self._lock)
            self._lock = -1

    def _own(self) -> None:
        found = _read(self._path)
        if not found or found["token"] != self._mine.get("token"):
            raise Lost(
                f"the lease expired and {found['owner'] if found else 'somebody'} took it over: nothing more was done. "
                "See what the other run came to before you run again"
            )

    def _write(self, seconds: float) -> None:
        ends = {"until": clock.now(seconds), "boot": clock.boot(), "until_monotonic": time.monotonic() + seconds}
        disk.write(self._path, disk.text(dict(self._mine, **ends)))


def shown(folder: str) -> Optional[Dict[str, Any]]:
    """Return who holds the lease of a service, ``None`` when nobody does."""
    found = _read(os.path.join(folder, "lease.json"))
    if not found:
        return None
    told = {key: found[key] for key in ("owner", "run_id", "since", "until")}
    return dict(told, expired=expired(folder, found))


def expired(folder: str, found: Dict[str, Any]) -> bool:
    """Whether a lease may be taken over: its holder is dead, or its time is up."""
    if found["boot"] != clock.boot() or time.monotonic() >= found["until_monotonic"]:
        return True
    try:
        handle = os.open(_lock_path(folder, found["token"]), os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def _read(path: str) -> Optional[Dict[str, Any]]:
    hint = "Remove it if nobody works on the service"
    try:
        found = disk.read(path)
    except disk.Damaged as error:
        raise disk.Damaged(f"{error}. {hint}") from error
    if found is not None and not (isinstance(found, dict) and set(found) >= PARTS):
        raise disk.Damaged(f"{path} is damaged: it is no lease. {hint}")
    return found


def _lock_path(folder: str, token: str) -> str:
    return os.path.join(folder, f"lease.{token}.lock")


def _locked(path: str) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, disk.SECRET)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


class _Mutex:
    """Held for the moment of one change only."""

    def __init__(self, path: str):
        self._path, self._handle = path, -1

    def __enter__(self) -> None:
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, disk.SECRET)
        give_up = time.monotonic() + MUTEX_S
        while True:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= give_up:
                    os.close(self._handle)
                    raise Held(f"somebody changes its lease at this moment and does not finish. {WAIT}") from None
            time.sleep(0.02)

    def __exit__(self, *unused: Any) -> None:
        os.close(self._handle)
