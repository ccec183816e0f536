# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Accounts, sudo rules and permissions: names and counts, never a hash or a rule."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional

from ..host import ABSENT, OK, Asked
from ..parse.plain import not_plain

GUARDED = (
    "/etc/passwd",
    "/etc/shadow",
    "/etc/sudoers",
    "/etc/ssh/sshd_config",
    "/etc",
    "/root",
    "/usr/bin",
    "/usr/sbin",
)
LOGIN_SHELL = re.compile(r"/(ba|da|z|k|c|tc|fi)?sh$")
SHADOW_FIELDS = 9
HUMAN_UIDS = range(1000, 60000)


def accounts(asked: Asked) -> Dict[str, Any]:
    """Return what /etc/passwd and, for root, /etc/shadow say of the local accounts."""
    rows = [line.split(":") for line in (asked.text("/etc/passwd", required=True) or "").splitlines()]
    users = [row for row in rows if _is_account(row)]
    whole = all(_is_account(row) or row[0][:1] in ("", "#", "+", "-") for row in rows)  # + and - are NIS
    if not whole:
        asked.fail("/etc/passwd", "a line of it is no account: cut off or malformed")
    uids = [row[2] for row in users]
    shadow, known = asked.text("/etc/shadow", required=True), whole
    if shadow is not None and not _shadow(shadow):
        asked.fail("/etc/shadow", "no account in it")
        shadow = None
    elif shadow is not None and any(len(row) != SHADOW_FIELDS for row in _shadow(shadow)):
        asked.fail("/etc/shadow", "a line of it is no account: cut off or malformed")
        known = False
    return {
        "source": "/etc/passwd and /etc/shadow",
        "uid_0": _seen([row[0] for row in users if row[2] == "0"], whole, more_than=1) or None,
        "shared_uids": _seen(sorted({f"{row[0]} ({row[2]})" for row in users if uids.count(row[2]) > 1}), whole)
        if users
        else None,
        "without_password": _seen(_empty(users, shadow), known) if users else None,
        "with_password": _hashed(shadow),
        "people": sum(int(row[2]) in HUMAN_UIDS and bool(LOGIN_SHELL.search(row[6])) for row in users)
        if users
        else None,
    }


def _is_account(row: List[str]) -> bool:
    return len(row) == 7 and row[2].isdecimal()


def _seen(found: Optional[List[str]], whole: bool, more_than: int = 0) -> Optional[List[str]]:
    """Return what was found; of a file that is not whole only what is bad enough already."""
    return found if whole or len(found or []) > more_than else None


def _shadow(shadow: str) -> List[List[str]]:
    return [row for row in (line.split(":") for line in shadow.splitlines()) if len(row) > 1]


def _empty(users: List[List[str]], shadow: Optional[str]) -> Optional[List[str]]:
    open_here = [row[0] for row in users if row[1] == ""]
    if shadow is None:
        return open_here or None  # what is seen in passwd is bad enough; that nothing is seen there proves nothing
    return sorted({*open_here, *(row[0] for row in _shadow(shadow) if row[1] == "")})


def _hashed(shadow: Optional[str]) -> Optional[int]:
    return None if shadow is None else sum(row[1].startswith("$") for row in _shadow(shadow))


def sudo(asked: Asked) -> Dict[str, Any]:
    """Count the sudo rules that ask for no password; ``None`` when not every file could be read."""
    folder = asked.host.names("/etc/sudoers.d")
    # sudo skips names that hold a dot or end in a tilde
    names = [name for name in folder.names if "." not in name and not name.endswith("~")]
    answers = [asked.host.read(path) for path in ("/etc/sudoers", *(f"/etc/sudoers.d/{name}" for name in names))]
    states = {folder.state, *(answer.state for answer in answers)}
    for state in sorted(states - {OK, ABSENT}):
        asked.fail("/etc/sudoers", state)
    text = b"\n".join(answer.data for answer in answers).decode("utf-8", "replace")
    objection = not_plain(text)
    if objection:
        asked.fail("/etc/sudoers", objection)
    readable = states <= {OK, ABSENT} and not objection
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return {
        "source": "/etc/sudoers",
        "rules_without_password": sum("NOPASSWD" in line for line in lines) if readable else None,
        "files": sum(answer.state == OK and bool(answer.data.strip()) for answer in answers) if readable else None,
    }


def permissions(asked: Asked) -> Dict[str, Any]:
    """Return which guarded paths everybody may write to, and which secret files everybody may read."""
    modes = {path: found["mode"] for path, found in ((path, asked.host.stat(path)) for path in GUARDED) if found}
    secret = [path for path in ("/etc/shadow", "/etc/sudoers") if path in modes]
    temporary = asked.host.stat("/tmp")
    return {
        "source": "stat",
        "writable_by_all": [path for path, mode in modes.items() if mode & 0o002] if modes else None,
        "readable_by_all": [path for path in secret if modes[path] & 0o004] if secret else None,
        "tmp_sticky": bool(temporary["mode"] & 0o1000) if temporary else None,
    }
