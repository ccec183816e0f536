# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What this machine is a part of, seen from it and without credentials: scheduler, exporters, what it can reach.

Only what the profile's ``cluster`` section names is looked at; a profile that names nothing costs nothing.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Dict, Mapping

from ..host import Asked, Host

ASKED = (
    *("endpoints", "exporters", "forbidden_paths", "kubelet", "log_forwarders", "names", "paths", "prometheus"),
    *("registries", "slurm", "vaults"),
)
FACTS = ("endpoints", "exporters", "kubelet", "log_forwarders", "paths", "prometheus", "slurm")
NOTHING = dict.fromkeys(
    ("encrypted", "with_text", "of_devices", "with_families", "with_collectors", "with_alerts")
    + ("workload_series", "queue_series"),
    0,
)


def wanted(profile: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what the profile's ``cluster`` section asks to look at."""
    section: Mapping[str, Any] = profile.get("cluster") or {}
    asked = {kind: section[kind] for kind in ASKED if section.get(kind) not in (None, [])}
    states = section.get("slurm_node_states")
    if isinstance(asked.get("slurm"), Mapping) and isinstance(states, list):
        asked["slurm"] = {"states": states, **asked["slurm"]}
    return asked


def collect(host: Host, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the cluster facts; ``wanted`` as the function of that name returns it. What was not asked is ``None``."""
    asked = Asked(host)
    found = dict(dict.fromkeys(FACTS), counts=dict(NOTHING))
    if wanted:
        found.update(_look(asked, wanted))
    return {**found, "errors": asked.errors}


def _look(asked: Asked, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    from . import (
        cluster_forwarders,
        cluster_kubelet,
        cluster_probes,
        cluster_prometheus,
        cluster_slurm,
    )  # late: few ask
    from .asking import side_by_side

    probes = {
        "endpoints": cluster_probes.endpoint_looks(asked, wanted),
        "exporters": cluster_probes.exporter_looks(asked, wanted),
        "paths": cluster_probes.path_looks(asked, wanted),
        "prometheus": cluster_prometheus.looks(asked, wanted),
    }
    agents: Dict[str, Callable[[Asked, Any], Any]] = {
        "kubelet": cluster_kubelet.collect,
        "log_forwarders": cluster_forwarders.collect,
        "slurm": cluster_slurm.collect,
    }
    looks = {kind: partial(agents[kind], asked, wanted[kind]) for kind in agents if kind in wanted}
    answers = side_by_side(
        asked, {**looks, **{label: look for kind in probes.values() for label, look in kind.items()}}
    )
    found: Dict[str, Any] = {kind: answers[kind] for kind in looks}
    for kind, asking in probes.items():  # what could not be looked at stays in its list, with nothing known of it
        found[kind] = [answers[label] or {"label": label} for label in asking] or None
    return {**found, "counts": cluster_probes.counts(found)}
