"""Plants every fault of the simulated rack and compares what the checks find with what they must find.

``python tests/lab/detection.py`` prints each miss, the checks that no fault turns, and as last line the score:
``detection: injected N detected N silent N loud N``. Silent is a planted finding that no check showed; loud is a
check that is red without a cause. It ends with 0 only when both are 0.

The whole path is walked for each fault: recording layer, collectors, judge. A domain is collected anew only when the
layer changes something that its collector asked for on the healthy machine; a collector is a function of the answers
it gets, so the others could not say anything else. ``--full`` collects everything for every fault all the same.
"""

from __future__ import annotations

import argparse
import atexit
import functools
import json
import os
import posixpath
import re
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS.parent / "lab"))
if __name__ == "__main__":  # under pytest the collection is importable already
    sys.path.insert(0, str(TESTS))
    import conftest

    atexit.register(conftest.pytest_unconfigure)

from builder.__main__ import faults, healthy, layer  # noqa: E402
from builder.node import NODES, PROFILES  # noqa: E402

from ansible_collections.muster.fleet.plugins.module_utils.collect import node as collect_node  # noqa: E402
from ansible_collections.muster.fleet.plugins.module_utils.collect.together import collect  # noqa: E402
from ansible_collections.muster.fleet.plugins.module_utils.judge.engine import Ground, judge  # noqa: E402
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay  # noqa: E402
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue  # noqa: E402

AT = "2026-11-18T06:30:00Z"
DEADLINE_S = 60  # wall time: a machine that is busy with tests is no slow collector
WORKERS = min(8, max(2, os.cpu_count() or 2))
CLASSES = sorted({node.klass for node in NODES})
CHECKS = [check for check in catalogue.checks() if not check["id"].startswith("reach.")]  # turned by the connection
NODE = {node.klass: node for node in reversed(NODES)}
FAULTS = faults()
CASES = [(klass, name) for name, fault in FAULTS.items() for klass in fault.classes]
RED = ("fail", "unknown")

Findings = dict[str, tuple[str, list[str]]]


class Traced(Replay):
    """A replay that keeps what it was asked for, in the words of :func:`touched`."""

    def __init__(self, documents: list[Any], asked: set[tuple[str, str]]):
        super().__init__(documents)
        self.asked = asked

    def read(self, path: str, *more: Any, **options: Any) -> Any:
        return self._path(path, super().read(path, *more, **options))

    def names(self, path: str) -> Any:
        return self._path(path, super().names(path))

    def link(self, path: str) -> Any:
        return self._path(path, super().link(path))

    def stat(self, path: str) -> Any:
        return self._path(path, super().stat(path))

    def space(self, path: str) -> Any:
        return self._path(path, super().space(path))

    def run(self, argv: Any, *more: Any, **options: Any) -> Any:
        self.asked.add(("commands", " ".join(argv)))
        return super().run(argv, *more, **options)

    def nvml(self, *more: Any, **options: Any) -> Any:
        self.asked.add(("nvml", ""))
        return super().nvml(*more, **options)

    def tcp(self, address: str, port: int, *more: Any, **options: Any) -> Any:
        self.asked.add(("tcp", f"{address}:{port}"))
        return super().tcp(address, port, *more, **options)

    def http(self, path: str, server: str, *more: Any, **options: Any) -> Any:
        self.asked.add(("http", f"{server} {path}"))
        return super().http(path, server, *more, **options)

    def _path(self, path: str, answer: Any) -> Any:
        self.asked.update({("path", path), ("path", self._resolve(path))})
        return answer


def touched(change: dict[str, Any]) -> set[tuple[str, str]] | None:
    """Return which questions a layer can answer otherwise, None when that may be any."""
    if set(change) & {"links", "dirs", "identity", "closed"}:
        return None
    found: set[tuple[str, str]] = {("nvml", "")} if change.get("nvml") else set()
    for kind in ("commands", "http", "tcp"):
        found.update((kind, key) for key in change.get(kind, {}))
    for kind in ("files", "append", "stats", "space"):
        for path in change.get(kind, {}):
            found.add(("path", path))
            while path not in ("/", ""):  # the directories that list it, when it came or went
                path = posixpath.dirname(path)
                found.add(("path", path))
    return found


class Healthy(NamedTuple):
    """A healthy machine, looked at once: its recording, its profile, and by domain its facts and what they rest on."""

    recording: Any
    profile: dict[str, Any]
    facts: dict[str, Any]
    asked: dict[str, set[tuple[str, str]]]
    results: dict[str, list[dict[str, Any]]]


class Look(NamedTuple):
    """What is seen of a machine: its facts, the profile to judge them by, and the domains that were collected anew."""

    facts: dict[str, Any]
    profile: dict[str, Any]
    again: frozenset[str]


@functools.cache
def base(klass: str) -> Healthy:
    """Return the healthy machine of a class."""
    recording, profile = healthy(NODE[klass]), catalogue.profile(klass, [PROFILES])
    wanted = collect_node.wanted(profile["values"])
    facts, asked = {}, {}
    for domain, collector in collect_node.COLLECTORS.items():
        asked[domain] = set()
        host = Traced([recording.document], asked[domain])
        facts.update(collect(host, {domain: collector}, wanted, DEADLINE_S))
    return Healthy(recording, profile, facts, asked, by_check(judged(CHECKS, facts, profile)))


