# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sections of a service, each a dataclass whose fields are the keys that a user may set (see ``service.py``)."""

from __future__ import annotations

import dataclasses
from typing import List, Optional

from .typed import setting

ABSOLUTE = r"/[^\0]*"
MODE = r"0?[0-7]{3,4}"


@dataclasses.dataclass(frozen=True)
class Config:
    """A configuration file that is rendered on the controller and rolled back together with the image."""

    template: str = setting()
    dest: str = setting(pattern=ABSOLUTE, like="/etc/app/config.yaml")
    mode: str = setting("0640", pattern=MODE, like='"0640" (in quotes)')
    owner: str = setting("root")
    group: str = setting("root")


@dataclasses.dataclass(frozen=True)
class Mount:
    """A folder, file or named volume of the host inside the container."""

    source: str = setting(pattern=r"[^:\0]+", like="/srv/data (without a colon)")
    target: str = setting(pattern=ABSOLUTE, like="/data")
    read_only: bool = setting(False)


@dataclasses.dataclass(frozen=True)
class Stop:
    """How a service is stopped, and how long it may take."""

    signal: str = setting("SIGTERM", pattern="SIG[A-Z0-9]+", like="SIGTERM")
    grace_s: int = setting(30, least=0)


@dataclasses.dataclass(frozen=True)
class Healthcheck:
    """A health check of the container in place of the image's own."""

    command: List[str] = setting()
    interval_s: float = setting(10.0, least=0.1)
    timeout_s: float = setting(5.0, least=0.1)
    start_period_s: float = setting(0.0, least=0)
    retries: int = setting(3, least=1)


@dataclasses.dataclass(frozen=True)
class Http:
    """An address on the node that must answer. ``own``: the service itself listens there, and no proxy before it."""

    url: str = setting(pattern=r"https?://\S+", like="http://127.0.0.1:8080/health")
    status: int = setting(200, least=100)
    contains: Optional[str] = setting(None)
    own: bool = setting(True)


@dataclasses.dataclass(frozen=True)
class Tcp:
    """A port that must accept a connection from the node. ``own``: the service itself listens there, and no broker."""

    port: int = setting(least=1)
    host: str = setting("127.0.0.1")
    own: bool = setting(True)


@dataclasses.dataclass(frozen=True)
class Advancing:
    """A number in a file on the node that must grow: proof that work is done, not only that a process is there.

    ``key`` is a line ``key: number`` or ``key=number``, ``pattern`` a regular expression with a group around it;
    with neither, the file holds the number alone. ``resumes``: the number goes on from where it stood before the stop;
    a service that counts anew after each start says false.
    """

    file: str = setting(pattern=ABSOLUTE, like="/azaion/offset.yaml")
    key: Optional[str] = setting(None)
    pattern: Optional[str] = setting(None)
    within_s: float = setting(30.0, least=0)
    resumes: bool = setting(True)


@dataclasses.dataclass(frozen=True)
class Gate:
    """What must hold before a release counts as good."""

    timeout_s: float = setting(60.0, least=0)
    running_s: float = setting(5.0, least=0)
    restarts: int = setting(0, least=0)
    health: bool = setting(True)
    http: Optional[Http] = setting(None)
    tcp: Optional[Tcp] = setting(None)
    command: Optional[List[str]] = setting(None)
    advancing: Optional[Advancing] = setting(None)


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a report lies: a ``file`` on the controller or a ``url``, and the text that it must hold."""

    file: Optional[str] = setting(None)
    url: Optional[str] = setting(None, pattern=r"https?://\S+", like="https://ci.example.com/status.json")
    expect: Optional[str] = setting(None)


@dataclasses.dataclass(frozen=True)
class Scan:
    """Where a vulnerability scan lies, and how many findings of each severity are let through."""

    file: Optional[str] = setting(None)
    url: Optional[str] = setting(None, pattern=r"https?://\S+", like="https://ci.example.com/scan.json")
    critical: int = setting(0, least=0)
    high: int = setting(0, least=0)


@dataclasses.dataclass(frozen=True)
class Directory:
    """A folder that must be there with this mode and owner."""

    path: str = setting(pattern=ABSOLUTE, like="/azaion/models")
    mode: Optional[str] = setting(None, pattern=MODE, like='"0755" (in quotes)')
    owner: Optional[str] = setting(None)
    group: Optional[str] = setting(None)


@dataclasses.dataclass(frozen=True)
class Full:
    """How full a file system may be, in percent."""

    warn: float = setting(80.0, least=0)
    fail: float = setting(95.0, least=0)


@dataclasses.dataclass(frozen=True)
class Preflight:
    """The checklist before a deploy."""

    ci_status: Optional[Source] = setting(None)
    cve_scan: Optional[Scan] = setting(None)
    directories: List[Directory] = setting([])
    disk_percent: Full = dataclasses.field(default_factory=Full)
    driver: str = setting("none", choices=("none", "nvidia", "amd", "gaudi"))
    container_runtime: Optional[str] = setting(None)


@dataclasses.dataclass(frozen=True)
class Postflight:
    """The checklist after a deploy."""

    log_lines: int = setting(20, least=0)
    error_patterns: List[str] = setting(["ERROR", "FATAL", "Traceback", "panic:"])


@dataclasses.dataclass(frozen=True)
class Compose:
    """A project of Compose v2. ``file`` is the ``dest`` of one of the service's ``config`` files.

    In it the image of the service to replace reads ``${MUSTER_IMAGE}``; it is filled in with the digest.
    """

    file: str = setting(pattern=ABSOLUTE, like="/srv/app/compose.yml")
    service: str = setting(pattern=r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", like="web")


@dataclasses.dataclass(frozen=True)
class Unit:
    """A service that is no container: ``root/releases/TAG``, the link ``root/current`` to it, and a systemd unit.

    ``artifact`` is a tar archive on the node with ``{tag}`` in its path; without it ``root/releases/TAG`` must exist.
    """

    name: str = setting(pattern=r"[A-Za-z0-9:_.@-]+\.service", like="themisdb.service")
    root: str = setting(pattern=ABSOLUTE, like="/opt/themisdb")
    artifact: Optional[str] = setting(None, pattern=ABSOLUTE, like="/srv/artifacts/themisdb-{tag}.tar.gz")


@dataclasses.dataclass(frozen=True)
class Pointer:
    """A value in a configuration file that names a model: ``root/TAG/name``. Nothing is stopped or started.

    ``key`` is dotted in a nested YAML file (``training.model``).
    """

    file: str = setting(pattern=ABSOLUTE, like="/azaion/config.yaml")
    key: str = setting(pattern=r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", like="training.model")
    root: str = setting(pattern=ABSOLUTE, like="/azaion/models")
    name: str = setting("best.pt")
    command: Optional[List[str]] = setting(None)
