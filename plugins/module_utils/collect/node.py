# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything about one machine: which collector answers for which domain."""

from __future__ import annotations

import functools
from typing import Any, Dict, Mapping

from ..host import Host
from .together import Collector

DOMAINS = ("host", "time", "security", "pci", "gpu", "nic", "firmware", "storage", "log", "service", "cluster")


@functools.cache
def load() -> Dict[str, Any]:
    """Return the collectors by domain; late, since a controller that asks nodes needs their names alone.

    Threads that all load them at once wait for each other: who asks for several domains does it before.
    """
    from . import cluster, firmware, gpu, host, log, nic, pci, security, service, storage, time

    return dict(zip(DOMAINS, (host, time, security, pci, gpu, nic, firmware, storage, log, service, cluster)))


def _collect(domain: str, host: Host, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    facts: Dict[str, Any] = load()[domain].collect(host, wanted)
    return facts


COLLECTORS: Dict[str, Collector] = {domain: functools.partial(_collect, domain) for domain in DOMAINS}


def wanted(profile: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what a profile's values ask each collector to look at (sysctls, units, packages, …)."""
    asking = {domain: getattr(module, "wanted", None) for domain, module in load().items()}
    return {domain: ask(profile) if ask else {} for domain, ask in asking.items()}
