"""Damaged answers never stop a collector, and never turn a planted failure into a pass that nobody notices.

``MUSTER_FUZZ=500`` tries that many examples of each kind and class instead of the few that a usual run has time for.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from damage import ANY, REPLACING, answers, damaged, flip
from detection import CLASSES, FAULTS, NODE, base, look, red, rows_of

EXAMPLES = int(os.environ.get("MUSTER_FUZZ", "6"))
OFTEN = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize="MUSTER_FUZZ" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
SEEDS = st.integers(0, 2**32)
KERNEL_LOG = ("journalctl _TRANSPORT", "dmesg ", "tail -c")
# What a damaged answer looks like is what a healthy one may look like, too: check id -> why.
CANNOT_TELL = {
    "host.kernel.arguments_forbidden": "a command line may hold any words; required ones are asked for elsewhere",
    "host.updates.automatic": "a configuration file may hold anything; updates are off where nothing switches them on",
    "rdma.node.description": "a description may be any text",
    "rdma.errors.counters": "a counter that cannot be read is not one that stands at its top; the rate is unknown then",
    "host.processes.stuck": "a process that is gone by the time it is read is no finding",
    "storage.nvme.serials": "a serial number may be any text",
    "storage.nvme.temperature": "a second source, the drive's own log, still answers",
    "xgmi.hive.single": "a node without properties is none; the count of nodes is judged by another check",
    "gpu.count.unexpected": "a function on the bus that does not say who made it is nobody's accelerator",
    "host.cpu.online": "the kernel never prints an empty list here",
}


def crashed(facts):
    return [
        error
        for seen in facts.values()
        for error in seen.get("errors") or []
        if str(error.get("source", "")).endswith("collector")
    ]


def unjudged(rows):
    return [row["reason"] for parts in rows.values() for row in parts if "could not be judged" in (row["reason"] or "")]


def spoilt(document, places, change, chance):
    """Return the layer that damages these places; no second copy of a damaged kernel log is left."""
    layer = {"muster_recording": 1}
    for kind, key in places:
        layer.setdefault(kind, {})[key] = damaged(document, (kind, key), change, chance)
        if kind == "commands" and key.startswith(KERNEL_LOG[0]):
            layer["commands"].update({argv: None for argv in document["commands"] if argv.startswith(KERNEL_LOG[1:])})
    return layer


@pytest.mark.parametrize("klass", CLASSES)
def test_no_damage_stops_a_collector(klass):
    document = base(klass).recording.document
    places = answers(document)

    @OFTEN
    @given(st.sampled_from(sorted({**ANY, "flip": flip})), st.sampled_from([1, 5, 60]), SEEDS)
    def run(kind, count, seed):
        chance = random.Random(seed)
        chosen = chance.sample(places, count if kind != "huge" else 1)
        layer = spoilt(document, chosen, {**ANY, "flip": flip}[kind], chance)
        seen = look(klass, layer)
        assert crashed(seen.facts) == []
        assert unjudged(rows_of(klass, seen)) == []

    run()


@pytest.mark.parametrize("klass", CLASSES)
def test_no_damage_turns_a_planted_failure_into_a_pass(klass):
    healthy = base(klass).recording.document
    known = [name for name, fault in FAULTS.items() if klass in fault.classes and not name.startswith("peers_")]

    @OFTEN
    @given(st.sampled_from(known), st.sampled_from(sorted(REPLACING)), SEEDS)
    def run(name, kind, seed):
        fault, chance = FAULTS[name], random.Random(seed)
        faulty = base(klass).recording.copy()
        fault.apply(NODE[klass], faulty)
        document = faulty.document
        changed = {
            kind: {key: value for key, value in document[kind].items() if healthy[kind].get(key, ...) != value}
            for kind in ("files", "links", "dirs", "stats", "space", "commands", "http", "tcp", "nvml")
        }
        places = [(kind, key) for kind, key in answers(document) if key in changed[kind] and not key.endswith("absent")]
        layer = spoilt(document, places, REPLACING[kind], chance)
        if any(layer[kind][key] == healthy[kind].get(key) for kind, key in places):
            return  # an answer without a word is what a healthy machine gives here
        merged = {kind: {**changed[kind], **layer.get(kind, {})} for kind in changed if changed[kind] or kind in layer}
        identity = {key: value for key, value in document["identity"].items() if healthy["identity"][key] != value}
        merged.update({"muster_recording": 1}, **({"identity": identity} if identity else {}))
        seen = look(klass, {key: value for key, value in merged.items() if value}, fault.profile)
        found, planted = red(rows_of(klass, seen)), fault.findings(klass)
        assert crashed(seen.facts) == []
        passed = [check for check, status in planted.items() if status == "fail" and check not in found]
        noticed = set(found) - set(planted)
        assert noticed or set(passed) <= set(CANNOT_TELL), (name, kind, passed)

    run()
