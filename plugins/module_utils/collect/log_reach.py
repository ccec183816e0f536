# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far kernel logs reach back, alone and together.

An empty answer is worth something only when the log is known to reach back over the whole window.
"""

from __future__ import annotations

import re
from typing import Dict, List, NamedTuple, Optional, Sequence

from ..host import ABSENT, DENIED, OK
from ..parse import kmsg

BOOT_SLACK_S = 60  # the first message of a boot is this close to the boot at the latest
FIRST_MESSAGE = re.compile(r"Linux version |Booting Linux on physical CPU ")
SAME_S = 120  # a line of the ring buffer is the journal's when text and time agree so far
DRIFT = 1e-4  # by which the ring buffer's clock may be off, in seconds a second


class Log(NamedTuple):
    """A log as one source gave it; complete from ``from_at`` on (seconds since the epoch), if that can be said."""

    source: str
    state: str
    detail: str = ""
    lines: Sequence[kmsg.Line] = ()
    from_at: Optional[float] = None
    truncated: bool = False

    @property
    def useful(self) -> bool:
        """Say whether anything can be learned from it."""
        return self.state == OK and (bool(self.lines) or self.from_at is not None)

    @property
    def said(self) -> str:
        """What became of reading it, in words."""
        return f"{self.state}: {self.detail}" if self.detail else "no lines" if self.state == OK else self.state


class Clock(NamedTuple):
    """The times that matter, in seconds since the epoch, and the id of the running boot."""

    now: float
    booted_at: Optional[float]
    window_s: int
    boot: Optional[str] = None

    @property
    def start(self) -> float:
        """Where the window begins."""
        return self.now - self.window_s


class Reach(NamedTuple):
    """What some logs tell together: their lines, and how many seconds of the window they are complete for."""

    sources: Sequence[Log]
    lines: Sequence[kmsg.Line]
    covered_s: Optional[int]
    complete: bool

    @property
    def source(self) -> str:
        """The names of the sources."""
        return ", ".join(log.source for log in self.sources)

    @property
    def from_at(self) -> Optional[float]:
        """From when on something is known, in seconds since the epoch."""
        return min((log.from_at for log in self.sources if log.from_at is not None), default=None)

    @property
    def truncated(self) -> bool:
        """Say whether lines of the window are missing for their number."""
        return not self.complete and any(log.truncated for log in self.sources)


def together(logs: Sequence[Log], clock: Clock) -> Reach:
    """Return what the useful ones of some logs, the journal first, tell together."""
    useful = [log for log in logs if log.useful]
    journal = logs[0]
    alone = journal.useful or journal.state == ABSENT  # no journal at all holds nothing about earlier boots either
    covered = [_covered_s(log, clock, alone if log is not journal else True, journal) for log in useful]
    known = [seconds for seconds in covered if seconds is not None]
    complete = clock.window_s in known
    return Reach(useful, _lines(useful, clock), max(known, default=None), complete)


def _covered_s(log: Log, clock: Clock, whole_boot_counts: bool, journal: Log) -> Optional[int]:
    """Return how many seconds of the window a log is complete for.

    A log that holds the whole of a young boot has all of the window, unless there is a journal that ought to know
    what was before and does not say it. A journal that was started late dates the whole boot at its own start: there
    the kernel's first message tells.
    """
    if log.truncated or log.from_at is None:
        return None
    first = log.lines[0] if log.lines else None
    whole_boot = clock.booted_at is not None and log.from_at <= clock.booted_at + BOOT_SLACK_S
    whole_boot = whole_boot or bool(first and first.boot in (None, clock.boot) and FIRST_MESSAGE.match(first.text))
    if whole_boot and log is not journal and journal.state == OK:
        whole_boot_counts = False  # the journal lost its beginning, earlier boots with it
    if log.from_at <= clock.start or (whole_boot and whole_boot_counts):
        return clock.window_s
    return max(0, int(clock.now - log.from_at))


def _lines(logs: Sequence[Log], clock: Clock) -> List[kmsg.Line]:
    """Return the lines of the window, those that several logs have once, oldest first."""
    found: List[kmsg.Line] = []
    slack = SAME_S + DRIFT * max(0.0, clock.now - (clock.booted_at if clock.booted_at is not None else clock.now))
    for log in logs:
        inside = [line for line in log.lines if line.at is None or line.at >= clock.start]
        if not found:
            found = inside
            continue
        times: Dict[str, List[Optional[float]]] = {}
        for line in found:
            times.setdefault(line.text, []).append(line.at)
        found = found + [line for line in inside if not _among(line.at, times.get(line.text, ()), slack)]
    return sorted(found, key=lambda line: clock.start if line.at is None else line.at) if len(logs) > 1 else found


def _among(at: Optional[float], times: Sequence[Optional[float]], slack: float) -> bool:
    return any(at is None or other is None or abs(at - other) <= slack for other in times)


def shortcoming(reach: Reach, logs: Sequence[Log], clock: Clock) -> str:
    """Say why the window is not known as a whole."""
    if not reach.sources:
        return f"the kernel log could not be read ({refusal(logs).said})"
    if reach.truncated and reach.covered_s is None:
        return "not all lines of the window were seen: there are more than are read, or the answer was cut off"
    if reach.covered_s is None:
        return "it cannot be said how far back this log reaches"
    return f"the log reaches back {reach.covered_s} s of the {clock.window_s} s that were asked for"


def refusal(logs: Sequence[Log]) -> Log:
    """Return the log whose refusal tells most."""
    return next((log for log in logs if log.state == DENIED), logs[0])
