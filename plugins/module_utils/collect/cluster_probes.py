# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Knocking on doors: exporters that should serve, endpoints that should answer, paths that should be open or shut.

What was answered is compared on the spot and not kept: a body may hold what does not belong into facts.
"""

from __future__ import annotations

import math
import re
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ..host import ABSENT, FAILED, OK, TIMEOUT, Asked, Reply
from ..parse import prometheus

PATHS = {"registry": "/v2/", "vault": "/v1/sys/health"}  # where these kinds of service answer
PAGE_LIMIT = 8 << 20
FAILED_COLLECTORS = "node_scrape_collector_success"  # node_exporter says of each of its parts whether it worked
# DCGM's marks for a value that it does not have (dcgm_structs.h): 0x7ffffff0 and above, in each of its types.
BLANKS = (float(0x7FFFFFF0), float(0x7FFFFFFFFFFFFFF0), float(1 << 47))
BLANKS_WIDE = 16

Looks = Dict[str, Callable[[], Dict[str, Any]]]


def exporter_looks(asked: Asked, wanted: Mapping[str, Any]) -> Looks:
    """Return what it is -> how to look at it, for each exporter that is asked for."""
    listed = wanted.get("exporters", ())
    return {f"exporter {entry['name']} at {entry['at']}": partial(_exporter, asked, entry) for entry in listed}


def endpoint_looks(asked: Asked, wanted: Mapping[str, Any]) -> Looks:
    """Return what it is -> how to look at it, for each HTTP endpoint that is asked for."""
    kinds = {"service": "endpoints", "registry": "registries", "vault": "vaults"}
    listed = [(kind, entry) for kind, section in kinds.items() for entry in wanted.get(section, ())]
    return {
        f"{kind} {entry['name']} at {entry['at']}{entry.get('path', '')}": partial(_endpoint, asked, kind, entry)
        for kind, entry in listed
    }


def path_looks(asked: Asked, wanted: Mapping[str, Any]) -> Looks:
    """Return what it is -> how to look at it, for each path and name that is asked for."""
    looks: Looks = {f"name {name}": partial(_name, asked, name) for name in wanted.get("names", ())}
    for kind, section in (("open", "paths"), ("closed", "forbidden_paths")):
        for entry in wanted.get(section, ()):
            looks[f"{kind} path {entry['name']} to {entry['to']}"] = partial(_path, asked, kind, entry)
    return looks


def counts(found: Mapping[str, Any]) -> Dict[str, int]:
    """Return how many of the things found some checks are about."""
    endpoints, exporters = found["endpoints"] or [], found["exporters"] or []
    prometheus_servers = found["prometheus"] or []
    return {
        "encrypted": sum(one.get("encrypted", True) for one in endpoints),
        "with_text": sum(one.get("has_wanted_text", True) for one in endpoints),
        "of_devices": sum(one.get("tells_of_devices", True) for one in exporters),
        "with_families": sum(one.get("names_families", True) for one in exporters),
        "with_collectors": sum(one.get("reports_collectors") is not False for one in exporters),
        "with_alerts": sum(one.get("names_alerts", True) for one in prometheus_servers),
        "workload_series": sum(one.get("asks_workload", True) for one in prometheus_servers),
        "queue_series": sum(one.get("asks_queue", True) for one in prometheus_servers),
    }


def _exporter(asked: Asked, entry: Mapping[str, Any]) -> Dict[str, Any]:
    place, path = server(entry), entry.get("path", "/metrics")
    families: List[str] = list(entry.get("families") or [])
    devices: List[str] = list(entry.get("per_device") or [])
    alternatives = {name for family in [*families, *devices] for name in family.split("|")}
    answer = asked.host.http(path, place, timeout=10, limit=PAGE_LIMIT)
    text = answer.body.decode("utf-8", "replace") if answer.status == 200 else ""
    page = prometheus.read(text, [*alternatives, FAILED_COLLECTORS]) if text else None
    if page is None:
        asked.fail(f"{place}{path}", _why(answer) or "not a whole page of metrics")
    counts = {family: _devices(page, family) for family in devices} if page else {}
    return {
        "label": f"exporter {entry['name']}",
        "name": entry["name"],
        "source": f"{place}{path}",
        "answers": True if page else _refused(answer),
        "families": len(page.names) if page else None,
        "names_families": bool(alternatives),
        "missing": [family for family in [*families, *devices] if not set(family.split("|")) & page.names]
        if page and alternatives
        else None,
        "implausible": sorted(name for name in alternatives if _implausible(page.samples[name]))
        if page and alternatives
        else None,
        "reports_collectors": bool(page.samples[FAILED_COLLECTORS]) if page else None,
        "failed_collectors": _failed(page) if page and page.samples[FAILED_COLLECTORS] else None,
        "tells_of_devices": bool(devices),
        "devices": min(counts.values()) if counts else None,
        "devices_by_family": counts or None,
    }


def _devices(page: prometheus.Exposition, family: str) -> int:
    """Return how many things a family tells of: its samples with different labels."""
    return max(len({sample.labels for sample in page.samples[name]}) for name in family.split("|"))


def _implausible(samples: Sequence[prometheus.Sample]) -> bool:
    return any(_is_blank(sample.value) for sample in samples)


def _is_blank(value: float) -> bool:
    return math.isnan(value) or math.isinf(value) or any(mark <= value < mark + BLANKS_WIDE for mark in BLANKS)


def _failed(page: prometheus.Exposition) -> List[str]:
    failed = [sample.labels for sample in page.samples[FAILED_COLLECTORS] if sample.value == 0]
    named = [re.search(r'collector="([^"]*)"', labels) for labels in failed]
    return sorted(found.group(1) if found else "?" for found in named)


def _endpoint(asked: Asked, kind: str, entry: Mapping[str, Any]) -> Dict[str, Any]:
    says = entry.get("says")
    place, path = server(entry), entry.get("path") or PATHS.get(kind, "/")
    answer = asked.host.http(path, place, timeout=5, limit=1 << 20)
    if answer.state != OK:
        asked.fail(f"{place}{path}", _why(answer) or answer.state)
    body = answer.body.decode("utf-8", "replace")
    left = None if answer.certificate_ends is None else answer.certificate_ends - asked.host.identity()["now"]
    return {
        "label": f"{kind} {entry['name']}",
        "name": entry["name"],
        "kind": kind,
        "source": f"{place}{path}",
        "answers": True if answer.status is not None else _refused(answer),
        "status": answer.status,
        "wanted_status": entry.get("status") or [200],
        "has_wanted_text": says is not None,
        "says": bool(re.search(str(says), body)) if says is not None and answer.state == OK and body else None,
        "encrypted": place.startswith("https://"),
        "certificate_days": None if left is None else int(left // 86400),
    }


def _path(asked: Asked, kind: str, entry: Mapping[str, Any]) -> Dict[str, Any]:
    address, _colon, port = str(entry["to"]).rpartition(":")
    return {
        "label": f"path {entry['name']}",
        "name": entry["name"],
        "kind": kind,
        "source": f"tcp {entry['to']}",
        "open": _connects(asked, address.strip("[]"), int(port)),
    }


def _name(asked: Asked, name: str) -> Dict[str, Any]:
    return {
        "label": f"name {name}",
        "name": name,
        "kind": "name",
        "source": "getent ahosts",
        "open": _resolves(asked, name),
    }


def _connects(asked: Asked, address: str, port: int) -> Optional[bool]:
    """Say whether a connection can be made; refused, unreachable or silent for three seconds is not open.

    ``None``, with an error, when nobody was asked: the name does not resolve, there is no such port.
    """
    answer = asked.host.tcp(address, port)
    if answer.state not in (OK, FAILED, TIMEOUT, ABSENT):
        asked.fail(f"tcp {address}:{port}", answer.detail or answer.state)
        return None
    return answer.state == OK


def _resolves(asked: Asked, name: str) -> Optional[bool]:
    answer = asked.host.run(["getent", "ahosts", name], timeout=5)
    if answer.state != OK or answer.rc not in (0, 2):
        asked.fail(f"getent ahosts {name}", answer.detail or answer.state)
        return None
    if answer.rc == 2:
        return False
    found = re.search(rb"^[0-9a-fA-F:.]+\s", answer.stdout)
    if not found:
        asked.fail(f"getent ahosts {name}", "no address in the answer")
    return True if found else None


def server(entry: Mapping[str, Any]) -> str:
    """Return where an entry is to be asked; plain HTTP unless it says otherwise."""
    at = str(entry["at"])
    return at if "://" in at else f"http://{at}"


def _refused(answer: Reply) -> Optional[bool]:
    """Say that nobody serves there, when that is what the answer means; silence says nothing."""
    if answer.status is not None:
        return False if answer.status != 200 else None
    return False if answer.state in (ABSENT, FAILED) else None


def _why(answer: Reply) -> str:
    if answer.state != OK:
        return f"{answer.state}: {answer.detail}" if answer.detail else answer.state
    return "" if answer.status == 200 else f"HTTP {answer.status}"
