# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the system is kept: variables that every job inherits, DKMS modules, shares of the kernel's tables, tuning."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Mapping, Optional

from ..host import ABSENT, OK, Asked
from ..parse import environment as parse
from ..parse.plain import not_plain

FILES = (
    *("/etc/environment", "/etc/profile", "/etc/bash.bashrc", "/etc/bashrc", "/etc/security/pam_env.conf"),
    *("/etc/nccl.conf", "/etc/systemd/system.conf"),
    *(
        f"/etc/{place}/{name}"
        for place in ("default", "sysconfig")
        for name in ("docker", "containerd", "kubelet", "slurmd")
    ),
)
FOLDERS = {  # folder -> names of the files in it that are read
    "/etc/environment.d": r".*\.conf",
    "/etc/profile.d": r".*\.(sh|csh)",
    "/etc/systemd/system": r".*\.service",
    "/etc/systemd/system.conf.d": r".*\.conf",
}
UNITS = "/etc/systemd/system"
FILES_MOST = 300
DKMS = "/var/lib/dkms"
LARGE_BLOCK_BYTES = 2 << 20
PAGE_SIZES = (4096, 16384, 65536)


def upkeep(asked: Asked, kernel: Mapping[str, Any], limits: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the facts of this file by their names; ``kernel`` and ``limits`` as the host has them."""
    return {
        "limits": {**limits, **shares(asked, limits)},
        "environment": environment(asked),
        "dkms": dkms(asked, (kernel["release"], kernel["newest_installed"])),
        "tuning": tuning(asked),
    }


# environment


def environment(asked: Asked) -> Dict[str, Any]:
    """Return the variables that harm every job, from where machines set them for all.

    ``harmful`` is ``None`` while a file could not be read and none was found in the others; ``unclear`` are those whose
    value is worked out when the file is read.
    """
    listed, whole = _files(asked)
    texts = {path: _text(asked, path) for path in listed}
    found = [(path, one) for path, text in texts.items() for one in parse.settings(text or "")]
    harmful = [f"{one.name}={one.value} in {path}" for path, one in found if one.harms]
    something = any(text and text.strip() for text in texts.values())  # every system has a profile, or units
    if not something:
        asked.fail("environment", "no file that sets variables could be read")
    whole = whole and something and None not in texts.values()
    return {
        "source": "/etc",
        "harmful": harmful if harmful or whole else None,
        "unclear": [f"{one.name}={one.value} in {path}" for path, one in found if one.harms is None],
    }


def _files(asked: Asked) -> Any:
    """Return the files to read, and whether every folder could be listed."""
    paths, whole = list(FILES), True
    for folder, pattern in FOLDERS.items():
        answer = asked.host.names(folder)
        whole = whole and _told(asked, folder, answer.state, answer.detail)
        paths += [f"{folder}/{name}" for name in answer.names if re.fullmatch(pattern, name)]
        drop_ins = [name for name in answer.names if name.endswith(".service.d")] if folder == UNITS else []
        for name in drop_ins:
            inside = asked.host.names(f"{folder}/{name}")
            whole = whole and _told(asked, f"{folder}/{name}", inside.state, inside.detail)
            paths += [f"{folder}/{name}/{file}" for file in inside.names if file.endswith(".conf")]
    if len(paths) > FILES_MOST:
        asked.fail("environment", f"only the first {FILES_MOST} of {len(paths)} files were read")
    return paths[:FILES_MOST], whole and len(paths) <= FILES_MOST


def _told(asked: Asked, path: str, state: str, detail: str) -> bool:
    if state not in (OK, ABSENT):
        asked.fail(path, f"{state}: {detail}" if detail else state)
    return state in (OK, ABSENT)


def _text(asked: Asked, path: str) -> Optional[str]:
    """Return a file's text, "" where there is none, ``None`` when it cannot be read."""
    answer = asked.host.read(path)
    known = _told(asked, path, answer.state, answer.detail) and not answer.truncated
    text = answer.data.decode("utf-8", "replace")
    objection = not_plain(text)
    if objection:
        asked.fail(path, objection)
    return text if known and not objection else None


# kernel modules of DKMS


def dkms(asked: Asked, kernels: Iterable[Optional[str]]) -> Dict[str, Any]:
    """Return whether every module of DKMS is built for the kernel that runs and for the one that starts next."""
    wanted = list(dict.fromkeys(kernel for kernel in kernels if kernel))
    names = [name for name in asked.names(DKMS) if asked.host.names(f"{DKMS}/{name}").state == OK]
    built = {name: _kernels(asked, f"{DKMS}/{name}") for name in names}
    return {
        "source": DKMS,
        "modules": [
            {"label": f"{name} for {kernel}", "name": name, "kernel": kernel, "built": kernel in built[name]}
            for name in names
            if _versions(asked, name)
            for kernel in wanted
        ],
    }


def _versions(asked: Asked, name: str) -> List[str]:
    entries = [entry for entry in asked.names(f"{DKMS}/{name}") if not entry.startswith(("kernel-", "original_"))]
    return [entry for entry in entries if asked.host.names(f"{DKMS}/{name}/{entry}").state == OK]


def _kernels(asked: Asked, folder: str) -> List[str]:
    """Return the kernels for which some version of a module was built."""
    found = []
    for version in _versions(asked, folder[len(DKMS) + 1 :]):
        for kernel in asked.names(f"{folder}/{version}"):
            machines = asked.host.names(f"{folder}/{version}/{kernel}").names
            if any(asked.host.names(f"{folder}/{version}/{kernel}/{machine}/module").names for machine in machines):
                found.append(kernel)
    return found


# shares and tuning


def shares(asked: Asked, limits: Mapping[str, Any]) -> Dict[str, Optional[float]]:
    """Return how much of the kernel's tables of open files and of threads is in use, in percent."""
    found = re.search(r" \d+/(\d+) ", asked.text("/proc/loadavg") or "")
    most = [limit for limit in (limits.get("pid_max"), limits.get("threads_max")) if limit]
    threads = int(found[1]) if found else None
    return {
        "files_open_percent": _percent(limits.get("files_open"), limits.get("files_max")),
        "threads_percent": _percent(threads, min(most) if len(most) == 2 else None),
    }


def _percent(part: Optional[int], whole: Optional[int]) -> Optional[float]:
    return None if part is None or not whole else round(100 * part / whole, 3)


def tuning(asked: Asked) -> Dict[str, Any]:
    """Return the active profile of tuned, and whether a crash of the kernel would be dumped."""
    return {
        "source": "/etc/tuned and /sys/kernel",
        "tuned_profile": asked.text("/etc/tuned/active_profile") or None,
        "crash_kernel_loaded": {"1": True, "0": False}.get(asked.text("/sys/kernel/kexec_crash_loaded") or ""),
    }


def large_blocks_percent(asked: Asked, free_bytes: Optional[int]) -> Optional[float]:
    """Return the share of free memory that lies in blocks of 2 MiB and more, which huge pages are made of.

    /proc/buddyinfo counts blocks in pages, whose size follows from how much memory is free.
    """
    rows = re.findall(r"(?m)^Node +\d+, +zone +\S+((?: +\d+)+) *$", asked.text("/proc/buddyinfo") or "")
    pages = sum(int(count) << order for row in rows for order, count in enumerate(row.split()))
    if not pages or not free_bytes:
        return None
    size = min(PAGE_SIZES, key=lambda page: abs(pages * page - free_bytes))
    large = sum(
        int(count) << order
        for row in rows
        for order, count in enumerate(row.split())
        if (size << order) >= LARGE_BLOCK_BYTES
    )
    return round(100 * large / pages, 1)
