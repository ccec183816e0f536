# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the kernel said lately: the log of a window of time, from the best source that can be read, and its events.

Sources in turn: the journal (all boots), the ring buffer through dmesg or ``/dev/kmsg`` (this boot), ``kern.log``
(without levels). Where the journal does not tell the whole window, the others are read and judged together with it.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..host import ABSENT, DENIED, FAILED, OK, UNRECORDED, Asked, Command, Host
from ..parse import kernel_events, kmsg
from . import log_reach, log_traces
from .log_reach import Clock, Log, Reach

WINDOW_S = 86400
LINE_LIMIT = 20000
JOURNAL_LIMIT = 16 << 20  # bytes: twice what 20,000 ordinary lines take
RING_LIMIT = 8 << 20

JOURNALCTL = ["journalctl", "_TRANSPORT=kernel", "-o", "json", "--output-fields=MESSAGE,PRIORITY", "--no-pager"]
KERN_LOG = "/var/log/kern.log"


def wanted(profile: Mapping[str, Any]) -> Dict[str, Any]:
    """Return how far back the profile wants to look (``window_s``, seconds)."""
    stated = (profile.get("log") or {}).get("window_s")
    return {"window_s": stated if isinstance(stated, int) and stated > 0 else WINDOW_S}


def collect(host: Host, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the kernel log's events of the last ``window_s`` seconds and how far the log can be trusted."""
    asked = Asked(host)
    now = host.identity()["now"]
    boot = (asked.text("/proc/sys/kernel/random/boot_id") or "").replace("-", "") or None
    clock = Clock(now, _booted_at(asked, now), wanted.get("window_s") or WINDOW_S, boot)
    logs = _read(asked, clock)
    reach = log_reach.together(logs, clock)
    state = OK if reach.sources else log_reach.refusal(logs).state
    lines = reach.lines
    levels = all(line.level is not None for line in lines)
    seen = kernel_events.events(lines, boot, clock.booted_at)
    log_traces.spare_others(asked, seen)
    iso = kernel_events.iso
    booted, from_at = iso(clock.booted_at), reach.from_at
    _complain(asked, logs, reach, clock, levels)
    return {
        "source": reach.source or log_reach.refusal(logs).source,
        "state": state,
        "window_s": clock.window_s,
        "covered_s": reach.covered_s,
        "complete": reach.complete,
        "from_at": iso(None if from_at is None else max(from_at, clock.start)),
        "to_at": iso(clock.now),
        "boot_id": boot,
        "booted_at": booted,
        "lines": len(lines) if state == OK else None,
        "truncated": reach.truncated,
        "persistent": log_traces.persistent(asked),
        "crash_records": log_traces.crash_records(asked),
        "events": seen if state == OK else None,
        "found": kernel_events.found(seen, reach.complete, booted, levels),
        "notes": kernel_events.notes(seen, reach.complete, booted),
        "errors": asked.errors,
    }


def _booted_at(asked: Asked, now: float) -> Optional[float]:
    text = asked.text("/proc/uptime", required=True) or ""
    return now - float(text.split()[0]) if re.match(r"\d{1,12}(\.\d+)?\s", text) else None


def _read(asked: Asked, clock: Clock) -> List[Log]:
    """Return the journal, and where it does not tell the whole window what the other sources add, up to enough."""
    logs = [_journal(asked.host, clock)]
    for source in (_ring, _kmsg, _kern_log):
        if log_reach.together(logs, clock).complete:
            break
        if source is not _kmsg or not logs[-1].useful:  # dmesg shows what /dev/kmsg holds
            logs.append(source(asked.host, clock))
    return logs


def _complain(asked: Asked, logs: Sequence[Log], reach: Reach, clock: Clock, levels: bool) -> None:
    """Note what is not known, the reason that matters first."""
    if not reach.complete:
        asked.fail(reach.source or log_reach.refusal(logs).source, log_reach.shortcoming(reach, logs, clock))
    spared = (ABSENT, UNRECORDED) if reach.sources else (ABSENT,)
    for number, log in enumerate(logs):
        if not log.useful and (log.state not in spared or (number == 0 and log.state == UNRECORDED)):
            asked.fail(log.source, log.said)
    if not levels:
        asked.fail(reach.source, "lines without a level: errors that no check knows cannot be told from other lines")


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


def _kern_log(host: Host, clock: Clock) -> Log:
    """A file that has no line of this boot is not written any more: how far it reaches cannot be said."""
    answer = host.run(["tail", "-c", str(RING_LIMIT // 2), KERN_LOG], timeout=10, limit=RING_LIMIT)
    said = answer.stderr.decode("utf-8", "replace")
    if "No such file" in said:
        return Log(KERN_LOG, ABSENT)
    lines = kmsg.syslog(answer.stdout)
    times = [line.at for line in lines if line.at is not None]
    known = bool(lines) and len(times) == len(lines) and clock.booted_at is not None and max(times) >= clock.booted_at
    return _command(answer, KERN_LOG) or Log(KERN_LOG, OK, "", lines, min(times) if known else None)
