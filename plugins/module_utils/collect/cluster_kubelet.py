# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kubelet, asked on the node itself: its health port, its configuration, and what device plugins registered."""

from __future__ import annotations

import calendar
import re
import time
from typing import Any, Dict, Mapping, Optional

from ..host import ABSENT, FAILED, OK, Asked
from ..parse import kubelet

HEALTH = "http://127.0.0.1:10248"
ROOT = "/var/lib/kubelet"
SETTINGS = {
    "cgroup_driver": "cgroupDriver",
    "anonymous": "authentication.anonymous.enabled",
    "authorization": "authorization.mode",
    "read_only_port": "readOnlyPort",
    "topology_policy": "topologyManagerPolicy",
    "cpu_policy": "cpuManagerPolicy",
}
OWN_SOCKET = "kubelet.sock"
ENDS = re.compile(r"notAfter=(\w{3} +\d{1,2} \d\d:\d\d:\d\d \d{4}) GMT")


def collect(asked: Asked, entry: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what the kubelet says; ``entry`` may name ``health``, ``root``, ``config`` and ``resources``."""
    root = str(entry.get("root", ROOT))
    server = str(entry.get("health", HEALTH))
    config = str(entry.get("config", f"{root}/config.yaml"))
    settings = kubelet.config(asked.text(config, required=True) or "")
    if not settings:
        asked.fail(config, "no KubeletConfiguration")
    return {
        "label": "kubelet",
        "source": server,
        "healthy": _healthy(asked, server),
        "settings": {"source": config, **{name: settings.get(key) for name, key in SETTINGS.items()}},
        "certificate_days": _certificate_days(asked, f"{root}/pki/kubelet-client-current.pem"),
        **_plugins(asked, f"{root}/device-plugins", entry.get("resources") or {}),
    }


def _healthy(asked: Asked, server: str) -> Optional[bool]:
    answer = asked.host.http("/healthz", server, timeout=5, limit=4096)
    if answer.state == OK and answer.status == 200:
        return True if answer.body.strip() == b"ok" else None
    asked.fail(f"{server}/healthz", answer.detail or f"HTTP {answer.status}")
    return False if answer.status is not None or answer.state in (ABSENT, FAILED) else None


def _certificate_days(asked: Asked, path: str) -> Optional[int]:
    said = asked.run(["openssl", "x509", "-noout", "-enddate", "-in", path], timeout=5)
    found = ENDS.match(said or "")
    if not found:
        return None
    try:
        ends = calendar.timegm(time.strptime(found.group(1), "%b %d %H:%M:%S %Y"))
    except ValueError:
        return None
    return int((ends - asked.host.identity()["now"]) // 86400)


def _plugins(asked: Asked, folder: str, resources: Mapping[str, Any]) -> Dict[str, Any]:
    answer = asked.host.names(folder)
    if answer.state != OK:
        asked.fail(folder, answer.detail or answer.state)
    sockets = [name for name in answer.names if name.endswith(".sock") and name != OWN_SOCKET]
    checkpoint = f"{folder}/kubelet_internal_checkpoint"
    known = kubelet.registered(asked.text(checkpoint, required=True) or "")
    if known is None:
        asked.fail(checkpoint, "not a checkpoint of the device manager")
    return {
        "plugin_sockets": sockets if answer.state == OK else None,
        "resources": [_resource(name, count, checkpoint, known) for name, count in sorted(resources.items())] or None,
    }


def _resource(name: str, wanted: Any, checkpoint: str, known: Optional[Mapping[str, int]]) -> Dict[str, Any]:
    return {
        "label": f"resource {name}",
        "name": name,
        "source": checkpoint,
        "wanted": wanted,
        "devices": None if known is None else known.get(name, 0),
    }
