# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""systemd: the state of the system, the units that were asked for, and the units that failed."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..host import ABSENT, OK, Asked
from ..parse import systemd

BOOTED = "/run/systemd/system"  # sd_booted(3)
PROPERTIES = (
    "Id",
    "Names",
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "Result",
    "NRestarts",
    "ActiveEnterTimestampMonotonic",
    "MainPID",
    "ExecMainStatus",
    "MemoryCurrent",
    "MemoryMax",
    "ControlGroup",
    "PrivateDevices",
    "DevicePolicy",
)
# How a daemon is asked for its version, by unit name without suffix.
VERSIONS = {
    "nvidia-fabricmanager": (["nv-fabricmanager", "--version"], re.compile(r"version is\s*:\s*(\S+)")),
    "nvidia-imex": (["nvidia-imex", "--version"], re.compile(r"version is\s*:\s*(\S+)")),
    "nvidia-persistenced": (["nvidia-persistenced", "--version"], re.compile(r"version\s+(\d\S*)")),
    "containerd": (["containerd", "--version"], re.compile(r"\sv?(\d+\.\d\S*)")),
}
JOURNAL = ["journalctl", "--no-pager", "-p", "err", "--since", "-1h", "-n", "5000", "-o", "json", "--show-cursor"]
JOURNAL_FIELDS = "--output-fields=" + ",".join(systemd.JOURNAL_UNIT_FIELDS)  # no message leaves the journal
NOT_ALL_SEEN = ("not seeing messages", "insufficient permissions", "No journal files were")
USEC_PER_S = 1e6


def system(asked: Asked) -> Dict[str, Any]:
    """Return whether systemd runs, the state it gives the system, and the units that failed."""
    if asked.host.names(BOOTED).state == ABSENT:
        asked.fail(
            "systemd", f"not the init system of this machine: pid 1 is {asked.text('/proc/1/comm') or 'not known'}"
        )
        return {"source": None, "systemd": False, "system_state": None, "failed_units": None}
    answer = asked.host.run(["systemctl", "is-system-running"], timeout=5)
    state = answer.stdout.decode("utf-8", "replace").strip()  # any state but "running" comes with exit code 1
    if answer.state != OK or not re.fullmatch(r"[a-z-]+", state):
        asked.fail("systemctl is-system-running", answer.detail or answer.state)
        state = ""
    failed = asked.run(["systemctl", "list-units", "--state=failed", "--plain", "--no-legend", "--no-pager"], timeout=5)
    names = None if failed is None else systemd.listed(failed)
    if names == [] and failed and failed.strip():
        asked.fail("systemctl list-units", f"not understood: {failed.strip()[:60]!r}")
        names = None
    if names == [] and state in ("", "degraded"):  # an empty answer counts where nothing speaks against it
        asked.fail("systemctl list-units", f"no failed unit, but the state of the system is {state or 'not known'}")
        names = None
    return {
        "source": "systemd",
        "systemd": True,
        "system_state": state or None,
        "failed_units": names,
    }


def units(asked: Asked, wanted: Sequence[Mapping[str, str]], booted: bool) -> Optional[List[Dict[str, Any]]]:
    """Return the asked units; of "a.service|b.service" the first that is active, else the first that is installed."""
    if not wanted or not booted:
        return None
    names = list(dict.fromkeys(name for want in wanted for name in want["name"].split("|")))
    answer = asked.host.run(["systemctl", "show", "--no-pager", "--property=" + ",".join(PROPERTIES), *names])
    shown = systemd.units(answer.stdout.decode("utf-8", "replace"))
    if answer.state != OK or not shown:
        said = answer.stderr.decode("utf-8", "replace").strip()[:200]
        asked.fail("systemctl show", answer.detail or said or "no unit in the answer")
        return None
    uptime = _uptime(asked)
    chosen = [_chosen(want["name"].split("|"), shown) for want in wanted]
    found = [_unit(asked, name, want, unit, uptime) for want, (name, unit) in zip(wanted, chosen) if unit]
    for want, (name, unit) in zip(wanted, chosen):
        if not unit:
            asked.fail("systemctl show", f"said nothing about {name}")
            found.append(_unit(asked, name, want, {}, uptime))
    counts = _error_counts(asked, [unit["id"] for unit in found if unit["id"]])
    for unit in found:
        unit["errors_last_hour"] = (counts or {}).get(unit["id"])
    return found


def _chosen(names: List[str], shown: Sequence[Mapping[str, str]]) -> Any:
    known = [(name, unit) for name, unit in ((name, systemd.find(shown, name)) for name in names) if unit]
    for state, value in (("ActiveState", "active"), ("ActiveState", "failed"), ("LoadState", "loaded")):
        for name, unit in known:
            if unit.get(state) == value:
                return name, unit
    return known[0] if known else (names[0], None)


