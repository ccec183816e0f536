"""Damaged answers never stop a collector, and never turn a planted failure into a pass.

``MUSTER_FUZZ=500`` tries that many examples of each class, and every kind of damage on every fault, instead of what a
usual run has time for.
"""

from __future__ import annotations

import os
import random
import sys
import zlib
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
# A check whose planted failure may pass although its evidence was damaged: by which damage, and why nobody can tell.
CANNOT_TELL = {
    "host.updates.automatic": (
        {"empty", "huge"},
        "a configuration file that names no such setting switches nothing on",
    ),
    "security.sudo.without_password": ({"empty"}, "an empty file of rules holds no rule"),
    "service.unit.errors": ({"empty"}, "journalctl prints nothing where there is nothing to print"),
    "slurm.controller.up": ({"truncated"}, "scontrol says nowhere how many controllers there are"),
}
# The same, where another check turns red in its place: what is left is an answer, and it is about something else.
ANOTHER_NOTICES = {
    "gaudi.driver.module_state": "a function on the bus that does not say who made it is nobody's accelerator",
    "gpu.device.state": "a card that answers that it has no such value is a card that answers",
    "gpu.driver.state": "a function on the bus that does not say who made it is nobody's accelerator",
    "gpu.vendor": "a function on the bus that does not say who made it is nobody's accelerator",
    "nvlink.link.active": "a link that does not answer is none; the number of links is judged apart",
    "nvlink.link.speed": "a link that does not answer is none; the number of links is judged apart",
    "time.daemon.known": "where no daemon is seen there is none to compare; that none runs is judged apart",
}
# What a damaged answer says of an accelerator that it is lost, or of the driver that it hangs, is judged as that, once.
LOST = {"gpu.device.state", "gpu.driver.state"}
ACCELERATOR = ("amd.", "gaudi.", "gpu.", "nvlink.", "xgmi.")
# A file is read whole or not at all; only what a program prints can end in the middle.
CUT_OFF = {"truncated": ANY["truncated"]}
KINDS = sorted({**REPLACING, **CUT_OFF})


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


def let_pass(klass, name, kind, seed):
    """Plant a fault and damage all that tells of it: return its checks that pass, and those that turn red besides."""
    healthy, fault, chance = base(klass).recording.document, FAULTS[name], random.Random(seed)
    faulty = base(klass).recording.copy()
    fault.apply(NODE[klass], faulty)
    document = faulty.document
    changed = {
        kind: {key: value for key, value in document[kind].items() if healthy[kind].get(key, ...) != value}
        for kind in ("files", "links", "dirs", "stats", "space", "commands", "http", "tcp", "nvml")
    }
    places = [(kind, key) for kind, key in answers(document) if key in changed[kind] and not key.endswith("absent")]
    if kind in CUT_OFF:
        places = [place for place in places if place[0] in ("commands", "http")]
    layer = spoilt(document, places, ANY[kind], chance)
    if not places or any(layer[kind][key] == healthy[kind].get(key) for kind, key in places):
        return [], set()  # an answer without a word is what a healthy machine gives here
    merged = {kind: {**changed[kind], **layer.get(kind, {})} for kind in changed if changed[kind] or kind in layer}
    identity = {key: value for key, value in document["identity"].items() if healthy["identity"][key] != value}
    merged.update({"muster_recording": 1}, **({"identity": identity} if identity else {}))
    seen = look(klass, {key: value for key, value in merged.items() if value}, fault.profile)
    found, planted = red(rows_of(klass, seen)), fault.findings(klass)
    assert crashed(seen.facts) == []
    passed = [check for check, status in planted.items() if status == "fail" and check not in found]
    return passed, set(found) - set(planted)


def excused(check, kind, noticed):
    lost = bool(noticed & LOST) and check.startswith(ACCELERATOR)
    return kind in CANNOT_TELL.get(check, ((),))[0] or lost or (check in ANOTHER_NOTICES and bool(noticed))


def kinds_for(name):
    """Return the kinds of damage to try with a fault: one of them in a usual run, another for each fault."""
    return KINDS if "MUSTER_FUZZ" in os.environ else [KINDS[zlib.crc32(name.encode()) % len(KINDS)]]


@pytest.mark.parametrize("klass", CLASSES)
def test_no_damage_turns_a_planted_failure_into_a_pass(klass):
    wrong = []
    for name, fault in FAULTS.items():
        if klass not in fault.classes or name.startswith("peers_"):
            continue
        for kind in kinds_for(name):
            passed, noticed = let_pass(klass, name, kind, seed=EXAMPLES)
            wrong += [(check, name, kind) for check in passed if not excused(check, kind, noticed)]
    assert wrong == []


def test_exceptions_are_about_checks_that_there_are():
    known = {check for fault in FAULTS.values() for klass in fault.classes for check in fault.findings(klass)}
    assert {*CANNOT_TELL, *ANOTHER_NOTICES} <= known
