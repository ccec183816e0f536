from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.parse import rdma

DAY = 86400.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("400 Gb/sec (4X NDR)", (400.0, 4, "NDR")),
        ("2.5 Gb/sec (1X SDR)", (2.5, 1, "SDR")),
        ("200 Gb/sec (2X NDR)", (200.0, 2, "NDR")),
        ("56 Gb/sec (4X FDR)", (56.0, 4, "FDR")),
        ("40 Gb/sec (4X)", (40.0, 4, None)),
        ("", (None, None, None)),
        (None, (None, None, None)),
        ("Unknown", (None, None, None)),
        ("{{ 400 }} Gb/sec", (None, None, None)),
    ],
)
def test_rate(text, expected):
    assert rdma.rate(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4: ACTIVE", "ACTIVE"), ("5: LinkUp", "LinkUp"), ("ACTIVE", None), ("4: ", None), (None, None)],
)
def test_word(text, expected):
    assert rdma.word(text) == expected


@pytest.mark.parametrize("text", ["0000:0000:0000:0000", "node_guid", "", None, "b83f:d203:0000"])
def test_no_guid(text):
    assert rdma.guid(text) is None


def test_gid_needs_an_interface_part():
    assert rdma.gid_is_set("fe80:0000:0000:0000:b83f:d203:0000:0001")
    assert not rdma.gid_is_set("fe80:0000:0000:0000:0000:0000:0000:0000")
    assert not rdma.gid_is_set("0000:0000:0000:0000:0000:0000:0000:0000")
    assert not rdma.gid_is_set(None)


def test_counters_stop_at_what_they_can_count():
    full = {"link_downed": 255, "symbol_error": 65535, "excessive_buffer_overrun_errors": 15, "port_rcv_errors": 65534}
    assert rdma.saturated(full) == ["excessive_buffer_overrun_errors", "link_downed", "symbol_error"]


def test_a_stopped_counter_has_no_rate():
    assert rdma.per_time({"link_downed": 255, "symbol_error": 10}, 10 * DAY, DAY) == {
        "link_downed": None,
        "symbol_error": 1.0,
    }


def test_a_machine_just_booted_is_not_judged_by_a_fraction_of_a_day():
    assert rdma.per_time({"link_downed": 2}, 180.0, DAY) == {"link_downed": 2.0}


@pytest.mark.parametrize(("count", "uptime"), [(None, DAY), (3, None)])
def test_no_rate_without_both(count, uptime):
    assert rdma.per_time({"link_downed": count}, uptime, DAY) == {"link_downed": None}


def test_traffic_is_no_error():
    assert rdma.per_time({"port_rcv_data": 5, "rx_write_requests": 9}, DAY, DAY) == {}