def judged(checks: list[dict[str, Any]], facts: dict[str, Any], profile: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of some checks."""
    return judge(checks, Ground(facts, profile, AT))["results"]


def by_check(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return rows by the id of their check."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["id"], []).append(row)
    return found


@functools.cache
def readers() -> dict[str, frozenset[str]]:
    """Return the domains that each check names anywhere; one that uses a function may read any of them."""
    name = re.compile(rf"\b({'|'.join(collect_node.COLLECTORS)})\b[.\[]")
    every = frozenset(collect_node.COLLECTORS)
    return {
        check["id"]: every if "using" in check else frozenset(name.findall(json.dumps(check))) or every
        for check in CHECKS
    }


def stricter(profile: dict[str, Any], changes: Any) -> dict[str, Any]:
    """Return a profile with dotted keys laid over its values."""
    values = json.loads(json.dumps(profile["values"]))
    for path, value in changes.items():
        *parents, last = path.split(".")
        here = values
        for part in parents:
            here = here.setdefault(part, {})
        here[last] = value
    return {**profile, "values": values}


def look(klass: str, change: dict[str, Any] | None = None, asks: Any = None, full: bool = False) -> Look:
    """Return what is seen of a class's machine with a layer laid over it, when ``asks`` is laid over its profile."""
    known = base(klass)
    profile = stricter(known.profile, asks) if asks else known.profile
    marks = touched(change) if change is not None and not (full or asks) else None
    again = frozenset(domain for domain in known.facts if marks is None or marks & known.asked[domain])
    host = Replay([known.recording.document, *([change] if change else [])])
    chosen = {domain: collect_node.COLLECTORS[domain] for domain in collect_node.COLLECTORS if domain in again}
    facts = {**known.facts, **collect(host, chosen, collect_node.wanted(profile["values"]), DEADLINE_S)}
    return Look(facts, profile, frozenset(collect_node.COLLECTORS) if marks is None else again)


def results(klass: str, change: dict[str, Any] | None = None, asks: Any = None, full: bool = False) -> dict[str, Any]:
    """Return the rows by check of what :func:`look` sees."""
    return rows_of(klass, look(klass, change, asks, full))


def rows_of(klass: str, seen: Look) -> dict[str, Any]:
    """Return the rows by check; a check that names no domain that was looked at anew keeps those it had."""
    checks = [check for check in CHECKS if readers()[check["id"]] & seen.again]
    return {**base(klass).results, **by_check(judged(checks, seen.facts, seen.profile))}


def red(rows: dict[str, Any]) -> Findings:
    """Return the checks that are not passed: the worst status of each, and its messages."""
    found: Findings = {}
    for name, parts in rows.items():
        statuses = [row["status"] for row in parts]
        worst = next((status for status in RED if status in statuses), None)
        if worst:
            found[name] = (worst, [row["message"] for row in parts if row["status"] in RED])
    return found


class Outcome(NamedTuple):
    """What one fault on one class led to."""

    klass: str
    fault: str
    silent: dict[str, str]
    loud: Findings
    expected: int


def inject(klass: str, name: str, full: bool = False) -> Outcome:
    """Plant one fault and compare."""
    fault = FAULTS[name]
    change = layer(NODE[klass], base(klass).recording, fault)
    found = red(results(klass, change, fault.profile, full))
    expected = dict(fault.findings(klass))
    silent = {check: status for check, status in expected.items() if found.get(check, ("pass",))[0] != status}
    loud = {check: seen for check, seen in found.items() if expected.get(check) != seen[0]}
    return Outcome(klass, name, silent, loud, len(expected))


def flipped() -> dict[str, set[str]]:
    """Return by check the statuses that the faults give it."""
    found: dict[str, set[str]] = {}
    for klass, name in CASES:
        for check, status in FAULTS[name].findings(klass).items():
            found.setdefault(check, set()).add(status)
    return found


def never(status: str | None = None) -> list[str]:
    """Return the checks that no fault turns at all, or never to a status."""
    seen = flipped()
    return [
        check["id"] for check in CHECKS if not (status in seen.get(check["id"], ()) if status else check["id"] in seen)
    ]


def say(outcome: Outcome) -> None:
    """Print what went wrong with one fault, one finding a line."""
    where = f"{outcome.fault} on {outcome.klass}"
    for check, status in outcome.silent.items():
        print(f"silent: {where}: {check} is not {status}")
    for check, (status, messages) in outcome.loud.items():
        print(f"loud: {where}: {check} is {status}: {messages[0]}")


def main() -> int:
    """Plant everything and print the score."""
    parser = argparse.ArgumentParser(description="plant every fault of the simulated rack and count what is found")
    parser.add_argument("--full", action="store_true", help="collect every domain anew for every fault")
    parser.add_argument("--only", default="", metavar="REGEX", help="only the faults whose name matches")
    options = parser.parse_args()
    cases = sorted(case for case in CASES if re.search(options.only, case[1]))  # by class: each is looked at once
    total: Counter[str] = Counter()
    with ProcessPoolExecutor(WORKERS) as pool:
        classes, names = zip(*cases, strict=True)
        for outcome in pool.map(inject, classes, names, [options.full] * len(cases), chunksize=16):
            say(outcome)
            total["silent"] += len(outcome.silent)
            total["loud"] += len(outcome.loud)
            total["detected"] += not outcome.silent
    for klass in CLASSES:
        for check, (status, messages) in red(results(klass)).items():
            print(f"loud: healthy {klass}: {check} is {status}: {messages[0]}")
            total["loud"] += 1
    unturned = never()
    print(f"checks never flipped: {len(unturned)}{': ' if unturned else ''}{', '.join(unturned)}")
    score = " ".join(f"{name} {total[name]}" for name in ("detected", "silent", "loud"))
    print(f"detection: injected {len(cases)} {score}")
    return 1 if total["silent"] or total["loud"] else 0


if __name__ == "__main__":
    sys.exit(main())
