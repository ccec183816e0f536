# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts of the clock: who keeps it, how well, and what the kernel and the hardware clock say."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ..host import OK, Asked, Host
from ..parse import chrony, keyvalue, timesync
from . import units as systemd
from .asking import side_by_side

CHRONY, TIMESYNCD, NTPD, PTP = "chrony", "timesyncd", "ntpd", "ptp4l"
DAEMONS = {  # unit -> daemon, in the order in which one is believed when several run
    "chrony.service": CHRONY,
    "chronyd.service": CHRONY,
    "ntpd.service": NTPD,
    "ntp.service": NTPD,
    "ntpsec.service": NTPD,
    "systemd-timesyncd.service": TIMESYNCD,
    "ptp4l.service": PTP,
    "phc2sys.service": "phc2sys",
}
RTC = "/sys/class/rtc/rtc0"
UNSAID: Dict[str, Any] = dict.fromkeys(["reference", "stratum", "offset_s", "leap", "synchronised"])


def collect(host: Host, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the facts of the clock; offsets are distances in seconds, without sign."""
    asked = Asked(host)
    now = host.identity().get("now")
    rtc = _rtc(asked, now)
    answers = side_by_side(
        asked,
        {
            "systemctl": lambda: systemd.states(asked, DAEMONS),
            "timedatectl": lambda: _timedatectl(asked),
            "chronyc tracking": lambda: asked.run(["chronyc", "-n", "-c", "tracking"], required=False, timeout=5),
            "chronyc sources": lambda: asked.run(["chronyc", "-n", "-c", "sources"], required=False, timeout=5),
        },
    )
    running = _running(answers["systemctl"], answers["chronyc tracking"])
    daemon, said = _kept(asked, running, answers["chronyc tracking"])
    sources = chrony.sources(answers["chronyc sources"]) if answers["chronyc sources"] else None
    return {
        "source": said.pop("source", None),
        "now_s": now,
        "daemon": daemon,
        "daemons": running,
        **UNSAID,
        **said,
        "sources": sources or None,
        "reachable_sources": sum(entry["reachable"] for entry in sources) if sources else None,
        "ptp": _ptp(asked) if PTP in (running or []) else None,
        "kernel": answers["timedatectl"],
        "zone": (answers["timedatectl"] or {}).get("zone") or _zone(asked),
        "rtc": rtc,
        "errors": asked.errors,
    }


def _running(units: Optional[Mapping[str, Any]], tracking: Optional[str]) -> Optional[List[str]]:
    """Return the daemons that run; where systemd does not answer, only chronyd can still speak for itself."""
    if units is None:
        return [CHRONY] if tracking else None
    found = [name for unit, name in DAEMONS.items() if systemd.active(units, unit)]
    return sorted(set(found), key=found.index)


def _kept(asked: Asked, running: Optional[List[str]], tracking: Optional[str]) -> Tuple[Optional[str], Dict[str, Any]]:
    """Return the daemon that keeps the clock, and what it says of itself."""
    daemon = next((name for name in running or [] if name in (CHRONY, NTPD, TIMESYNCD, PTP)), None)
    if running == []:
        asked.fail("systemctl", "no time daemon is active")
    questions: Dict[str, Tuple[str, Callable[[], Optional[str]], Callable[[str], Optional[Dict[str, Any]]]]] = {
        CHRONY: ("chronyc tracking", lambda: tracking, chrony.tracking),
        TIMESYNCD: (
            "timedatectl timesync-status",
            lambda: _ask(asked, "timedatectl timesync-status"),
            timesync.timesyncd,
        ),
        NTPD: ("ntpq -c rv", lambda: _ask(asked, "ntpq -c rv"), timesync.ntpq),
    }
    if daemon not in questions:
        return daemon, {}
    source, question, parse = questions[daemon]
    text = question()
    said = parse(text) if text else None
    if said is None:
        asked.fail(source, "no answer" if not text else f"not understood: {text.strip()[:80]!r}")
    return daemon, {"source": source, **(said or {})}


def _ask(asked: Asked, command: str) -> Optional[str]:
    return asked.run(command.split(" "), timeout=5)


def _timedatectl(asked: Asked) -> Dict[str, Any]:
    """Return the kernel's own word (``NTPSynchronized`` is adjtimex without STA_UNSYNC), and the time zone."""
    answer = asked.host.run(["timedatectl", "show"], timeout=5)
    if answer.state != OK or answer.rc != 0:
        asked.fail("timedatectl show", systemd.complaint(answer))
    found = keyvalue.pairs(answer.stdout.decode("utf-8", "replace") if answer.rc == 0 else "")
    flags = {"yes": True, "no": False}
    return {
        "source": "timedatectl",
        "synchronised": flags.get(found.get("NTPSynchronized", "")),
        "rtc_local": flags.get(found.get("LocalRTC", "")),
        "zone": found.get("Timezone"),
    }


def _zone(asked: Asked) -> Optional[str]:
    target = asked.host.link("/etc/localtime") or ""
    return target.partition("/zoneinfo/")[2] or None


def _rtc(asked: Asked, now: Any) -> Dict[str, Any]:
    """Return how far the hardware clock is from the system clock; it counts whole seconds."""
    seconds = asked.number(f"{RTC}/since_epoch")
    known = seconds is not None and isinstance(now, (int, float))
    return {
        "source": f"{RTC}/since_epoch",
        "name": asked.text(f"{RTC}/name"),
        "offset_s": round(abs(now - (seconds or 0)), 1) if known else None,
    }


def _ptp(asked: Asked) -> Optional[Dict[str, Any]]:
    text = asked.run(["pmc", "-u", "-b", "0", "GET TIME_STATUS_NP"], timeout=5)
    found = timesync.pmc(text) if text else None
    if text and found is None:
        asked.fail("pmc", f"not understood: {text.strip()[:80]!r}")
    return {"source": "pmc", **found} if found else None
