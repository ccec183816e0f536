"""Renders systemd, the container engine, listening sockets and the device nodes that services see."""

from __future__ import annotations

from . import service_answers
from .node import Node
from .recording import Recording
from .service_faults import FAULTS

__all__ = ["FAULTS", "render"]


def render(node: Node, rec: Recording) -> None:
    """Put what the services of a healthy node answer."""
    service_answers.healthy(node, rec)
