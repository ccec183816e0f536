# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the kernel said lately: the log of a window of time, from the best source that can be read, and its events.

Sources in turn: the journal (all boots), the ring buffer through dmesg, ``/dev/kmsg``, ``kern.log``. An empty answer
is worth something only when the log is known to reach back over the whole window, so that is worked out first.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ..host import ABSENT, DENIED, FAILED, OK, Asked, Command, Host
from ..parse import kernel_events, kmsg

WINDOW_S = 86400
LINE_LIMIT = 20000
JOURNAL_LIMIT = 16 << 20  # bytes: twice what 20,000 ordinary lines take
RING_LIMIT = 8 << 20
BOOT_SLACK_S = 60  # the first message of a boot is this close to the boot at the latest
FIRST_MESSAGE = re.compile(r"Linux version |Booting Linux on physical CPU ")

JOURNALCTL = ["journalctl", "_TRANSPORT=kernel", "-o", "json", "--output-fields=MESSAGE,PRIORITY", "--no-pager"]
KERN_LOG = "/var/log/kern.log"
CRASH_RECORDS = {
    "/sys/fs/pstore": r".+",
    "/var/lib/systemd/pstore": r".+",
    "/var/crash": r"\d{12}|[\w.:-]+-\d{4}-\d\d-\d\d-\d\d:\d\d:\d\d",  # kdump's; reports on programs lie here too
}


class Log(NamedTuple):
    """A log as one source gave it; complete from ``from_at`` on (seconds since the epoch), if that can be said."""

    source: str
    state: str
    detail: str = ""
    lines: Sequence[kmsg.Line] = ()
    from_at: Optional[float] = None
    truncated: bool = False


class Clock(NamedTuple):
    """The times that matter, in seconds since the epoch."""

    now: float
    booted_at: Optional[float]
    window_s: int

    @property
    def start(self) -> float:
        """Where the window begins."""
        return self.now - self.window_s


def wanted(profile: Mapping[str, Any]) -> Dict[str, Any]:
    """Return how far back the profile wants to look (``window_s``, seconds)."""
    stated = (profile.get("log") or {}).get("window_s")
    return {"window_s": stated if isinstance(stated, int) and stated > 0 else WINDOW_S}


