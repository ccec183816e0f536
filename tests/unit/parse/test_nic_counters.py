"""Congestion as every driver counts it; what a driver does not count is not zero."""

from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.parse import nic_counters

DRIVERS = {
    "mlx5_core": "tx_prio3_pause: 4\n tx_prio4_pause: 6\n tx_prio3_pause_duration: 72000000000\n rx_prio3_pause: 2\n",
    "bnxt_en": "tx_pfc_ena_frames_pri3: 10\n pfc_pri3_tx_duration_us: 72000000000\n rx_pfc_ena_frames_pri3: 2\n",
    "ice": "tx_priority_3_xoff.nic: 10\n rx_priority_3_xoff.nic: 2\n",
    "ionic": "frames_tx_pripause: 10\n frames_rx_pripause: 2\n",
}
TIMED = ("mlx5_core", "bnxt_en")


@pytest.mark.parametrize("driver", DRIVERS)
def test_pause_frames_of_every_driver(driver):
    found = nic_counters.counters(f"NIC statistics:\n     {DRIVERS[driver]}")
    assert (found["pause_sent"], found["pause_received"]) == (10, 2)
    rates = nic_counters.rates(found, 720_000.0)
    assert rates["pause_sent_percent"] == (10.0 if driver in TIMED else None)
    assert (rates["pause_storms_per_day"], rates["discards_per_million"]) == (None, None)


@pytest.mark.parametrize("text", ["", "NIC statistics:\n", "garbage", "no stats available\n", "a: b\n", "x: -1\n"])
def test_what_counts_nothing_is_no_table(text):
    assert nic_counters.counters(text) is None


def test_rates_need_an_uptime_and_both_counts():
    found = nic_counters.counters("tx_pause_storm_error_events: 8\nrx_discards_phy: 5\ntx_prio3_pause_duration: 1\n")
    assert set(nic_counters.rates(found, None).values()) == {None}
    assert nic_counters.rates(found, 4 * 86400.0)["pause_storms_per_day"] == 2.0
    whole = {**found, "packets_received": 1_000_000}
    assert nic_counters.rates(whole, 1.0)["discards_per_million"] == 5.0
