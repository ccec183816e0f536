# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Renders what surrounds a simulated node: exporters, the kubelet, Slurm, services to reach and ports to find shut."""

from __future__ import annotations

import json

from . import cluster_answers as answers
from .cluster_faults import FAULTS
from .node import NOW, Node
from .recording import Recording

__all__ = ["FAULTS", "render"]


def render(node: Node, rec: Recording) -> None:
    """Put what a healthy node's surroundings answer."""
    answers.put_node_exporter(node, rec)
    if node.klass in answers.EXPORTERS:
        answers.put_accelerator_exporter(node, rec)
    _kubelet(node, rec)
    answers.put_slurm(node, rec)
    answers.put_prometheus(rec)
    answers.put_forwarder(rec)
    for name, status, body in answers.SERVICES:
        rec.http(answers.SERVERS[name], answers.PATHS[name], body, status)
        rec.document["http"][f"{answers.SERVERS[name]} {answers.PATHS[name]}"]["certificate_ends"] = NOW + 61 * 86400
    rec.document["tcp"][answers.DATABASE] = {"state": "ok"}
    rec.document["tcp"][answers.FORBIDDEN] = {"state": "timeout", "detail": "timed out"}
    rec.command(f"getent ahosts {answers.NAME}", f"10.20.0.9       STREAM {answers.NAME}\n10.20.0.9       DGRAM\n")


def _kubelet(node: Node, rec: Recording) -> None:
    rec.http(answers.KUBELET, "/healthz", "ok")
    rec.file(f"{answers.KUBELET_ROOT}/config.yaml", answers.KUBELET_CONFIG)
    rec.command(f"openssl x509 -noout -enddate -in {answers.KUBELET_CERTIFICATE}", answers.ends_in_days(210))
    rec.file(f"{answers.KUBELET_ROOT}/device-plugins/kubelet.sock", "")
    if node.klass in answers.RESOURCES:
        rec.file(f"{answers.KUBELET_ROOT}/device-plugins/{answers.PLUGIN_SOCKET}", "")
    rec.file(answers.CHECKPOINT, json.dumps(answers.checkpoint(node)))
