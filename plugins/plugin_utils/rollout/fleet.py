# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a release goes through the fleet: how many hosts may be touched, in which batches, and what stops it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..files import BadInput


def refusal(hosts: Sequence[str], variables: Mapping[str, Any], expected: int, most: int) -> str | None:
    """Return why so many hosts may not be touched, or nothing."""
    count = len(hosts)
    if expected and count != expected:
        return (
            f"{count} hosts are meant, muster_expected_hosts says {expected}: "
            f"say which (--limit, muster_hosts) or how many (-e muster_expected_hosts={count})"
        )
    if most and count > most:
        return f"{count} hosts are meant, muster_max_hosts allows {most}"
    told = expected or variables.get("muster_hosts") or variables.get("ansible_limit")
    if count > 1 and not told:
        return (
            f"all {count} hosts of the inventory are meant, and nobody said so: "
            f"name them (--limit, -e muster_hosts=GROUP or all), or say how many (-e muster_expected_hosts={count})"
        )
    return None


def batches(hosts: Sequence[str], canary: Any, batch: Any) -> list[list[str]]:
    """Return the hosts in their order, the first so many as canaries, the others in batches.

    Sizes are numbers of hosts, or a share such as ``25%`` of all, which is never less than one host.
    """
    first = _size("deploy_canary", canary, len(hosts))
    each = _size("deploy_batch", batch, len(hosts))
    rest = list(hosts[first:])
    waves = [list(hosts[:first]), *(rest[at : at + each] for at in range(0, len(rest), each))]
    return [wave for wave in waves if wave]


def _size(name: str, said: Any, of: int) -> int:
    text = str(said).strip()
    number = text.removesuffix("%").strip()
    if not number.isdecimal() or int(number) < 1:
        raise BadInput(f"{name} is a number of hosts or a share such as 25%, and at least 1, not {text!r}")
    return max(1, of * int(number) // 100) if text.endswith("%") else int(number)


def ahead_of(host: str, waves: Sequence[Sequence[str]]) -> list[str]:
    """Return the hosts whose batches come before that of a host."""
    for number, wave in enumerate(waves):
        if host in wave:
            return [name for earlier in waves[:number] for name in earlier]
    raise BadInput(f"{host} is in no batch of this run")