def _unit(
    asked: Asked, name: str, want: Mapping[str, str], unit: Mapping[str, str], uptime_s: Optional[float]
) -> Dict[str, Any]:
    active = unit.get("ActiveState") == "active"
    entered = systemd.number(unit.get("ActiveEnterTimestampMonotonic"))
    known = active and uptime_s is not None and entered
    pid = systemd.number(unit.get("MainPID"))
    return {
        "label": f"unit {name}",
        "name": name,
        "id": unit.get("Id"),
        "kind": name.rpartition(".")[2],
        "role": want.get("role"),
        "source": "systemd",
        "load_state": unit.get("LoadState"),
        "active_state": unit.get("ActiveState"),
        "demand_state": _demand_state(unit),
        "sub_state": unit.get("SubState"),
        "enabled_state": unit.get("UnitFileState") or None,
        "result": unit.get("Result") or None,
        "restarts": systemd.number(unit.get("NRestarts")),
        "main_pid": pid or None,
        "has_main_pid": None if pid is None else pid > 0,
        "exit_code": systemd.number(unit.get("ExecMainStatus")),
        "uptime_s": round((uptime_s or 0) - (entered or 0) / USEC_PER_S) if known else None,
        "memory_bytes": systemd.number(unit.get("MemoryCurrent")) if active else None,
        "memory_limit_bytes": systemd.number(unit.get("MemoryMax")),
        "oom_kills": _oom_kills(asked, unit.get("ControlGroup")) if active else None,
        "private_devices": {"yes": True, "no": False}.get(unit.get("PrivateDevices", "")),
        "device_policy": unit.get("DevicePolicy"),
        "version": _version(asked, name) if unit.get("LoadState") == "loaded" else None,
    }


def _demand_state(unit: Mapping[str, str]) -> Optional[str]:
    """Return how a unit stands that may be started on demand.

    ``running``; ``waiting``: not started, and not enabled either; ``stopped``: enabled and yet not running; else what
    systemd calls it (``failed``, ``activating``). ``None`` when systemd does not say whether it is enabled.
    """
    active, enabled = unit.get("ActiveState"), unit.get("UnitFileState")
    if active == "active":
        return "running"
    if active != "inactive":
        return active
    if unit.get("LoadState") in ("not-found", "masked"):
        return "waiting"
    return None if not enabled else "stopped" if enabled in ("enabled", "enabled-runtime") else "waiting"


def _uptime(asked: Asked) -> Optional[float]:
    text = asked.text("/proc/uptime", required=True)
    try:
        return float((text or "").split()[0])
    except (IndexError, ValueError):
        return None


def _oom_kills(asked: Asked, group: Optional[str]) -> Optional[int]:
    """Return how often the kernel killed for memory in a unit's control group since the group was made."""
    if not group:
        return None
    text = asked.text(f"/sys/fs/cgroup{group}/memory.events")  # unified hierarchy
    if text is None:
        text = asked.text(f"/sys/fs/cgroup/memory{group}/memory.oom_control")
    found = re.search(r"^oom_kill (\d+)$", text or "", re.MULTILINE)
    return int(found.group(1)) if found else None


def _version(asked: Asked, name: str) -> Optional[str]:
    if name.rpartition(".")[0] not in VERSIONS:
        return None
    argv, pattern = VERSIONS[name.rpartition(".")[0]]
    text = asked.run(argv, timeout=5)
    found = pattern.search(text or "")
    if text is not None and not found:
        asked.fail(" ".join(argv), f"no version in {text.strip()[:60]!r}")
    return found.group(1) if found else None


def _error_counts(asked: Asked, names: Sequence[str]) -> Optional[Dict[str, int]]:
    """Count journal entries of priority err and above in the last hour; ``None`` unless the whole journal was seen."""
    if not names:
        return None
    argv = [*JOURNAL, JOURNAL_FIELDS, *(part for name in sorted(set(names)) for part in ("-u", name))]
    answer = asked.host.run(argv, timeout=15)
    said = answer.stderr.decode("utf-8", "replace")
    hindered = next((hint for hint in NOT_ALL_SEEN if hint in said), None)
    silent = answer.rc == 1 and not (answer.stdout.strip() or said.strip())  # no entry, so no cursor to show
    if answer.state != OK or (answer.rc != 0 and not silent) or hindered:
        asked.fail("journalctl", answer.detail or (f"not the whole journal: {hindered}" if hindered else said[:200]))
        return None
    counts = systemd.journal_counts(answer.stdout.decode("utf-8", "replace"), names)
    if counts is None:
        asked.fail("journalctl", "not JSON")
    return counts
