# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far a finding reaches: one host, a rack, a class of machines, the fleet. What reaches further has one cause."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from .samples import Member

NODE, HOSTS, RACK, CLASS, FLEET = "node", "hosts", "rack", "class", "fleet"


class Reach(NamedTuple):
    """``scope`` and its ``name`` (host, rack or class; empty for ``hosts`` and ``fleet``)."""

    scope: str
    name: str


class Law(NamedTuple):
    """From when on a finding belongs to more than its hosts; shares in percent of the hosts that were asked."""

    min_hosts: int = 3
    most_percent: float = 60
    elsewhere_percent: float = 10


USUAL = Law()


def reach(hit: Collection[str], asked: Iterable[Member], law: Law = USUAL) -> Reach:
    """Return how far a finding reaches that ``hit`` of the hosts ``asked`` have.

    A rack: most of its hosts, few elsewhere. A class: most of its machines, wherever they stand. Where a rack is all
    there is of a class and holds nothing else, it is a class: a baseline is more often wrong than a rack.
    """
    hosts = list(asked)
    if len(hit) == 1:
        return Reach(NODE, next(iter(hit)))
    classes = {host.klass for host in hosts if host.name in hit}
    racks = _hot(hit, hosts, law)
    if racks and not _is_class(hosts, classes, racks):
        return Reach(RACK, ", ".join(racks))
    if len(classes) > 1:
        return Reach(FLEET, "") if _most(hit, hosts, law) else Reach(HOSTS, "")
    peers = [host for host in hosts if host.klass in classes]
    return Reach(CLASS, str(next(iter(classes), ""))) if _most(hit, peers, law) else Reach(HOSTS, "")


def _most(hit: Collection[str], hosts: Collection[Member], law: Law) -> bool:
    count = sum(host.name in hit for host in hosts)
    return count >= law.min_hosts and count * 100 >= law.most_percent * len(hosts)


def _hot(hit: Collection[str], hosts: list[Member], law: Law) -> list[str]:
    """Return the racks whose hosts nearly all show it, if they are few and hardly any host elsewhere does."""
    by_rack: dict[str | None, list[Member]] = {}
    for host in hosts:
        by_rack.setdefault(host.rack, []).append(host)
    hot = sorted(str(rack) for rack, members in by_rack.items() if rack is not None and _most(hit, members, law))
    elsewhere = [host for host in hosts if host.rack not in hot]
    stray = sum(host.name in hit for host in elsewhere)
    few = elsewhere and stray * 100 <= law.elsewhere_percent * len(elsewhere)
    return hot if few and len(hot) * 2 <= len(by_rack) else []


def _is_class(hosts: list[Member], classes: Collection[str | None], racks: Collection[str]) -> bool:
    """Say whether the machines rather than their place are what those hit have in common."""
    outside = any(host.klass in classes and host.rack not in racks for host in hosts)
    return not outside and len(classes) == 1


def say(found: Reach, hit: Collection[str], asked: Iterable[Member]) -> str:
    """Say it with numbers, for the start of a message."""
    hosts = list(asked)
    if found.scope == NODE:
        return found.name
    if found.scope == RACK:
        inside = [host for host in hosts if str(host.rack) in found.name.split(", ")]
        outside = len(hosts) - len(inside)
        stray = sum(host.name in hit for host in hosts) - sum(host.name in hit for host in inside)
        words = "racks" if ", " in found.name else "rack"
        return f"{words} {found.name}: {len(hit) - stray} of {len(inside)} hosts ({stray} of {outside} elsewhere)"
    if found.scope == CLASS:
        peers = sum(host.klass == found.name for host in hosts)
        return f"class {found.name}: {len(hit)} of {peers} hosts{_where(hit, hosts)}"
    return f"{len(hit)} of {len(hosts)} hosts{_where(hit, hosts)}"


def _where(hit: Collection[str], hosts: Iterable[Member]) -> str:
    racks = {host.rack for host in hosts if host.name in hit}
    return (
        f" in {len(racks)} racks" if len(racks) > 1 else f", all in rack {next(iter(racks))}" if racks - {None} else ""
    )


def law(options: Mapping[str, float]) -> Law:
    """Return the thresholds that a check of ``correlated`` states."""
    return Law(int(options["min_hosts"]), options["most_percent"], options["elsewhere_percent"])
