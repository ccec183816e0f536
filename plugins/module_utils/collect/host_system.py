# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The operating system at work: kernel, modules, processes, limits, packages."""

from __future__ import annotations

import re
import time
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from ..host import ABSENT, DENIED, OK, Asked
from ..parse import cmdline, keyvalue, proc

MODULES = ("nvidia", "nvidia_peermem", "amdgpu", "habanalabs", "mlx5_core", "ib_core", "nouveau")
TAINTS = {  # Documentation/admin-guide/tainted-kernels.rst: what points at damage rather than at a driver's licence
    4: "machine check",
    5: "bad page",
    7: "kernel died (oops or bug)",
    14: "soft lockup",
}
SECOND_LOOK_S = 0.2
FIRST_BYTES = 512
STRANGE = "strange"


def kernel(asked: Asked) -> Dict[str, Any]:
    """Return the running kernel, how it was started, and the newest one that is installed beside it."""
    release = asked.host.identity().get("kernel")
    arguments = asked.text("/proc/cmdline", required=True)
    tainted = asked.number("/proc/sys/kernel/tainted")
    installed = _installed(asked)
    return {
        "source": "/proc/cmdline and /boot",
        "release": release,
        "build": asked.text("/proc/sys/kernel/version"),
        "arguments": None if arguments is None else cmdline.words(arguments),
        "tainted": tainted,
        "taints": None if tainted is None else [name for bit, name in TAINTS.items() if tainted >> bit & 1],
        "installed": installed,
        "newest_installed": newest(installed or [], release or ""),
    }


def _installed(asked: Asked) -> Optional[List[str]]:
    """Return the kernels in /boot: ``[]`` on one that boots from the network, ``None`` when it cannot be seen."""
    folder = asked.host.names("/boot")
    if folder.state not in (OK, ABSENT):
        asked.fail("/boot", f"{folder.state}: {folder.detail}")
        return None
    names = (name[8:] for name in folder.names if name.startswith("vmlinuz-"))
    return [name for name in names if not name.startswith("0-rescue") and not name.endswith(".old")]


def flavour(release: str) -> str:
    """Return the part of a kernel's name that tells builds of one version apart (``generic``, ``nvidia-64k``)."""
    match = re.match(r"^[\d.]+(?:~rc\d+)?-[\d.]+-(\D.*)$", release)
    return match[1] if match else ""


def newest(installed: Iterable[str], release: str) -> Optional[str]:
    """Return the newest kernel of the running one's flavour."""
    alike = [name for name in installed if flavour(name) == flavour(release)]
    return max(alike, key=lambda name: [int(number) for number in re.findall(r"\d+", name)], default=None)


def modules(asked: Asked, wanted: Iterable[str]) -> Tuple[Optional[List[str]], Optional[Dict[str, Any]]]:
    """Return the names of all loaded modules, and more about those that matter here."""
    text = asked.text("/proc/modules", required=True)
    if text is None:
        return None, None
    loaded = proc.modules(text)
    names = sorted({name.replace("-", "_") for name in (*MODULES, *wanted)})
    return loaded, {name: _module(asked, name, name in loaded) for name in names}


def _module(asked: Asked, name: str, loaded: bool) -> Dict[str, Any]:
    return {
        "label": f"module {name}",
        "name": name,
        "loaded": loaded or asked.host.stat(f"/sys/module/{name}/initstate") is not None,
        "version": asked.text(f"/sys/module/{name}/version"),
    }


def processes(asked: Asked) -> Dict[str, Any]:
    """Count processes; one that waits uninterruptibly is named when it has not run between two looks either."""
    pids = [name for name in asked.names("/proc", required=True) if name.isdecimal()]
    seen = {pid: _process(asked, pid) for pid in pids}
    found = [entry for entry in seen.values() if isinstance(entry, proc.Process)]
    strange = [pid for pid, entry in seen.items() if entry == STRANGE]
    if strange:
        asked.fail(f"/proc/{strange[0]}/stat", f"not understood, as {len(strange)} of {len(pids)}")
    whole = bool(found) and not strange
    waiting = {entry: _switches(asked, entry.pid) for entry in found if entry.state == "D"}
    if waiting and not asked.host.simulated:
        time.sleep(SECOND_LOOK_S)  # a disk answers in milliseconds, a dead driver or file server does not
    stuck = [entry for entry, before in waiting.items() if _still(asked, entry, before)]
    zombies = sum(entry.state == "Z" for entry in found)
    return {
        "source": "/proc",
        "total": len(found) or None,
        "zombies": zombies if whole else None,
        "irqbalance": any(entry.name == "irqbalance" for entry in found) if whole else None,
        "stuck": [f"{entry.name} ({entry.pid})" for entry in stuck] if whole or stuck else None,
    }


def _process(asked: Asked, pid: Any) -> Any:
    """Return a process, ``None`` when it has ended meanwhile, which is no error, and STRANGE for what says nothing."""
    answer = asked.host.read(f"/proc/{pid}/stat", FIRST_BYTES)
    if answer.state == ABSENT:
        return None
    return (proc.process(answer.data.decode("utf-8", "replace")) if answer.state == OK else None) or STRANGE


def _switches(asked: Asked, pid: int) -> Optional[str]:
    answer = asked.host.read(f"/proc/{pid}/status")
    found = re.findall(rb"ctxt_switches:\s*(\d+)", answer.data) if answer.state == OK else []
    return b" ".join(found).decode() or None


def _still(asked: Asked, entry: proc.Process, before: Optional[str]) -> bool:
    again = _process(asked, entry.pid)
    return isinstance(again, proc.Process) and again.state == "D" and _switches(asked, entry.pid) == before


