"""Every fault of the simulated rack is found, by the checks it names and by no other; healthy nodes show nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from detection import CASES, CLASSES, FAULTS, inject, never, red, results

NEVER_FLIPPED: dict[str, str] = {}  # check id -> why no fault can turn it; it may only get shorter
NEVER_RED = {  # check id -> why a fault can make it unknown only
    "firmware.component.known": "it asks whether a version is known: without one there is nothing to compare",
}


@pytest.mark.parametrize("klass", CLASSES)
def test_healthy_node_has_no_finding(klass):
    assert red(results(klass)) == {}


@pytest.mark.parametrize(
    ("klass", "name"), [pytest.param(klass, name, id=f"{name}-{klass}") for klass, name in sorted(CASES)]
)
def test_fault_is_found(klass, name):
    outcome = inject(klass, name)
    assert (outcome.silent, outcome.loud) == ({}, {})


@pytest.mark.parametrize(("klass", "name"), sorted(CASES)[::60])
def test_a_domain_that_is_not_collected_anew_would_have_said_the_same(klass, name):
    assert inject(klass, name, full=True) == inject(klass, name)


def test_every_check_is_turned_by_a_fault():
    assert set(never()) == set(NEVER_FLIPPED)


def test_every_check_is_turned_red_by_a_fault_where_that_is_possible():
    assert set(never("fail")) == set(NEVER_RED)


def test_enough_faults():
    assert len(FAULTS) >= 40
