# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything about one machine: which collector answers for which domain."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from . import cluster, firmware, gpu, log, nic, pci, security, service, storage
from . import host as host_facts
from . import time as time_facts
from .together import Collector

COLLECTORS: Dict[str, Collector] = {
    "host": host_facts.collect,
    "time": time_facts.collect,
    "security": security.collect,
    "pci": pci.collect,
    "gpu": gpu.collect,
    "nic": nic.collect,
    "firmware": firmware.collect,
    "storage": storage.collect,
    "log": log.collect,
    "service": service.collect,
    "cluster": cluster.collect,
}

ASKING = (host_facts, time_facts, security, pci, gpu, nic, firmware, storage, log, service, cluster)


def wanted(profile: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what a profile's values ask each collector to look at (sysctls, units, packages, …)."""
    asked = {}
    for domain, module in zip(COLLECTORS, ASKING):
        asking = getattr(module, "wanted", None)
        asked[domain] = asking(profile) if asking else {}
    return asked
