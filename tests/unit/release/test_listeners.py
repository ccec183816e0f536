# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who answers at an address is the service, one of its containers, or somebody else who is named."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.release import StepFailed, gate, listeners, sockets
from ansible_collections.muster.fleet.plugins.module_utils.release.kinds.base import Probe
from ansible_collections.muster.fleet.plugins.module_utils.release.kinds.plain import Plain

each = pytest.mark.parametrize
OWN, OTHER = "a" * 64, "b" * 64


class Kind(Plain):
    """A service with these processes and containers."""

    def __init__(self, pids: list[int], things: list[str] | None = None, on_demand: bool = False) -> None:
        self._pids, self._things, self._on_demand = pids, things or [], on_demand

    def pids(self) -> list[int]:
        return self._pids

    def things(self) -> list[str]:
        return self._things

    def on_demand(self) -> bool:
        return self._on_demand

    def probe(self) -> Probe:
        return Probe("running", 0, "then", "none", None, "a fake")


class Engine:
    """An engine that lists containers with published ports."""

    def __init__(self, *containers: dict[str, Any]) -> None:
        self.containers = list(containers)

    def call(self, method: str, path: str) -> Any:
        assert (method, path) == ("GET", "/containers/json")
        return self.containers


def container(ident: str, port: int, address: str = "0.0.0.0") -> dict[str, Any]:
    ports = [{"IP": address, "PublicPort": port, "PrivatePort": 80, "Type": "tcp"}]
    return {"Id": ident, "Names": ["/shop"], "Labels": {}, "Ports": ports}


@pytest.fixture
def server() -> Iterator[tuple[int, int]]:
    """A process that listens on a port of 127.0.0.1: process and port."""
    script = "import socket, sys, time; s = socket.create_server(('127.0.0.1', 0));"
    script += "print(s.getsockname()[1], flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.pid, int(process.stdout.readline())
        process.kill()


def look(port: int, kind: Kind, engine: Any = None, host: str = "127.0.0.1") -> listeners.Found:
    return listeners.Listeners(kind, engine).look(listeners.Place(host, port))  # type: ignore[arg-type]


def test_whose_a_port_is(server: tuple[int, int]) -> None:
    pid, port = server
    assert look(port, Kind([pid])).whose == "own"
    assert look(port, Kind([os.getpid()])).whose == "own", "what the service started is its own, too"
    found = look(port, Kind([]))
    assert (found.whose, f"process {pid} (" in found.who) == ("foreign", True), found
    assert look(port, Kind([]), host="localhost").whose == "foreign"
    assert look(port, Kind([]), host="127.0.0.2").whose == "free", "it listens at another address"
    assert look(port, Kind([]), host="").whose == "foreign", "a published port takes every address"


def test_what_was_its_own_is_not_for_ever(server: tuple[int, int]) -> None:
    pid, port = server
    kind = Kind([pid])
    seen = listeners.Listeners(kind, None)  # type: ignore[arg-type]
    place = listeners.Place("127.0.0.1", port)
    assert seen.look(place).whose == "own"
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    again = socket.create_server(("127.0.0.1", port))
    assert seen.look(place).whose == "foreign"
    again.close()


def test_a_port_of_nobody_and_of_another_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as made:
        port = made.getsockname()[1]
    assert look(port, Kind([])).whose == "free"
    assert look(port, Kind([]), host="192.0.2.1").whose == "elsewhere"
    assert look(port, Kind([]), host="no.such.host.invalid").whose == "unknown"


def test_ipv6(server: tuple[int, int]) -> None:
    try:
        made = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with made:
        port = made.getsockname()[1]
        assert look(port, Kind([os.getpid()]), host="::1").whose == "own"
        assert look(port, Kind([]), host="::1").whose == "foreign"


@each(
    ("ident", "address", "whose"),
    [(OWN, "0.0.0.0", "own"), (OTHER, "0.0.0.0", "foreign"), (OWN, "127.0.0.1", "own"), (OWN, "192.0.2.7", "foreign")],
)
def test_a_published_port_with_a_proxy(server: tuple[int, int], ident: str, address: str, whose: str) -> None:
    """The process that listens is the engine's; whose it is, the engine says."""
    unused, port = server
    with mock.patch.object(sockets, "comm", return_value="docker-proxy"):
        found = look(port, Kind([], [OWN]), Engine(container(ident, port, address)))
    assert found.whose == whose
    assert whose == "own" or "container shop" in found.who or "docker-proxy" in found.who


@each(("ident", "whose"), [(OWN, "own"), (OTHER, "foreign")])
def test_a_published_port_without_a_proxy(ident: str, whose: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as made:
        port = made.getsockname()[1]
    found = look(port, Kind([], [OWN]), Engine(container(ident, port)))
    assert found.whose == whose


def test_a_process_that_merely_publishes_is_no_stranger_in_disguise(server: tuple[int, int]) -> None:
    """The engine says that the port is the service's, and an ordinary process listens there."""
    unused, port = server
    assert look(port, Kind([], [OWN]), Engine(container(OWN, port))).whose == "foreign"


def test_a_socket_that_systemd_holds(server: tuple[int, int]) -> None:
    unused, port = server
    with mock.patch.object(sockets, "holders", side_effect=lambda inodes: {inode: [1] for inode in inodes}):
        assert look(port, Kind([], on_demand=True)).whose == "own"
        assert look(port, Kind([])).whose == "foreign"
    with mock.patch.object(sockets, "holders", side_effect=lambda inodes: {inode: [] for inode in inodes}):
        assert look(port, Kind([])).whose == "unknown"


def test_tables_that_cannot_be_read_are_unknown(tmp_path: Path) -> None:
    with mock.patch.object(sockets, "PROC", str(tmp_path)):
        assert look(1, Kind([])).whose == "unknown"
        with pytest.raises(StepFailed, match="nobody knows who listens"):
            sockets.listening("127.0.0.1", 1)


def test_the_gate_does_not_believe_whoever_answers(server: tuple[int, int]) -> None:
    pid, port = server
    wanted = {
        "timeout_s": 0.3,
        "running_s": 0,
        "restarts": 0,
        "health": True,
        "tcp": {"host": "127.0.0.1", "port": port},
    }

    def passed(kind: Kind, **tcp: Any) -> dict[str, Any]:
        asked = {**wanted, "tcp": {**wanted["tcp"], **tcp}}  # type: ignore[dict-item]
        owner = listeners.Listeners(kind, None)  # type: ignore[arg-type]
        watched = gate.Watched(kind, asked, lambda: None, "queue", None, owner)  # type: ignore[arg-type]
        watched.open()
        return watched.rows

    assert passed(Kind([pid]))["listener"]["status"] == "pass"
    with pytest.raises(
        gate.Bad, match=rf"listener: 127.0.0.1:{port} is answered by process {pid} .*the service itself"
    ):
        passed(Kind([]))
    assert "listener" not in passed(Kind([]), own=False)


@each(
    ("ports", "places"),
    [
        (["8080:80"], [("", 8080)]),
        (["127.0.0.1:8080:80/tcp", "53:53/udp"], [("127.0.0.1", 8080)]),
        (["[::1]:8080:80"], [("::1", 8080)]),
        (["80"], [("", 80)]),
    ],
)
def test_published_ports(ports: list[str], places: list[tuple[str, int]]) -> None:
    assert listeners.published(ports) == places


def test_writers_are_found(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_text("x")
    assert sockets.writers(str(path)) == []
    with path.open("a"):
        assert sockets.writers(str(path)) == [os.getpid()]
    with path.open():
        assert sockets.writers(str(path)) == []
