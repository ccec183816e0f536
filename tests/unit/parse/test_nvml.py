from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.nvml_calls import error
from ansible_collections.muster.fleet.plugins.module_utils.nvml_replay import replay
from ansible_collections.muster.fleet.plugins.module_utils.parse import nvml
from ansible_collections.muster.fleet.plugins.module_utils.parse.gpu_shape import blank

HEALTHY = {
    "nvmlDeviceGetCount": "2",
    "nvmlSystemGetDriverVersion": "580.105.08",
    "nvmlSystemGetCudaDriverVersion_v2": "12040",
    "nvmlSystemGetConfComputeState": "environment=2 ccFeature=1 devToolsMode=0",
    "nvmlDeviceGetTopologyCommonAncestor(0,1)": "10",
    "gpu.*.nvmlDeviceGetName": "NVIDIA H100 80GB HBM3",
    "gpu.0.nvmlDeviceGetPciInfo": "busId=00000000:1B:00.0",
    "gpu.1.nvmlDeviceGetPciInfo": "busId=00000000:43:00.0",
    "gpu.*.nvmlDeviceGetNvLinkState(0)": "1",
    "gpu.*.nvmlDeviceGetNvLinkState(1)": "0",
    "gpu.*.nvmlDeviceGetFieldValues(90)": "26562",
    "gpu.*.nvmlDeviceGetNvLinkErrorCounter(1,2)": "7",
}


def said(settings):
    return nvml.facts(replay({**HEALTHY, **settings}, 5).transcript)


def first(**answers):
    return said({f"gpu.0.nvmlDeviceGet{call}": str(value) for call, value in answers.items()})["devices"][0]


def test_shape_and_driver():
    found = said({})
    assert found["driver_count"] == 2
    assert found["driver"]["cuda_version"] == "12.4"
    assert found["driver"]["confidential_compute"] == {
        "enabled": True, "environment": "production", "devtools": False, "ready": None,
    }  # fmt: skip
    for gpu in found["devices"]:
        assert set(gpu) == set(blank("nvidia", 0))
    assert [gpu["label"] for gpu in found["devices"]] == ["GPU 0 (0000:1b:00.0)", "GPU 1 (0000:43:00.0)"]
    assert found["topology"]["common_ancestor"] == [["self", "single_switch"], ["single_switch", "self"]]
    assert found["errors"] == []


@pytest.mark.parametrize(
    ("key", "value", "state"),
    [
        ("gpu.1.*", "!15", "lost"),
        ("gpu.1.nvmlDeviceGetEccMode", "!15", "lost"),
        ("gpu.1.nvmlDeviceGetEccMode", "!16", "reset_required"),
        ("gpu.1.nvmlDeviceGetFieldValues(226)", "1", "reset_required"),
        ("gpu.1.nvmlDeviceGetEccMode", "hang 60000", "hung"),
        ("gpu.1.nvmlDeviceGetHandleByIndex", "hang 60000", "hung"),
        ("gpu.1.nvmlDeviceGetHandleByIndex", "!4", "error"),
        ("gpu.1.nvmlDeviceGetEccMode", "!999", "ok"),
        ("gpu.1.nvmlDeviceGetEccMode", "!3", "ok"),
    ],
)
def test_states(key, value, state):
    good, bad = said({key: value})["devices"]
    assert (good["state"], bad["state"]) == ("ok", state)
    assert (bad["state_detail"] is None) == (state == "ok")


def test_errors_are_gathered():
    everybody = said({"gpu.*.nvmlDeviceGetEccMode": "!999"})["errors"]
    assert everybody == [{"source": "nvml nvmlDeviceGetEccMode", "reason": "NVML_ERROR_UNKNOWN (GPU 0, GPU 1)"}]
    assert said({"gpu.*.nvmlDeviceGetEccMode": "!13"})["errors"] == []  # an older driver, no failure


def test_call_in_which_the_probe_died():
    transcript = replay(HEALTHY).transcript
    transcript["gpus"][1]["nvmlDeviceGetEccMode"] = {"error": "CRASHED", "detail": "exit code -11"}
    found = nvml.facts(transcript)
    assert found["devices"][1]["state"] == "error"
    assert found["errors"][0]["reason"] == "CRASHED: exit code -11 (GPU 1)"


def test_gpu_that_was_never_reached():
    transcript = replay(HEALTHY).transcript
    transcript["gpus"][1] = {}
    assert nvml.facts(transcript)["devices"][1]["state_detail"] == "never asked"


def test_older_memory_call_counts_the_reserved_part_as_used():
    newer = first(MemoryInfo_v2="total=100 reserved=10 free=90 used=0")
    assert newer["memory"] == {"total_bytes": 100, "used_bytes": 0, "reserved_bytes": 10}
    assert first(MemoryInfo="total=100 free=90 used=10")["memory"] == {
        "total_bytes": 100, "used_bytes": 10, "reserved_bytes": None,
    }  # fmt: skip


