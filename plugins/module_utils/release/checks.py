# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the machine itself can answer of the checklists before and after a deploy."""

from __future__ import annotations

import os
import re
import stat
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..host import OK, Host
from . import StepFailed
from .engine import Engine
from .files import gid, uid
from .kinds.base import Kind
from .report import Report

DRIVER_S = 20.0  # a hung driver hangs its tool
PRESENT = {"amd": ["/sys/module/amdgpu", "/dev/kfd"], "gaudi": ["/sys/module/habanalabs"]}
ASKED = {"nvidia": ["nvidia-smi", "-L"]}


def before(
    report: Report, service: Mapping[str, Any], needs: Sequence[str], engine: Optional[Engine], state_dir: str
) -> None:
    """Answer the checklist before a deploy."""
    wanted = service["preflight"]
    for entry in wanted["directories"]:
        _directory(report, entry)
    needed(report, needs)
    disk(report, "pre.disk", wanted["disk_percent"], _places(service, engine, state_dir))
    if wanted["driver"] != "none":
        _driver(report, wanted["driver"])
    if wanted.get("container_runtime"):
        _runtime(report, wanted["container_runtime"], engine)


def needed(report: Report, needs: Sequence[str]) -> List[Dict[str, Any]]:
    """Answer whether the paths are there without which a release cannot be started; return what fails of it."""
    absent = [path for path in needs if not os.path.exists(path)]
    for path in absent:
        report.row("pre.directories", "fail", "absent", "present", f"{path} is not there", item=path, source=path)
    return [row for row in report.failing("pre") if row["source"] in absent]


def after(report: Report, service: Mapping[str, Any], kind: Kind, engine: Optional[Engine], state_dir: str) -> None:
    """Answer what of the checklist after a deploy is no part of the gate. No line of a log is told."""
    disk(report, "post.disk", service["preflight"]["disk_percent"], _places(service, engine, state_dir))
    wanted = service["postflight"]
    if not wanted["log_lines"] or not wanted["error_patterns"]:
        return
    expected = f"none of {', '.join(wanted['error_patterns'])} in the last {wanted['log_lines']} lines"
    try:
        lines = kind.log(wanted["log_lines"])
    except StepFailed as error:
        report.row("post.log", "unknown", None, expected, str(error), source="log of the service")
        return
    found = [pattern for pattern in wanted["error_patterns"] if any(re.search(pattern, line) for line in lines)]
    message = f"found in the log: {', '.join(found)}" if found else ""
    report.row("post.log", "fail" if found else "pass", found, expected, message, source="log of the service")


def disk(report: Report, check: str, limits: Mapping[str, float], places: Sequence[str]) -> None:
    """Answer how full the file systems are."""
    for place in places:
        space = Host().space(place)
        expected = f"below {limits['fail']:g} % (warning from {limits['warn']:g} %)"
        if space is None:
            report.row(
                check,
                "unknown",
                None,
                expected,
                f"how full {place} is cannot be told",
                item=place,
                source=f"statfs {place}",
            )
            continue
        used = _percent(space)
        bad = used >= limits["fail"]
        message = f"{place} is {used:g} % full" if used >= limits["warn"] else ""
        if message and not bad:
            report.warn(f"{message}, warning from {limits['warn']:g} %")
        report.row(
            check, "fail" if bad else "pass", f"{used:g} %", expected, message, item=place, source=f"statfs {place}"
        )


def _percent(space: Mapping[str, int]) -> float:
    """Return how full a file system is, counted as ``df`` does: what is reserved for root is no part of it."""
    used = space["total_bytes"] - space["free_bytes"]
    whole = used + space["available_bytes"]
    return round(100 * used / whole, 1) if whole else 100.0


def _places(service: Mapping[str, Any], engine: Optional[Engine], state_dir: str) -> List[str]:
    """Return one folder for each file system that matters."""
    folders = [state_dir] + [entry["path"] for entry in service["preflight"]["directories"]]
    if engine is not None:
        folders.append(str((engine.call("GET", "/info") or {}).get("DockerRootDir") or ""))
    there = [folder for folder in folders if os.path.exists(folder)]  # a row of its own says so of any other
    return list({os.stat(folder).st_dev: folder for folder in reversed(there)}.values())


def _directory(report: Report, entry: Mapping[str, Any]) -> None:
    path = entry["path"]
    expected = " ".join(str(entry[key]) for key in ("mode", "owner", "group") if entry.get(key)) or "present"
    try:
        found = os.stat(path)
        wrong = _differs(entry, found)
    except OSError as error:
        report.row("pre.directories", "fail", "absent", expected, f"{path}: {error.strerror}", item=path, source=path)
        return
    except KeyError as error:
        report.row("pre.directories", "unknown", None, expected, f"{path}: {error.args[0]}", item=path, source=path)
        return
    status = "fail" if wrong else "pass"
    seen = f"{found.st_mode & 0o7777:04o} {found.st_uid}:{found.st_gid}"
    report.row("pre.directories", status, seen, expected, f"{path} {wrong}" if wrong else "", item=path, source=path)


def _differs(entry: Mapping[str, Any], found: os.stat_result) -> str:
    if not stat.S_ISDIR(found.st_mode):
        return "is no directory"
    if entry.get("mode") and found.st_mode & 0o7777 != int(entry["mode"], 8):
        return f"has the mode {found.st_mode & 0o7777:04o}, expected {entry['mode']}"
    if entry.get("owner") and found.st_uid != uid(entry["owner"]):
        return f"belongs to {found.st_uid}, expected {entry['owner']}"
    if entry.get("group") and found.st_gid != gid(entry["group"]):
        return f"belongs to the group {found.st_gid}, expected {entry['group']}"
    return ""


def _driver(report: Report, vendor: str) -> None:
    absent = [path for path in PRESENT.get(vendor, []) if not os.path.exists(path)]
    source = ", ".join(PRESENT.get(vendor, [])) or " ".join(ASKED[vendor])
    message = f"{', '.join(absent)} is not there" if absent else ""
    if vendor in ASKED:
        answer = Host().run(ASKED[vendor], timeout=DRIVER_S)
        if answer.state != OK or answer.rc != 0:
            message = f"{source}: {answer.detail or answer.state if answer.state != OK else f'exit code {answer.rc}'}"
    report.row(
        "pre.driver", "fail" if message else "pass", message or "answers", f"driver of {vendor}", message, source=source
    )


def _runtime(report: Report, runtime: str, engine: Optional[Engine]) -> None:
    known = sorted((engine.call("GET", "/info") or {}).get("Runtimes") or {}) if engine else []
    message = "" if runtime in known else f"the engine knows no runtime {runtime}"
    source = engine.socket if engine else "no engine"
    report.row("pre.container_runtime", "fail" if message else "pass", known, runtime, message, source=source)
