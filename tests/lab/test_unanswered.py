# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A domain that was asked for and not answered leaves every check of it unknown, and no host ready, in any class."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible import constants as C

sys.path.insert(0, str(Path(__file__).parent))

from detection import CLASSES, base

from ansible_collections.muster.fleet.plugins.module_utils.collect.node import DOMAINS
from ansible_collections.muster.fleet.plugins.plugin_utils import prepared, record

# What stands where facts of a domain belong; ``...`` is nothing at all.
INSTEAD = {
    "missing": ...,
    "null": None,
    "list": [],
    "text": "570.86",
    "number": 7,
    "empty": {},
    "only time": {"took_ms": 1.5},
    "collector broke": {"errors": [{"source": "collector", "reason": "timeout: not done after 45 s"}], "took_ms": 2},
    "errors of another type": {"errors": 5, "devices": []},
    "errors without a reason": {"errors": [{"source": "x"}], "devices": []},
}
HEALTH = ["gpu", "pci", "nic", "storage", "log", "time", "service", "cluster"]


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """Return what a class is judged by, made once."""
    places = {"DEFAULT_LOCAL_TMP": str(tmp_path_factory.mktemp("tmp"))}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in places.items():
            patch.setattr(C, name, value)
        yield {klass: prepared.ready(klass, [], [], None) for klass in CLASSES}


def judged(klass, ready, facts, gated=False, domains=()):
    options = {"profile": klass, "domains": list(domains), "gated": gated, "phases": []}
    answer = {"facts": facts, "simulated": False, "planted": None, "took_s": 0.1}
    return record.judged(record.Subject("n1", options), answer, ready[klass], options)


def spoilt(klass, domain, instead):
    facts = {name: found for name, found in base(klass).facts.items() if name != domain}
    return facts if instead is ... else {**facts, domain: instead}


@pytest.mark.parametrize("klass", CLASSES)
def test_whole_answer_is_ready(klass, ready):
    assert judged(klass, ready, base(klass).facts)["verdict"] == "ready"


@pytest.mark.parametrize("kind", INSTEAD)
@pytest.mark.parametrize("klass", CLASSES)
def test_every_check_of_a_silent_domain_is_unknown(klass, kind, ready):
    for domain in DOMAINS:
        kept = judged(klass, ready, spoilt(klass, domain, INSTEAD[kind]))
        seen = {}
        for row in kept["results"]:
            seen.setdefault(row["id"], set()).add(row["status"])
        for check in ready[klass].checks:
            if domain in check["domains"]:
                wanted = {check["settled"]["status"]} if "settled" in check else {"unknown"}
                assert seen[check["id"]] == wanted, (domain, check["id"])
        assert kept["verdict"] in ("unknown", "degraded" if kind == "collector broke" else "unknown"), domain
        assert domain in {error["domain"] for error in kept["errors"]}


@pytest.mark.parametrize("facts", [{}, None, [], "x", {"a": {"b": 1}}], ids=repr)
@pytest.mark.parametrize("gated", [False, True])
def test_no_facts_at_all_are_never_ready(facts, gated, ready):
    for klass in CLASSES:
        kept = judged(klass, ready, facts, gated)
        assert kept["verdict"] == "unknown"
        assert "unknown" in {row["status"] for row in kept["results"]}


@pytest.mark.parametrize("klass", CLASSES)
def test_health_asks_less_and_owes_no_more(klass, ready):
    """What was not asked for is not missed; of what was asked for, every domain is."""
    facts = {domain: base(klass).facts[domain] for domain in HEALTH}
    whole = judged(klass, ready, facts, domains=HEALTH)
    assert whole["verdict"] == "ready"
    for domain in HEALTH:
        kept = judged(klass, ready, {name: facts[name] for name in HEALTH if name != domain}, domains=HEALTH)
        assert kept["verdict"] == "unknown", domain
        assert {row["id"] for row in kept["results"]} == {row["id"] for row in whole["results"]}