def test_temperatures():
    assert first(**{"TemperatureV(0)": 30, "MarginTemperature": 57})["temperature_margin_c"] == 57
    older = first(**{"Temperature(0)": 34, "TemperatureThreshold(1)": 89, "TemperatureThreshold(0)": 92})
    assert (older["temperature_c"], older["temperature_margin_c"]) == (34, 55)
    assert older["thresholds"] == {"slowdown_c": 89, "shutdown_c": 92, "memory_max_c": None}
    assert first()["temperature_margin_c"] is None


def test_clock_event_reasons():
    assert first(CurrentClocksEventReasons="0x88")["throttle"] == {
        "reasons": ["hw_power_brake_slowdown", "hw_slowdown"],
        "hw_slowdown": True,
        "hw_thermal": False,
        "hw_power_brake": True,
        "sw_thermal": False,
        "sw_power_cap": False,
    }
    assert first(CurrentClocksThrottleReasons="0x40")["throttle"]["hw_thermal"] is True  # an older driver's name
    assert first()["throttle"]["hw_slowdown"] is None


def test_ecc_by_place():
    errors = {f"MemoryErrorCounter(1,0,{place})": count for place, count in ((2, 3), (7, 1))}
    volatile = first(**errors)["ecc"]["volatile"]
    assert (volatile["dram_uncorrected"], volatile["sram_uncorrected"], volatile["uncorrected"]) == (3, 1, 4)
    status = first(SramEccErrorStatus="volatileUncParity=2 volatileUncSecDed=3 bThresholdExceeded=1")["ecc"]
    assert status["volatile"]["sram_uncorrected"] == 5
    assert status["sram_threshold_exceeded"] is True


def test_memory_repair():
    gpu = first(RemappedRows="1,8,0,1", RowRemapperHistogram="max=5 none=1", RepairStatus="1,0")
    assert (gpu["remap"]["corrected"], gpu["remap"]["uncorrected"]) == (1, 8)
    assert (gpu["remap"]["pending"], gpu["remap"]["failed"], gpu["remap"]["banks"]["none"]) == (False, True, 1)
    assert gpu["repair"] == {"channel_pending": True, "tpc_pending": False}
    assert first(**{"FieldValues(230)": 4})["recovery_action"] == "drain_and_reset"
    assert first(**{"FieldValues(230)": 99})["recovery_action"] == "99"


def test_links():
    links = said({})["devices"][0]["links"]
    assert [(link["active"], link["speed_mbps"]) for link in links] == [(True, 212496), (False, 212496)]
    assert links[1]["label"] == "NVLink 1"
    assert links[1]["errors"]["crc_flit"] == 7
    assert links[1]["errors"]["crc_data"] is None


@pytest.mark.parametrize(
    ("answer", "links"),
    [("!3", []), ("!2", []), ("!13", None), ("!999", None)],
)
def test_no_links_and_unknown_links_differ(answer, links):
    assert first(**{"NvLinkState(0)": answer})["links"] == links


def test_fabric():
    uuid = "0123456789abcdef0123456789abcdef"
    whole = first(GpuFabricInfoV=f"state=3 cliqueId=2 clusterUuid={uuid} healthMask=0x1a9 healthSummary=2")["fabric"]
    assert (whole["state"], whole["status"], whole["clique_id"], whole["health"]) == (
        "completed",
        "success",
        2,
        "unhealthy",
    )
    assert whole["cluster_uuid"] == "01234567-89ab-cdef-0123-456789abcdef"
    assert (whole["degraded_bandwidth"], whole["route_recovery"], whole["route_unhealthy"]) == (True, False, False)
    assert whole["incorrect_configuration"] == "none"
    older = first(GpuFabricInfo="state=2 cliqueId=1")["fabric"]
    assert (older["state"], older["health"], older["degraded_bandwidth"]) == ("in_progress", None, None)
    assert first(GpuFabricInfoV="state=0")["fabric"]["clique_id"] is None
    refused = first(GpuFabricInfoV="state=3 status=6")["fabric"]
    assert refused["status"] == error(6)["error"] == "NVML_ERROR_NOT_FOUND"


def test_parts_of_the_fabric_health_that_are_not_watched():
    def lacking(mask):
        return [
            name[7:] for name in first(GpuFabricInfoV=f"state=3 healthMask={mask}")["not_supported"] if "fabric" in name
        ]

    assert lacking("0x1aa") == []
    assert lacking("0x0aa") == ["incorrect_configuration"]
    assert lacking("0x1a0") == ["degraded_bandwidth", "route_recovery"]
    assert lacking("0x0") == []  # nothing at all is watched: that is no answer
    assert [name for name in first(GpuFabricInfoV="!999")["not_supported"] if "fabric" in name] == []


