# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far a run is, told now and then while it goes on: hosts done, how many are not ready, how long it may still take.

Workers share one file to which each appends one letter per host. Where a letter lands is how many hosts are done, the
letters are the verdicts, so that nobody has to lock, list or read records. A line is due after ``EVERY_S`` seconds and
at the end; it is plain text on a line of its own, as it also goes into the logs of schedulers.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from .report.text import plain
from .rundir import EXPECTED, RunDirectory

FILE = "progress"
TOLD = "progress-told"  # its age is how long ago the last line was told
EVERY_S = 10
LETTERS = {"ready": b"r", "degraded": b"d", "not_ready": b"n", "unknown": b"u"}
SHOWN = 200


def note(run: RunDirectory, record: Mapping[str, Any], total: int, every_host: bool = False) -> str | None:
    """Count a host whose record was kept, and return the line that is due, if any; with ``every_host`` one always is.

    Progress is a convenience: where it cannot be written nothing is said.
    """
    try:
        done = _count(run, LETTERS.get(record["verdict"], b"u"))
        if every_host:
            return f"{_line(run, done, total)}: {_host(record)}"
        return _line(run, done, total) if total > 1 and (done == total or _is_due(run)) else None
    except OSError:
        return None


def forget(run: RunDirectory) -> None:
    """Remove what was only of use while the run went on."""
    for name in (FILE, TOLD):
        (run.path / name).unlink(missing_ok=True)


def _count(run: RunDirectory, letter: bytes) -> int:
    handle = os.open(run.path / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, letter)
        return os.lseek(handle, 0, os.SEEK_CUR)
    finally:
        os.close(handle)


def _is_due(run: RunDirectory) -> bool:
    path = run.path / TOLD
    if not path.exists():
        path.touch()
        return False
    due = time.time() - path.stat().st_mtime >= EVERY_S
    if due:
        os.utime(path)
    return due


def _line(run: RunDirectory, done: int, total: int) -> str:
    counts = Counter((run.path / FILE).read_bytes())
    bad = {"not ready": counts[ord("n")], "unknown": counts[ord("u")]}
    took = max(0.0, time.time() - (run.path / EXPECTED).stat().st_mtime)
    end = f"after {_long(took)}" if done >= total else f"about {_long(took / done * (total - done))} left"
    return f"muster: {done} of {total} hosts, " + ", ".join(f"{n} {word}" for word, n in bad.items()) + f", {end}"


def _long(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _host(record: Mapping[str, Any]) -> str:
    found = next((row["message"] for row in record["results"] if row["status"] in ("fail", "unknown")), None)
    why = record.get("reason") or found
    verdict = f"{record['name']} is {record['verdict'].replace('_', ' ')}"
    return plain(f"{verdict}: {why}" if why else verdict, SHOWN)