def limits(asked: Asked) -> Dict[str, Any]:
    """Return the limits of the kernel and of this session; "unlimited" is 18446744073709551615."""
    session = proc.limits(asked.text("/proc/self/limits") or "")
    handles = (asked.text("/proc/sys/fs/file-nr") or "").split()
    return {
        "source": "/proc",
        "files_max": asked.number("/proc/sys/fs/file-max"),
        "files_open": int(handles[0]) if handles and handles[0].isdecimal() else None,
        "pid_max": asked.number("/proc/sys/kernel/pid_max"),
        "threads_max": asked.number("/proc/sys/kernel/threads-max"),
        "session_locked_memory_bytes": session.get("Max locked memory"),
        "session_open_files": session.get("Max open files"),
        "session_processes": session.get("Max processes"),
    }


def sysctl(asked: Asked, wanted: Iterable[str]) -> Dict[str, Any]:
    """Return the kernel settings that are asked for; several numbers in one are parted by single blanks."""
    return {name: _setting(asked, name) for name in wanted}


def _setting(asked: Asked, name: str) -> Any:
    # as sysctl(8) does: a slash stands for a dot that belongs to the name (net.ipv4.conf.eth0/100.rp_filter)
    path = "/proc/sys/" + name.translate(str.maketrans("./", "/."))
    text = asked.text(path, required=True)
    value = " ".join((text or "").split())
    return None if text is None else int(value) if re.match(r"^-?\d+$", value) else value


def packages(asked: Asked, wanted: Iterable[str]) -> Optional[Dict[str, Any]]:
    """Return whether the packages asked for are installed, from one call of the package manager."""
    names = sorted(wanted)
    if not names:
        return None
    versions = _debian(asked, names)
    if versions is None:
        versions = _rpm(asked, names)
    if versions is None:
        asked.fail("packages", "neither dpkg-query nor rpm answered")
        return None
    return {
        name: {"label": f"package {name}", "name": name, "installed": name in versions, "version": versions.get(name)}
        for name in names
    }


def _debian(asked: Asked, names: List[str]) -> Optional[Dict[str, str]]:
    form = r"${Package}\t${db:Status-Status}\t${Version}\n"
    answer = asked.host.run(["dpkg-query", "-W", "-f", form, *names])
    if answer.state == ABSENT:
        return None
    if answer.state != OK or answer.rc not in (0, 1):  # 1: some are not known to dpkg
        asked.fail(
            "dpkg-query -W", f"{answer.state}: {answer.detail or answer.stderr[:200].decode('utf-8', 'replace')}"
        )
        return None
    rows = [line.split("\t") for line in answer.stdout.decode("utf-8", "replace").splitlines()]
    return {row[0]: row[2] for row in rows if len(row) == 3 and row[1] == "installed"}


def _rpm(asked: Asked, names: List[str]) -> Optional[Dict[str, str]]:
    answer = asked.host.run(["rpm", "-q", "--qf", r"%{NAME}\t%{VERSION}-%{RELEASE}\n", *names])
    if answer.state != OK or answer.rc is None or answer.rc > len(names):  # rc counts what is not installed
        asked.fail("rpm -q", f"{answer.state}: {answer.detail}")
        return None
    rows = [line.split("\t") for line in answer.stdout.decode("utf-8", "replace").splitlines()]
    return {row[0]: row[1] for row in rows if len(row) == 2}


def updates(asked: Asked, release: Mapping[str, Any]) -> Dict[str, Any]:
    """Return whether the system waits for a reboot, and whether it installs updates by itself."""
    debian = "debian" in (release.get("id"), *(release.get("id_like") or []))
    return {
        "source": "/run/reboot-required and the periodic update settings",
        "reboot_required": _reboot(asked) if debian else None,
        "automatic": _apt_automatic(asked) if debian else _dnf_automatic(asked) if release.get("id") else None,
    }


def _reboot(asked: Asked) -> Optional[bool]:
    state = asked.host.read("/run/reboot-required").state
    if state not in (OK, ABSENT):
        asked.fail("/run/reboot-required", state)
    return {OK: True, DENIED: True, ABSENT: False}.get(state)


def _apt_automatic(asked: Asked) -> Optional[bool]:
    names = _listed(asked, "/etc/apt/apt.conf.d")
    if names is None:
        return None
    texts = [asked.text(f"/etc/apt/apt.conf.d/{name}") for name in names]
    on = re.search(r'(?m)^\s*APT::Periodic::Unattended-Upgrade\s+"?[1-9]', "\n".join(text or "" for text in texts))
    return True if on else None if None in texts else False


def _dnf_automatic(asked: Asked) -> Optional[bool]:
    timers = _listed(asked, "/etc/systemd/system/timers.target.wants")
    return None if timers is None else any(name.startswith("dnf-automatic") for name in timers)


def _listed(asked: Asked, folder: str) -> Optional[List[str]]:
    """Return the names in a folder, none where there is no such folder, or note why it cannot be listed."""
    answer = asked.host.names(folder)
    if answer.state in (OK, ABSENT):
        return answer.names
    asked.fail(folder, answer.state)
    return None


def release(asked: Asked) -> Dict[str, Any]:
    """Return the distribution."""
    text = asked.text("/etc/os-release") or asked.text("/usr/lib/os-release", required=True) or ""
    found = keyvalue.pairs(text)
    return {
        "source": "/etc/os-release",
        "id": found.get("ID"),
        "id_like": found.get("ID_LIKE", "").split() or None,
        "version_id": found.get("VERSION_ID"),
        "codename": found.get("VERSION_CODENAME"),
        "name": found.get("PRETTY_NAME"),
    }
