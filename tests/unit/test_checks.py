"""Every check of the catalogue can pass, fail and be unknown; the cases are data in ``checks/<domain>.yml``."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import yaml

from ansible_collections.muster.fleet.plugins.module_utils.judge.engine import Ground, judge_check
from ansible_collections.muster.fleet.plugins.module_utils.judge.paths import tokens
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue

CASES = Path(__file__).parent / "checks"
SITE = Path(__file__).resolve().parents[2] / "inventories" / "lab-site" / "profiles"
profile = functools.cache(lambda name: catalogue.profile(name, [SITE]))
NEEDED = ("pass", "fail", "unknown")
CHECKS = {check["id"]: check for check in catalogue.checks()}


def load_cases():
    cases = {}
    for path in sorted(CASES.glob("*.yml")):
        for name, entry in (yaml.safe_load(path.read_text()) or {}).items():
            assert name not in cases, f"{path.name}: {name} has cases in two files"
            cases[name] = entry
    return cases


ALL = load_cases()


def unfold(facts):
    """Turn ``{"gpu.devices": [...]}`` into nested mappings."""
    tree = {}
    for path, value in facts.items():
        here = tree
        *parents, last = tokens(path)
        for name in parents:
            here = here.setdefault(name, {})
        here[last] = value
    return tree


def profile_of(entry):
    stated = entry.get("profile", "generic")
    if isinstance(stated, str):
        return profile(stated)
    return {"name": "case", "values": unfold(stated), "sources": {}}


def flat():
    for name, entry in ALL.items():
        for status, listed in entry.items():
            if status != "profile":
                for number, case in enumerate(listed if isinstance(listed, list) else [listed]):
                    yield pytest.param(name, status, case, id=f"{name}-{status}-{number}")


@pytest.mark.parametrize(("name", "status", "case"), list(flat()))
def test_case(name, status, case):
    assert name in CHECKS, f"{name}: cases for a check that does not exist"
    stated = case.get("profile", ALL[name].get("profile", "generic"))
    ground = Ground(unfold(case.get("facts", {})), profile_of({"profile": stated}), "2026-11-18T06:00:00Z")
    rows = judge_check(CHECKS[name], ground)
    others = [row for row in rows if row["status"] != "pass"]
    found = {row["status"] for row in others} or {"pass"}
    assert found == {status}, [row["message"] for row in rows]
    if "message" in case:
        assert case["message"] in [row["message"] for row in rows]


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_check_can_go_every_way(name):
    assert name in ALL, f"{name} has no cases"
    missing = [status for status in NEEDED if not ALL[name].get(status)]
    assert not missing, f"{name} has no case for {', '.join(missing)}"


def test_catalogue_is_sorted():
    for path in sorted(catalogue.CHECKS.glob("*.yml")):
        names = [entry.value["id"] for entry in catalogue.entries(path)]
        assert names == sorted(names), f"{path.name} is not sorted by id"
