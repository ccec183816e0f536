"""What shows only when the accelerators of a machine are seen side by side."""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import gpu_beside
from ansible_collections.muster.fleet.plugins.module_utils.host import Asked
from ansible_collections.muster.fleet.plugins.module_utils.judge.engine import Ground, judge_check
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue

CHECKS = {check["id"]: check for check in catalogue.checks()}
DAY_S = 86400
UNWIRED = (4, 5, 10, 11, 16, 17)
H100_NVL = {"gpu.vendor": "nvidia", "gpu.nvlink_count": 12, "gpu.nvlink_speed_mbps": 212496,
            "gpu.nvlink_remote": "gpu", "gpu.nvlink_counters": "links", "gpu.nvlink_replay_max": 100,
            "gpu.nvlink_recoveries_per_day_max": 1, "gpu.nvlink_crc_data_max": 100,
            "gpu.nvlink_crc_flit_max": 100}  # fmt: skip
LINK_CHECKS = [name for name in CHECKS if name.startswith(("nvlink.link.", "nvlink.errors."))]


def beside(devices, uptime=f"{30 * DAY_S}.00 1.0\n"):
    files = {"/proc/uptime": uptime} if uptime is not None else {}
    document = {"muster_recording": 1, "closed": True, "identity": {"now": 0, "uid": 0}, "files": files}
    return gpu_beside.facts(Asked(Replay([document])), devices)


def link(index, active=True, **errors):
    counts = dict.fromkeys(("crc_data", "crc_flit", "replay", "recovery"), 0 if active else None)
    return {"label": f"NVLink {index}", "index": index, "kind": "nvlink", "active": active,
            "speed_mbps": 212496 if active else 0, "remote": "gpu" if active else None,
            "errors": {**counts, **errors}}  # fmt: skip


def board(index, down=UNWIRED, **more):
    links = [link(number, number not in down) for number in range(18)]
    return {"label": f"GPU {index}", "responding": True, "links": links, **more}


def rows(devices, profile=H100_NVL):
    values = {"gpu": {path[4:]: value for path, value in profile.items()}}
    beside(devices)
    ground = Ground({"gpu": {"devices": devices}}, {"name": "case", "values": values, "sources": {}}, "2026-11-18")
    return [row for name in LINK_CHECKS for row in judge_check(CHECKS[name], ground)]


def red(found):
    """Return the first message of each check that does not pass."""
    return {row["id"]: row["message"] for row in reversed(found) if row["status"] in ("fail", "unknown")}


# --- links ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_board_that_wires_twelve_of_eighteen_is_ready(count):
    devices = [board(index) for index in range(count)]
    assert red(rows(devices)) == {}
    assert {device["link_count"] for device in devices} == {12}
    assert devices[0]["unwired_links"] == list(UNWIRED)


def test_board_that_should_have_them_all_is_not():
    found = red(rows([board(0), board(1)], {**H100_NVL, "gpu.nvlink_count": 18}))
    assert found == {"nvlink.link.count": found["nvlink.link.count"]}
    assert found["nvlink.link.count"] == "GPU 0: number of wired NVLinks is 12, expected 18 (profile case)"


def test_wired_link_that_is_down_on_one_gpu():
    found = red(rows([board(0), board(1, (*UNWIRED, 7))]))
    assert found["nvlink.link.active"].startswith("GPU 1 NVLink 7: activity of the link is no")
    assert "nvlink.link.count" not in found


@pytest.mark.parametrize("count", [1, 2])
def test_wired_link_that_is_down_on_every_gpu_is_missed_in_the_count(count):
    found = red(rows([board(index, (*UNWIRED, 7)) for index in range(count)]))
    assert found == {"nvlink.link.count": "GPU 0: number of wired NVLinks is 11, expected 12 (profile case)"}


def test_all_links_down_everywhere():
    found = red(rows([board(0, range(18)), board(1, range(18))]))
    assert "number of wired NVLinks is 0" in found["nvlink.link.count"]
    assert len(set(found)) > 4  # nothing is left to pass


def test_gpu_that_does_not_answer_says_nothing_of_the_wiring():
    lost = {"label": "GPU 1", "responding": False, "links": [link(number, False) for number in range(18)]}
    devices = [board(0, (*UNWIRED, 7)), board(2), lost]
    beside(devices)
    assert devices[1]["unwired_links"] == list(UNWIRED)
    assert devices[0]["link_count"] == 12
    assert len(lost["links"]) == 18


def test_link_of_unknown_state_is_not_unwired():
    devices = [board(0), board(1)]
    for device in devices:
        device["links"][4]["active"] = "7"
    beside(devices)
    assert devices[0]["link_count"] == 13
    assert "unknown" in {row["status"] for row in rows(devices) if row["id"] == "nvlink.link.active"}


def test_links_of_others_stay_where_they_are():
    devices = [{"responding": True, "links": [{"kind": "xgmi", "index": 0, "active": False}]}]
    beside(devices)
    assert (devices[0]["link_count"], len(devices[0]["links"])) == (1, 1)
    nothing = [{"responding": True, "links": None}]
    beside(nothing)
    assert nothing[0]["link_count"] is None


@pytest.mark.parametrize(
    ("count", "uptime", "rate"),
    [(12, 30 * DAY_S, 0.4), (12, 3600, 12.0), (0, 60, 0.0), (900, 12 * DAY_S, 75.0), (None, DAY_S, None)],
)
def test_recoveries_a_day(count, uptime, rate):
    device = {"responding": True, "links": [link(0, recovery=count)]}
    beside([device], f"{uptime}.00 1.00\n")
    assert device["links"][0]["errors"]["recovery_per_day"] == rate


@pytest.mark.parametrize("uptime", [None, "", "moonlit"])
def test_recoveries_of_a_machine_that_does_not_say_how_long_it_is_up(uptime):
    device = {"responding": True, "links": [link(0, recovery=3)]}
    beside([device], uptime)
    assert device["links"][0]["errors"]["recovery_per_day"] is None


# --- all together -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", range(4))
def test_what_holds_for_all_of_them(count):
    processes = {True: [{"pid": 7}], False: [], None: None}
    for values in itertools.product((True, False, None), repeat=count):
        devices = [
            {"responding": True, "clock_reasons": {"explained": value}, "processes": processes[value]}
            for value in values
        ]
        found = beside([*devices, {"responding": False, "clock_reasons": {"explained": False}, "processes": []}])
        wanted = False if False in values else None if None in values or not values else True
        assert (found["clocks_explained"], found["all_in_use"]) == (wanted, wanted), values


def test_not_supported_is_what_everybody_lacks():
    def lacking(*names, responding=True):
        return {"responding": responding, "not_supported": list(names)}

    assert beside([lacking("b", "a"), lacking("b")])["not_supported"] == ["b"]
    assert beside([lacking("b"), lacking()])["not_supported"] == []
    assert beside([lacking("b"), lacking(responding=False)])["not_supported"] == ["b"]
    assert beside([{"responding": True}])["not_supported"] == []
    assert (beside([])["not_supported"], beside(None)["not_supported"]) == (None, None)
