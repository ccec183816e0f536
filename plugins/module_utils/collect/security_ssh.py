# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The SSH daemon: what it allows, and the fingerprints of its host keys."""

from __future__ import annotations

import base64
import binascii
import hashlib
import posixpath
from typing import Any, Dict, List, Optional

from ..host import Asked
from ..parse import sshd

CONFIG = "/etc/ssh/sshd_config"
FLAGS = {
    "password_authentication": "passwordauthentication",
    "keyboard_interactive": "kbdinteractiveauthentication",
    "public_key_authentication": "pubkeyauthentication",
    "empty_passwords": "permitemptypasswords",
    "x11_forwarding": "x11forwarding",
    "host_based_authentication": "hostbasedauthentication",
    "use_pam": "usepam",
}
LISTS = {"ciphers": "ciphers", "macs": "macs", "key_exchanges": "kexalgorithms"}
NUMBERS = {"max_auth_tries": "maxauthtries", "login_grace_s": "logingracetime"}


def daemon(asked: Asked, effective: Optional[str]) -> Dict[str, Any]:
    """Return the settings that hold for every connection.

    ``effective`` is the output of ``sshd -T``. Without it only what sshd_config states is known: a default that the
    build chose stays ``None``, because distributions change them.
    """
    if effective:
        found, source = sshd.effective(effective), "sshd -T"
    else:
        found = sshd.stated(asked.text(CONFIG, required=True) or "", lambda pattern: _included(asked, pattern))
        source = CONFIG
    root = found.get("permitrootlogin")
    return {
        "source": source,
        "effective": source == "sshd -T",
        "ports": _ports(found.get("port")),
        "root_login": "prohibit-password" if root == "without-password" else root,
        **{name: {"yes": True, "no": False}.get(found.get(keyword, "")) for name, keyword in FLAGS.items()},
        **{name: found[keyword].split(",") if keyword in found else None for name, keyword in LISTS.items()},
        **{name: _number(found.get(keyword)) for name, keyword in NUMBERS.items()},
    }


def _ports(text: Optional[str]) -> Optional[List[int]]:
    return [int(word) for word in text.split() if word.isdecimal()] or None if text else None


def _number(text: Optional[str]) -> Optional[int]:
    return int(text) if text and text.isdecimal() else None


def _included(asked: Asked, pattern: str) -> List[str]:
    folder, form = posixpath.split(pattern if pattern.startswith("/") else posixpath.join("/etc/ssh", pattern))
    texts = (asked.text(f"{folder}/{name}") for name in sshd.matching(asked.names(folder), form))
    return [text for text in texts if text is not None]


def host_keys(asked: Asked) -> Optional[List[Dict[str, Any]]]:
    """Return kind and SHA-256 fingerprint of the public host keys: two machines with one key were cloned."""
    names = [name for name in asked.names("/etc/ssh") if name.startswith("ssh_host_") and name.endswith("_key.pub")]
    keys = [_fingerprint(asked.text(f"/etc/ssh/{name}") or "") for name in names]
    return [key for key in keys if key] or None


def _fingerprint(text: str) -> Optional[Dict[str, Any]]:
    words = text.split()
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (IndexError, binascii.Error):
        return None
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return {"label": f"host key {words[0]}", "kind": words[0], "fingerprint": f"SHA256:{digest}"}