def collect(host: Host, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the kernel log's events of the last ``window_s`` seconds and how far the log can be trusted."""
    asked = Asked(host)
    identity = host.identity()
    clock = Clock(identity["now"], _booted_at(asked, identity["now"]), wanted.get("window_s") or WINDOW_S)
    log = _read(asked, clock)
    boot = (asked.text("/proc/sys/kernel/random/boot_id") or "").replace("-", "") or None
    lines = [line for line in log.lines if line.at is None or line.at >= clock.start]
    covered_s = _covered_s(log, clock, boot)
    complete = log.state == OK and covered_s == clock.window_s and not log.truncated
    seen = kernel_events.events(lines, boot)
    if not complete:
        asked.fail(log.source, _shortcoming(log, covered_s, clock))
    iso = kernel_events.iso
    return {
        "source": log.source,
        "state": log.state,
        "window_s": clock.window_s,
        "covered_s": covered_s,
        "complete": complete,
        "from_at": iso(None if log.from_at is None else max(log.from_at, clock.start)),
        "to_at": iso(clock.now),
        "boot_id": boot,
        "booted_at": iso(clock.booted_at),
        "lines": len(lines) if log.state == OK else None,
        "truncated": log.truncated,
        "persistent": _persistent(asked),
        "crash_records": _crash_records(asked),
        "events": seen if log.state == OK else None,
        "found": kernel_events.found(seen, complete),
        "errors": asked.errors,
    }


def _booted_at(asked: Asked, now: float) -> Optional[float]:
    text = asked.text("/proc/uptime", required=True) or ""
    return now - float(text.split()[0]) if re.match(r"\d{1,12}(\.\d+)?\s", text) else None


def _read(asked: Asked, clock: Clock) -> Log:
    """Return the first source that answers with lines, else the one whose refusal tells most."""
    tried = []
    for source in (_journal, _ring, _kmsg, _kern_log):
        log = source(asked.host, clock)
        if log.state == OK and (log.lines or log.from_at is not None):
            return log
        tried.append(log)
    asked.errors += [{"source": log.source, "reason": _said(log)} for log in tried if log.state != ABSENT]
    return next((log for log in tried if log.state == DENIED), tried[0])


def _said(log: Log) -> str:
    return f"{log.state}: {log.detail}" if log.detail else "no lines" if log.state == OK else log.state


def _covered_s(log: Log, clock: Clock, boot: Optional[str]) -> Optional[int]:
    """Return how many seconds of the window the log is complete for; all of it when this boot is younger.

    A journal that was started late dates the whole boot at its own start: there the kernel's first message tells.
    """
    if log.state != OK or log.from_at is None:
        return None
    first = log.lines[0] if log.lines else None
    whole_boot = clock.booted_at is not None and log.from_at <= clock.booted_at + BOOT_SLACK_S
    whole_boot = whole_boot or bool(first and first.boot in (None, boot) and FIRST_MESSAGE.match(first.text))
    if log.from_at <= clock.start or whole_boot:
        return clock.window_s
    return max(0, int(clock.now - log.from_at))


def _shortcoming(log: Log, covered_s: Optional[int], clock: Clock) -> str:
    if log.state != OK:
        return f"the kernel log could not be read ({_said(log)})"
    if log.truncated:
        return "not all lines of the window were seen: there are more than are read, or the answer was cut off"
    if covered_s is None:
        return "it cannot be said how far back this log reaches"
    return f"the log reaches back {covered_s} s of the {clock.window_s} s that were asked for"


def _command(answer: Command, source: str) -> Optional[Log]:
    """Return why a command gave no log, or ``None`` when it did."""
    said = answer.stderr.decode("utf-8", "replace").strip()
    refused = re.search(r"insufficient permission|not seeing messages|not permitted|ermission denied", said)
    if refused and (answer.rc != 0 or not answer.stdout.strip()):
        return Log(source, DENIED, said.splitlines()[0][:200])
    if answer.state != OK and not (answer.truncated and answer.stdout):
        return Log(source, answer.state, answer.detail)
    if answer.state == OK and answer.rc != 0:
        state = ABSENT if "No journal files" in said else FAILED
        return Log(source, state, said[:200] or f"exit code {answer.rc}")
    return None


def _journal(host: Host, clock: Clock) -> Log:
    source = "journalctl"
    since = [f"--since=-{clock.window_s}s", f"--lines={LINE_LIMIT}", "--show-cursor"]
    answer = host.run(JOURNALCTL + since, timeout=20, limit=JOURNAL_LIMIT)
    if answer.state == OK and not (answer.stdout.strip() or answer.stderr.strip()):
        return _silent_journal(host, clock, source)
    hindrance = _command(answer, source)
    if hindrance:
        return hindrance
    lines = kmsg.journal(answer.stdout)
    strange = kmsg.foreign(answer.stdout)
    if strange and not lines:
        return Log(source, FAILED, f"{strange} lines, none of which is a journal entry")
    times = [line.at for line in lines if line.at is not None]
    truncated = answer.truncated or len(lines) >= LINE_LIMIT or bool(strange) or not kmsg.ended(answer.stdout)
    if truncated:
        return Log(source, OK, "", lines, min(times, default=None), True)
    before = host.run(JOURNALCTL + [f"--until=-{clock.window_s}s", "--lines=1"], timeout=20)
    # Journals lose their oldest entries first: an entry from before the window proves that none in it is gone.
    earlier = [line.at for line in kmsg.journal(before.stdout) if line.at is not None]
    return Log(source, OK, "", lines, min(earlier + times, default=None))


def _silent_journal(host: Host, clock: Clock, source: str) -> Log:
    """Return a window in which nothing was logged, when the newest entry of all is older than it."""
    answer = host.run([*JOURNALCTL, "--lines=1"], timeout=20)
    hindrance = _command(answer, source)
    if hindrance:
        return hindrance
    newest = max((line.at for line in kmsg.journal(answer.stdout) if line.at is not None), default=None)
    if newest is not None and newest >= clock.start:
        return Log(source, FAILED, "the journal has entries in this window and showed none of them")
    return Log(source, OK, from_at=newest)


def _ring(host: Host, clock: Clock) -> Log:
    answer = host.run(["dmesg", "-r"], timeout=10, limit=RING_LIMIT)
    hindrance = _command(answer, "dmesg")
    return hindrance or _since_boot("dmesg", kmsg.dmesg(answer.stdout, clock.booted_at), clock, answer.truncated)


def _kmsg(host: Host, clock: Clock) -> Log:
    answer = host.read("/dev/kmsg", RING_LIMIT)
    if answer.state != OK:
        return Log("/dev/kmsg", answer.state, answer.detail)
    return _since_boot("/dev/kmsg", kmsg.kmsg(answer.data, clock.booted_at), clock, answer.truncated)


def _since_boot(source: str, lines: List[kmsg.Line], clock: Clock, truncated: bool) -> Log:
    """A ring buffer holds this boot from its oldest line on; one line without a time spoils the reckoning."""
    times = [line.at for line in lines if line.at is not None]
    known = bool(lines) and len(times) == len(lines) and clock.booted_at is not None
    return Log(source, OK, "", lines, min(times) if known else None, truncated)


def _kern_log(host: Host, _unused: Clock) -> Log:
    answer = host.run(["tail", "-c", str(RING_LIMIT // 2), KERN_LOG], timeout=10, limit=RING_LIMIT)
    said = answer.stderr.decode("utf-8", "replace")
    if "No such file" in said:
        return Log(KERN_LOG, ABSENT)
    lines = kmsg.syslog(answer.stdout)
    times = [line.at for line in lines if line.at is not None]
    known = bool(lines) and len(times) == len(lines)
    return _command(answer, KERN_LOG) or Log(KERN_LOG, OK, "", lines, min(times) if known else None)


def _persistent(asked: Asked) -> Optional[bool]:
    """Say whether the journal is kept on disk, so that it outlives a reboot."""
    answer = asked.host.names("/var/log/journal")
    if answer.state in (OK, ABSENT):
        return bool(answer.names)
    asked.fail("/var/log/journal", answer.state)
    return None


def _crash_records(asked: Asked) -> Optional[List[str]]:
    """Return what earlier crashes left behind; ``None`` when no place for it can be listed."""
    answers = {place: asked.host.names(place) for place in CRASH_RECORDS}
    for place, answer in answers.items():
        if answer.state not in (OK, ABSENT):
            asked.fail(place, answer.state)
    if any(answer.state not in (OK, ABSENT) for answer in answers.values()):
        return None
    if all(answer.state == ABSENT for answer in answers.values()):
        asked.fail("/sys/fs/pstore", "no place for crash records exists")
        return None
    return [
        f"{place}/{name}"
        for place, answer in answers.items()
        for name in answer.names
        if re.fullmatch(CRASH_RECORDS[place], name)
    ]
