# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The clock of every node: chrony with three servers, and a hardware clock that follows."""

from __future__ import annotations

from .faults import Fault
from .node import NOW, Node
from .recording import Recording

ALL = ("hgx_h100", "gb200_tray", "mi300x", "gaudi3", "cpu_only")
SHOW = (
    "systemctl show --property=Id,LoadState,ActiveState,SubState,UnitFileState chrony.service chronyd.service "
    "ntpd.service ntp.service ntpsec.service systemd-timesyncd.service ptp4l.service phc2sys.service"
)
TRACKING = "chronyc -n -c tracking"
SOURCES = "chronyc -n -c sources"
RTC = "/sys/class/rtc/rtc0"
SERVERS = ("10.10.0.11", "10.10.0.12", "10.10.0.13")
KEPT = (
    "0A0A000B,10.10.0.11,3,{at:.9f},{offset:.9f},-0.000001804,0.000010261,-7.341,0.001,0.019,0.000412118,0.000310877,"
    "64.9,Normal\n"
)
LOST = "7F7F0101,,0,0.0,0.000000000,0.000000000,0.0,-7.341,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised\n"


def unit(name: str, state: str = "active", load: str = "loaded") -> str:
    """Return a unit as ``systemctl show`` prints the properties that are asked for."""
    sub, file = {"active": ("running", "enabled"), "inactive": ("dead", "")}[state]
    return f"Id={name}\nLoadState={load}\nActiveState={state}\nSubState={sub}\nUnitFileState={file}\n"


def _units(chrony: str) -> str:
    absent = ("ntpd", "ntp", "ntpsec", "systemd-timesyncd", "ptp4l", "phc2sys")
    return "\n".join([chrony, chrony, *(unit(f"{name}.service", "inactive", "not-found") for name in absent)])


def _sources(reach: tuple[int, ...], selected: bool = True) -> str:
    """Return chrony's sources; a reach of 377 is eight answers to the last eight questions."""
    lines = []
    for number, (server, octal) in enumerate(zip(SERVERS, reach, strict=True)):
        state = "?" if not octal else "*" if number == 0 and selected else "+"
        lines.append(f"^,{state},{server},2,6,{octal},34,-0.000009{number}12,-0.00001{number}204,0.000213554\n")
    return "".join(lines)


def render(node: Node, rec: Recording) -> None:
    """Put a clock that is kept to ten microseconds."""
    rec.command(SHOW, _units(unit("chrony.service")))
    rec.command(TRACKING, KEPT.format(at=NOW - 34, offset=-0.00000912))
    rec.command(SOURCES, _sources((377, 377, 377)))
    rec.command("timedatectl show", "Timezone=Etc/UTC\nLocalRTC=no\nCanNTP=yes\nNTP=yes\nNTPSynchronized=yes\n")
    rec.file(f"{RTC}/since_epoch", f"{int(NOW)}\n")
    rec.file(f"{RTC}/name", "rtc-efi rtc-efi.0\n" if node.klass == "gb200_tray" else "rtc_cmos 00:01\n")
    rec.link("/etc/localtime", "/usr/share/zoneinfo/Etc/UTC")


def _says(old: str, new: str, rec: Recording) -> None:
    said = rec.output("timedatectl show")
    if old not in said:
        raise ValueError(f"timedatectl does not say {old}")
    rec.command("timedatectl show", said.replace(old, new))


def _unsynchronised(node: Node, rec: Recording) -> None:
    rec.command(TRACKING, LOST)
    rec.command(SOURCES, _sources((0, 0, 0)))
    _says("NTPSynchronized=yes", "NTPSynchronized=no", rec)


def _missing(node: Node, rec: Recording) -> None:
    rec.no_command("chronyc")
    rec.command(SHOW, _units(unit("chrony.service", "inactive", "not-found")))
    _says("NTPSynchronized=yes", "NTPSynchronized=no", rec)


def _hangs(node: Node, rec: Recording) -> None:
    rec.command(TRACKING, "", state="timeout")


FAULTS = [
    Fault(
        "time_unsynchronised",
        "no time server answers",
        ALL,
        dict.fromkeys(["time.synchronised", "time.kernel.synchronised", "time.stratum", "time.sources"], "fail"),
        _unsynchronised,
    ),
    Fault(
        "time_offset_large",
        "the clock is 420 ms off",
        ALL,
        {"time.offset": "fail"},
        lambda node, rec: rec.command(TRACKING, KEPT.format(at=NOW - 34, offset=0.42)),
    ),
    Fault(
        "time_sources_few",
        "one of three time servers answers",
        ALL[:4],
        {"time.sources": "fail"},
        lambda node, rec: rec.command(SOURCES, _sources((377, 0, 0))),
    ),
    Fault(
        "chrony_missing",
        "no time daemon is installed",
        ALL,
        {
            "time.daemon.running": "fail",
            "time.kernel.synchronised": "fail",
            **dict.fromkeys(["time.synchronised", "time.offset", "time.stratum", "time.sources"], "unknown"),
        },
        _missing,
    ),
    Fault(
        "chrony_hangs",
        "chronyd does not answer",
        ALL,
        dict.fromkeys(["time.synchronised", "time.offset", "time.stratum"], "unknown"),
        _hangs,
    ),
    Fault(
        "rtc_drifted",
        "the hardware clock is ten minutes behind",
        ALL,
        {"time.rtc.offset": "fail"},
        lambda node, rec: rec.file(f"{RTC}/since_epoch", f"{int(NOW) - 600}\n"),
    ),
    Fault(
        "rtc_local_time",
        "the hardware clock keeps local time",
        ALL,
        {"time.rtc.utc": "fail"},
        lambda node, rec: _says("LocalRTC=no", "LocalRTC=yes", rec),
    ),
    Fault(
        "time_zone_local",
        "the node has a zone of its own",
        ALL,
        {"time.zone": "fail"},
        lambda node, rec: _says("Etc/UTC", "Europe/Berlin", rec),
    ),
]