@pytest.mark.parametrize(
    ("answer", "lacks"), [("!3", True), ("!13", True), ("!26", True), ("!999", False), ("!4", False)]
)
def test_what_is_not_supported_is_no_failed_read(answer, lacks):
    for fact, call in nvml.OPTIONAL.items():
        gpu = first(**{call.replace("nvmlDeviceGet", ""): answer})
        assert (fact in gpu["not_supported"]) == lacks


def test_clocks_and_state():
    gpu = first(**{"ClockInfo(1)": 1000, "MaxClockInfo(1)": 2000, "PerformanceState": 8})
    assert (gpu["clocks"]["sm_percent"], gpu["performance_state"]) == (50.0, "P8")
    gpu = first(**{"ClockInfo(1)": 1000, "MaxClockInfo(1)": 2000, "DefaultApplicationsClock(1)": 1250})
    assert (gpu["clocks"]["sm_percent"], gpu["clocks"]["sm_default_mhz"]) == (80.0, 1250)
    assert (first()["clocks"]["sm_percent"], first()["performance_state"]) == (None, None)


@pytest.mark.parametrize(
    ("answers", "corrupted"),
    [({}, None), ({"InforomConfigurationChecksum": 7}, False), ({"InforomConfigurationChecksum": "!14"}, True),
     ({"InforomConfigurationChecksum": 7, "InforomVersion(1)": "!14"}, True),
     ({"InforomConfigurationChecksum": "!999"}, None)],
)  # fmt: skip
def test_inforom(answers, corrupted):
    assert first(**answers)["inforom_corrupted"] is corrupted


def test_retired_pages():
    gpu = first(**{"RetiredPages(0)": 3, "RetiredPages(1)": 58, "RetiredPagesPendingStatus": 1})
    assert (gpu["retired_page_count"], gpu["retired_pages"]["pending"]) == (61, True)


def test_instances():
    settings = {
        "gpu.0.nvmlDeviceGetMigMode": "1,1",
        "gpu.0.nvmlDeviceGetMaxMigDeviceCount": "7",
        "gpu.0.mig.nvmlDeviceGetUUID(0)": "MIG-a",
        "gpu.0.mig.nvmlDeviceGetUUID(4)": "MIG-b",
        "gpu.0.mig.nvmlDeviceGetMemoryErrorCounter(0,1,0,7)": "2",
    }
    found = said(settings)
    assert [(each["label"], each["uuid"], each["sram_uncorrected"]) for each in found["devices"][0]["instances"]] == [
        ("MIG 0", "MIG-a", 2),
        ("MIG 4", "MIG-b", None),
    ]
    assert found["errors"] == []  # an index without an instance is no failure
    assert first(MigMode="0,0")["instances"] == []
    assert first(MigMode="1,1")["instances"] is None
    assert first()["instances"] is None


@pytest.mark.parametrize(("coded", "rate"), [(0xFFF, 15e-255), (0x204, 2e-4), (0, 0.0), (0x10C, 1e-12)])
def test_bit_error_rate(coded, rate):
    errors = first(**{"FieldValues(220)": coded, "FieldValues(222)": coded})["links"][0]["errors"]
    assert (errors["effective_ber"], errors["symbol_ber"]) == (rate, rate)


def test_platform():
    words = (
        "ibGuid=0123456789abcdef0000000000000000 chassisSerialNumber=18 slotNumber=14 trayIndex=4 peerType=2 moduleId=3"
    )
    gpu = first(PlatformInfo=words)
    assert (gpu["chassis_serial"], gpu["module_id"], gpu["platform"]["slot"]) == ("18", 3, 14)
    assert (gpu["platform"]["peer_type"], gpu["platform"]["fabric_guid"]) == ("switch", "0123456789abcdef")
    alone = first(PlatformInfo="slotNumber=0 trayIndex=0 hostId=1 moduleId=8")  # an H200 in no rack-scale chassis
    assert (alone["chassis_serial"], alone["module_id"]) == (None, 8)
    assert set(alone["platform"].values()) == {None}


def test_processes_and_modes():
    gpu = first(ComputeRunningProcesses_v3="12/1024", PersistenceMode=0, MigMode="1,0", ComputeMode=3)
    assert gpu["processes"] == [{"label": "process 12", "pid": 12, "name": None, "memory_bytes": 1024}]
    assert (gpu["persistence"], gpu["compute_mode"]) == (False, "exclusive_process")
    assert gpu["mig"] == {"enabled": True, "pending": False}
    assert first(ComputeRunningProcesses_v3="none")["processes"] == []
    assert first()["processes"] is None


@pytest.mark.parametrize(
    "transcript", [{}, {"system": {}, "gpus": []}, {"library": {}, "system": {"nvmlDeviceGetCount": error(999)}}]
)
def test_empty_transcripts(transcript):
    found = nvml.facts(transcript)
    assert found["devices"] is None
    assert found["driver_count"] is None
