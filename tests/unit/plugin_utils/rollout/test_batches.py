# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How many hosts may be touched, and in which order."""

from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput
from ansible_collections.muster.fleet.plugins.plugin_utils.rollout import fleet

HOSTS = [f"n{number}" for number in range(1, 9)]


@pytest.mark.parametrize(
    ("canary", "batch", "sizes"),
    [
        (1, "25%", [1, 2, 2, 2, 1]),
        ("1", "100%", [1, 7]),
        ("100%", "25%", [8]),
        (2, 3, [2, 3, 3]),
        ("1%", "1%", [1] * 8),
        (20, 1, [8]),
    ],
)
def test_sizes(canary, batch, sizes):
    waves = fleet.batches(HOSTS, canary, batch)
    assert [len(wave) for wave in waves] == sizes
    assert [host for wave in waves for host in wave] == HOSTS


@pytest.mark.parametrize("said", [0, "0%", "some", -1, "", "2.5", None, True])
def test_a_size_that_is_none_is_refused(said):
    with pytest.raises(BadInput, match="deploy_batch is a number of hosts or a share such as 25%"):
        fleet.batches(HOSTS, 1, said)


def test_who_comes_before():
    waves = fleet.batches(HOSTS, 1, 4)
    assert [fleet.ahead_of(host, waves) for host in ("n1", "n5", "n6")] == [[], ["n1"], HOSTS[:5]]
    with pytest.raises(BadInput, match="x is in no batch"):
        fleet.ahead_of("x", waves)


@pytest.mark.parametrize(
    ("variables", "expected", "most", "said"),
    [
        ({}, 8, 0, None),
        ({"muster_hosts": "all"}, 0, 0, None),
        ({"ansible_limit": "rack_a01"}, 0, 8, None),
        ({}, 0, 0, "all 8 hosts of the inventory are meant, and nobody said so"),
        ({"muster_hosts": "all"}, 9, 0, "8 hosts are meant, muster_expected_hosts says 9"),
        ({"muster_hosts": "all"}, 0, 7, "8 hosts are meant, muster_max_hosts allows 7"),
        ({}, 8, 7, "8 hosts are meant, muster_max_hosts allows 7"),
    ],
)
def test_blast_radius(variables, expected, most, said):
    found = fleet.refusal(HOSTS, variables, expected, most)
    assert found is None if said is None else found.startswith(said)


def test_one_host_alone_needs_no_guard():
    assert fleet.refusal(["n1"], {}, 0, 0) is None
