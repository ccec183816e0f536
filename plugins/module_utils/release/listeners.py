# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether an address of this machine belongs to a service: whoever answers there need not be the service itself."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import urlsplit

from . import StepFailed, guard, sockets
from .engine import Engine
from .kinds.base import Kind

FREE, OWN, FOREIGN, ELSEWHERE, UNKNOWN = "free", "own", "foreign", "elsewhere", "unknown"
# Listen on behalf of a container that publishes a port.
PROXIES = {"docker-proxy", "dockerd", "conmon", "rootlessport", "slirp4netns", "pasta", "podman", "netavark"}
SYSTEMD = 1
PORTS = {"http": 80, "https": 443}


class Place(NamedTuple):
    """An address that a gate asks, or that a container publishes (``host`` is then ``""`` for any)."""

    host: str
    port: int

    @property
    def shown(self) -> str:
        """Return it as people write it."""
        return f"{self.host or '*'}:{self.port}"


class Found(NamedTuple):
    """Whose an address is (``free``, ``own``, ``foreign``, ``elsewhere``, ``unknown``), and who has it in words."""

    whose: str
    who: str = ""


def asked(gate: Mapping[str, Any]) -> List[Place]:
    """Return the addresses at which a gate asks the service itself."""
    places = []
    http, tcp = gate.get("http"), gate.get("tcp")
    if http and http.get("own", True):
        parts = urlsplit(http["url"])
        places.append(Place(parts.hostname or "", parts.port or PORTS.get(parts.scheme, 80)))
    if tcp and tcp.get("own", True):
        places.append(Place(tcp["host"], tcp["port"]))
    return list(dict.fromkeys(places))


def published(ports: Sequence[str]) -> List[Place]:
    """Return the addresses that the ``ports`` of a service take on this machine."""
    places = []
    for port in ports:
        told, unused, protocol = port.partition("/")
        outside, unused, inside = told.rpartition(":")
        address, unused, number = outside.rpartition(":")
        if protocol in ("", "tcp"):
            places.append(Place(address.strip("[]"), int(number or inside)))
    return places


def is_here(place: Place) -> bool:
    """Whether a place is an address of this machine; one whose name is not known cannot be said to be another's."""
    try:
        return any(map(sockets.is_local, sockets.addresses(place.host)))
    except OSError:
        return True


class Listeners:
    """Looks at addresses for one service. What was seen to be the service's stays so for as long as its socket does."""

    def __init__(self, kind: Kind, engine: Optional[Engine]):
        self._kind, self._engine = kind, engine
        self._own: Dict[Place, Tuple[str, ...]] = {}

    def look(self, place: Place) -> Found:
        """Return whose an address is at this moment."""
        try:
            return self._look(place)
        except (StepFailed, OSError, ValueError) as error:
            return Found(UNKNOWN, str(error))

    def _look(self, place: Place) -> Found:
        here: List[Optional[str]] = [None]
        if place.host:
            here = [address for address in sockets.addresses(place.host) if sockets.is_local(address)]
            if not here:
                return Found(ELSEWHERE, f"{place.host} is no address of this machine")
        for address in here:
            found = sockets.listening(address, place.port)
            if found:
                return self._of(place, address, found)
        return self._unheard(place, here)

    def _of(self, place: Place, address: Optional[str], found: Sequence[sockets.Listener]) -> Found:
        inodes = tuple(sorted(listener.inode for listener in found))
        things = self._kind.things()
        key = (*inodes, *things)
        if self._own.get(place) == key:
            return Found(OWN)
        own = set(guard.family(self._kind.pids()))
        for pids in sockets.holders(inodes).values():
            if any(pid in own or guard.within(pid, things) for pid in pids):
                continue
            if SYSTEMD in pids and self._kind.on_demand():
                continue
            other = self._foreign(address, place.port, pids, things)
            if other is not None:
                return Found(FOREIGN if pids else UNKNOWN, other)
        self._own[place] = key
        return Found(OWN)

    def _foreign(self, address: Optional[str], port: int, pids: Sequence[int], things: Sequence[str]) -> Optional[str]:
        """Name who has a socket that no process of the service holds; ``None``: one of its containers after all."""
        if not pids or any(sockets.comm(pid) in PROXIES for pid in pids):
            for container in self._publishing(address, port):
                return None if container["Id"] in things else _container(container)
        for container in self._containers() if pids else []:
            if any(guard.within(pid, [container["Id"]]) for pid in pids):
                return _container(container)
        return sockets.named(pids) if pids else "a socket that no process on this machine holds"

    def _unheard(self, place: Place, here: Sequence[Optional[str]]) -> Found:
        """Nobody listens: an engine may still pass the port on, by a rule of the firewall alone."""
        things = self._kind.things()
        for address in here:
            for container in self._publishing(address, place.port):
                return Found(OWN) if container["Id"] in things else Found(FOREIGN, _container(container))
        return Found(FREE)

    def _publishing(self, address: Optional[str], port: int) -> List[Mapping[str, Any]]:
        return [
            container
            for container in self._containers()
            for told in container.get("Ports") or []
            if told.get("PublicPort") == port and told.get("Type", "tcp") == "tcp" and _covers(told.get("IP"), address)
        ]

    def _containers(self) -> List[Mapping[str, Any]]:
        return (self._engine.call("GET", "/containers/json") or []) if self._engine else []


def _covers(bound: Any, address: Optional[str]) -> bool:
    """Whether a port that is bound to one address answers at another."""
    if address is None or not bound or bound in sockets.ANY:
        return True
    return ipaddress.ip_address(str(bound)) == ipaddress.ip_address(address)


def _container(listed: Mapping[str, Any]) -> str:
    name = str((listed.get("Names") or ["?"])[0]).lstrip("/")
    service = (listed.get("Labels") or {}).get("muster.fleet.service")
    return f"container {name}" + (f" of the service {service}, which was deployed from here" if service else "")
