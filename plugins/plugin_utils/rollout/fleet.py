# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a release goes through the fleet: how many hosts may be touched, in which batches, and what stops it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...module_utils.judge.results import FAIL, NOT_APPLICABLE, PASS, UNKNOWN
from ..files import BadInput
from . import checklist

SAME = "release.fleet"


def refusal(hosts: Sequence[str], variables: Mapping[str, Any], expected: int, most: int) -> str | None:
    """Return why so many hosts may not be touched, or nothing."""
    count = len(hosts)
    if expected and count != expected:
        return (
            f"{count} hosts are meant, muster_expected_hosts says {expected}: "
            f"say which (--limit, muster_hosts) or how many (-e muster_expected_hosts={count})"
        )
    if most and count > most:
        return (
            f"{count} hosts are meant, muster_max_hosts allows {most}: name fewer (--limit, muster_hosts), or raise it"
        )
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


def beside(records: Iterable[Mapping[str, Any]], at: str) -> list[dict[str, Any]]:
    """Return what a report tells of all hosts of a rollout together: whether they run the same release."""
    kept = [record for record in records if (record.get("release") or {}).get("asked")]
    told = [(record["name"], record["release"]) for record in kept]
    item = next(item for item in checklist.shipped() if item["id"] == SAME)
    rows = []
    for service in sorted({release["service"] for unused, release in told}):
        runs = {name: release["runs"] or "not known" for name, release in told if release["service"] == service}
        status, message = _same(runs)
        reason = message if status in (UNKNOWN, NOT_APPLICABLE) else None
        row = checklist.row(item, service, status, f"{service}: {message}", at, reason=reason)
        rows.append({**row, "hosts": sorted(runs), "scope": "hosts"})
    return rows


def _same(runs: Mapping[str, str]) -> tuple[str, str]:
    by_release: dict[str, list[str]] = {}
    for name, release in sorted(runs.items()):
        by_release.setdefault(release, []).append(name)
    told = "; ".join(f"{release} on {', '.join(names[:10])}" for release, names in sorted(by_release.items()))
    if len(runs) == 1:
        return NOT_APPLICABLE, "one host alone cannot be mixed"
    if len(by_release) > 1:
        return FAIL, f"hosts run different releases: {told}"
    return (UNKNOWN if "not known" in by_release else PASS), told
