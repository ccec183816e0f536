from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.parse import nvidia_smi
from ansible_collections.muster.fleet.plugins.module_utils.parse.gpu_shape import blank, pci_address, total
from ansible_collections.muster.fleet.plugins.module_utils.parse.nvidia_smi_nvlink import nvlinks

# file, GPUs listed, driver, CUDA, model, PCIe generation and width (now/most), persistence, MIG, fabric/clique, VBIOS
REAL = """
smi-a100-real.xml | 1 | 570.148.08 | 12.8 | NVIDIA A100-SXM4-40GB | 4/4 | 16/16 | on | off | - | 92.00.45.00.03
smi-a100-sxm4-v12.xml | 1 | 535.54.03 | 12.2 | NVIDIA A100-SXM4-80GB | 4/4 | 16/16 | off | on | - | 92.00.36.00.02
smi-a10g.xml | 1 | 515.105.01 | 11.7 | NVIDIA A10G | 1/4 | 8/16 | off | - | - | 94.02.75.00.01
smi-gb200-real.xml | 4 | 580.173.02 | 13.0 | NVIDIA GB200 | 5/5 | 16/16 | on | off | completed/2 | 97.00.B9.00.69
smi-h100-real.xml |8| 580.105.08 | 13.0 | NVIDIA H100 80GB HBM3 | 5/5 | 16/16 | on | off | completed/0 | 96.00.99.00.01
smi-t4-real.xml | 1 | 595.91.07 | 13.2 | Tesla T4 | 3/3 | 8/16 | on | - | - | 90.04.96.00.02
"""
ROWS = [[cell.strip() for cell in line.split("|")] for line in REAL.strip().splitlines()]
SAID = {"on": True, "off": False, "-": None}


def read(fixtures, name):
    return nvidia_smi.facts((fixtures / "nvidia" / name).read_text())


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_recorded_machines(fixtures, row):
    name, count, driver, cuda, model, generation, width, persistence, mig, fabric, vbios = row
    found = read(fixtures, name)
    assert (found["driver"]["version"], found["driver"]["cuda_version"]) == (driver, cuda)
    assert len(found["devices"]) == int(count)
    for gpu in found["devices"]:
        assert (gpu["state"], gpu["model"], gpu["firmware"]["vbios"]) == ("ok", model, vbios)
        assert f"{gpu['pcie']['generation']}/{gpu['pcie']['generation_max']}" == generation
        assert f"{gpu['pcie']['width']}/{gpu['pcie']['width_max']}" == width
        assert (gpu["persistence"], gpu["mig"]["enabled"]) == (SAID[persistence], SAID[mig])
        state, clique = gpu["fabric"]["state"], gpu["fabric"]["clique_id"]
        assert (f"{state}/{clique}" if state else "-") == fabric
        assert (gpu["ecc"]["enabled"], gpu["ecc"]["volatile"]["uncorrected"]) == (True, 0)
        assert gpu["temperature_margin_c"] > 20
        assert gpu["label"] == f"GPU {gpu['index']} ({gpu['pci_address']})"


def test_recorded_h100(fixtures):
    gpu = read(fixtures, "smi-h100-real.xml")["devices"][0]
    assert gpu["pci_address"] == "0000:53:00.0"
    assert gpu["pcie"]["replay_count"] == 150
    assert gpu["module_id"] == 7
    assert gpu["memory"] == {"total_bytes": 81559 << 20, "used_bytes": 0, "reserved_bytes": 480 << 20}
    assert gpu["remap"]["banks"]["max"] == 2560
    assert gpu["repair"] == {"channel_pending": False, "tpc_pending": False}
    assert gpu["recovery_action"] == "none"
    assert gpu["fabric"]["cluster_uuid"] == "00000000-0000-0000-0000-000000000000"
    assert (gpu["power_w"], gpu["power_limit_w"], gpu["power_min_w"]) == (68.57, 700.0, 200.0)
    assert gpu["throttle"]["reasons"] == ["gpu_idle"]
    assert gpu["throttle"]["hw_slowdown"] is False
    assert (gpu["memory_temperature_c"], gpu["temperature_margin_c"]) == (37, 58)
    assert gpu["chassis_serial"] is None
    assert gpu["links"] is None  # this document does not speak of NVLinks


def test_recorded_gb200(fixtures):
    gpus = read(fixtures, "smi-gb200-real.xml")["devices"]
    assert {gpu["addressing_mode"] for gpu in gpus} == {"ats"}
    assert {gpu["fabric"]["health"] for gpu in gpus} == {"healthy"}
    assert {gpu["fabric"]["degraded_bandwidth"] for gpu in gpus} == {False}
    assert gpus[0]["platform"]["peer_type"] == "switch"
    assert (gpus[0]["platform"]["slot"], gpus[0]["platform"]["tray"]) == (14, 4)
    assert gpus[0]["chassis_serial"] == "1820000000001"


def test_recorded_t4(fixtures):
    gpu = read(fixtures, "smi-t4-real.xml")["devices"][0]
    assert gpu["ecc"]["aggregate"]["dram_corrected"] == 1
    assert gpu["ecc"]["aggregate"]["corrected"] == 1
    assert gpu["retired_pages"] == {"single_bit": 0, "double_bit": 0, "pending": False}
    assert gpu["remap"]["pending"] is None
    assert gpu["power_w"] == 33.51  # no average there: the instant one
    assert gpu["thresholds"] == {"slowdown_c": 93, "shutdown_c": 96, "memory_max_c": None}
    assert gpu["temperature_margin_c"] == 60


def test_recorded_clocks_and_what_the_boards_do_not_have(fixtures):
    h100, gb200, t4, a100, mig = (
        read(fixtures, f"smi-{name}.xml")["devices"][0]
        for name in ("h100-real", "gb200-real", "t4-real", "a100-real", "a100-sxm4-v12")
    )
    for gpu in (h100, gb200, a100, mig):
        assert gpu["clocks"]["sm_application_mhz"] == gpu["clocks"]["sm_default_mhz"]
        assert (gpu["performance_state"], gpu["retired_page_count"]) == ("P0", None)
        assert {"retired_page_count", "retired_pages.pending"} <= set(gpu["not_supported"])
    assert (h100["clocks"]["sm_percent"], h100["clock_reasons"]["explained"]) == (17.4, True)
    assert (a100["clocks"]["sm_default_mhz"], a100["clocks"]["sm_max_mhz"]) == (1095, 1410)
    assert (mig["clocks"]["sm_percent"], mig["clock_reasons"]["explained"]) == (
        100.0,
        False,
    )  # at work, not at its most
    assert "clocks.sm_application_mhz" in t4["not_supported"]
    assert (t4["retired_page_count"], t4["retired_pages"]["pending"]) == (0, False)
    assert [name for name in gb200["not_supported"] if "fabric" in name] == ["fabric.incorrect_configuration"]
    assert [name for name in h100["not_supported"] if "fabric" in name] == []  # nobody watches its fabric's health
    assert gb200["unrepairable_memory"] is False
    for gpu in (h100, gb200, t4, a100, mig):
        assert gpu["clock_reasons"]["unexplained"] == gpu["clock_reasons"]["unanswered"] == []


def test_recorded_mig_instances(fixtures):
    (gpu,) = read(fixtures, "smi-a100-sxm4-v12.xml")["devices"]
    assert [(each["label"], each["sram_uncorrected"]) for each in gpu["instances"][:2]] == [("MIG 0", 0), ("MIG 1", 0)]
    assert read(fixtures, "smi-h100-real.xml")["devices"][0]["instances"] == []


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_every_section_of_recorded_machines_is_known(fixtures, row):
    assert read(fixtures, row[0])["errors"] == []


def test_recorded_a10g_draws_but_does_not_compute(fixtures):
    assert read(fixtures, "smi-a10g.xml")["devices"][0]["processes"] == []


def test_injected_errors(fixtures):
    gpu = read(fixtures, "smi-gb200-ecc-injected-mock.xml")["devices"][0]
    assert gpu["ecc"]["volatile"]["dram_uncorrected"] == 5
    assert gpu["ecc"]["volatile"]["uncorrected"] == 5  # at least: the on-chip part is not given
    assert gpu["ecc"]["aggregate"]["dram_uncorrected"] == 8
    assert (gpu["remap"]["uncorrected"], gpu["remap"]["failed"]) == (1, True)


def test_lost_gpu(fixtures):
    good, lost = read(fixtures, "smi-gb200-lost-mock.xml")["devices"]
    assert (good["state"], lost["state"]) == ("ok", "lost")
    assert "gpu is lost" in lost["state_detail"]
    assert lost["temperature_c"] is None
    assert lost["ecc"]["volatile"]["uncorrected"] is None
    assert lost["fabric"]["state"] is None


@pytest.mark.parametrize("name", ["nvlink-status-a100.txt", "azure-good_nvlink_status.txt"])
def test_recorded_links(fixtures, name):
    links = nvlinks((fixtures / "nvidia" / name).read_text())
    assert all(len(mine) == 12 for mine in links.values())
    assert {link["speed_mbps"] for mine in links.values() for link in mine} == {200000}


# --- made up ----------------------------------------------------------------------------------------------------


def document(inside, count="1"):
    gpu = f"<gpu id='00000000:1B:00.0'>{inside}</gpu>"
    return f"<nvidia_smi_log><attached_gpus>{count}</attached_gpus>{gpu}</nvidia_smi_log>"


def one(inside):
    return nvidia_smi.facts(document(inside))["devices"][0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Failed to initialize NVML: Driver/library version mismatch",
        "<nvidia_smi_log><gpu>",
        "<html></html>",
        "\x00\x01",
        '<!DOCTYPE a [<!ENTITY b "c">]><nvidia_smi_log/>',
        "<nvidia_smi_log>" + "x" * (17 << 20) + "</nvidia_smi_log>",
    ],
)
def test_no_such_document(text):
    assert nvidia_smi.facts(text) is None


@pytest.mark.parametrize(
    "word",
    [
        "N/A",
        "[N/A]",
        "Unknown Error",
        "Insufficient Permissions",
        "ERR!",
        "",
        "many",
        "{{ 7 * 7 }}",
        "1 2 3",
        "Not Found",
    ],
)
def test_words_are_not_numbers(word):
    assert one(f"<temperature><gpu_temp>{word}</gpu_temp></temperature>")["temperature_c"] is None


def test_empty_gpu_is_of_the_full_shape():
    gpu = one("")
    assert set(gpu) == set(blank("nvidia", 0))
    assert gpu["processes"] is None
    assert gpu["throttle"]["hw_slowdown"] is None


def test_errors_of_boards_before_turing():
    def bits(single, double):
        return (
            f"<single_bit><device_memory>{single}</device_memory><l2_cache>1</l2_cache><total>{single}</total></single_bit>"
            f"<double_bit><device_memory>{double}</device_memory><total>{double}</total></double_bit>"
        )

    inside = f"<ecc_errors><volatile>{bits(4, 2)}</volatile><aggregate>{bits('N/A', 'N/A')}</aggregate></ecc_errors>"
    ecc = one(inside)["ecc"]
    assert (ecc["volatile"]["corrected"], ecc["volatile"]["uncorrected"]) == (4, 2)
    assert (ecc["volatile"]["dram_corrected"], ecc["volatile"]["dram_uncorrected"]) == (4, 2)
    assert (ecc["aggregate"]["corrected"], ecc["aggregate"]["uncorrected"]) == (None, None)


@pytest.mark.parametrize(("count", "errors"), [("0", 0), ("3", 3), ("N/A", None), ("", None), ("many", None)])
def test_errors_of_a_mig_instance(count, errors):
    inside = (
        "<mig_devices><mig_device><index>1</index><ecc_error_count><volatile_count>"
        f"<sram_uncorrectable>{count}</sram_uncorrectable></volatile_count></ecc_error_count></mig_device></mig_devices>"
    )
    (instance,) = one(inside)["instances"]
    assert (instance["index"], instance["sram_uncorrected"]) == (1, errors)
    assert one("<mig_devices>None</mig_devices>")["instances"] == []
    assert one("<mig_devices>N/A</mig_devices>")["instances"] is None


def test_retired_pages_of_both_causes():
    inside = (
        "<retired_pages><multiple_single_bit_retirement><retired_count>3</retired_count></multiple_single_bit_retirement>"
        "<double_bit_retirement><retired_count>{}</retired_count></double_bit_retirement></retired_pages>"
    )
    assert one(inside.format(58))["retired_page_count"] == 61
    assert one(inside.format("N/A"))["retired_page_count"] == 3  # at least


def test_reset_required_and_unknown_error():
    assert one("<temperature><gpu_temp>GPU requires reset</gpu_temp></temperature>")["state"] == "reset_required"
    assert one("<product_name>Unknown Error</product_name>")["state"] == "error"


def test_throttling_in_the_older_spelling():
    gpu = one(
        "<clocks_throttle_reasons><clocks_throttle_reason_hw_power_brake_slowdown>Active"
        "</clocks_throttle_reason_hw_power_brake_slowdown></clocks_throttle_reasons>"
    )
    assert gpu["throttle"]["hw_power_brake"] is True
    assert gpu["throttle"]["hw_slowdown"] is None  # nobody has said that it is not


def test_processes():
    entry = "<process_info><pid>7</pid><type>{}</type><used_memory>2 MiB</used_memory></process_info>"
    gpu = one("<processes>" + entry.format("C") + entry.format("G") + entry.format("C+G") + "</processes>")
    assert [(each["pid"], each["memory_bytes"]) for each in gpu["processes"]] == [(7, 2 << 20)] * 2
    assert one("<processes>N/A</processes>")["processes"] is None


def test_links_that_are_down():
    found = nvlinks("GPU 0: X (UUID: GPU-1)\n\t Link 0: 26.562 GB/s\n\t Link 1: <inactive>\n")
    assert [(link["active"], link["speed_mbps"]) for link in found["GPU-1"]] == [(True, 212496), (False, None)]
    assert nvlinks("NVML: no such device\n\t Link 0: 1 GB/s") == {}


@pytest.mark.parametrize(
    ("text", "address"),
    [("00000000:53:00.0", "0000:53:00.0"), ("00010000:0A:1F.7", "10000:0a:1f.7"), ("0008:01:00.0", "0008:01:00.0"),
     ("01:00.0", "0000:01:00.0"), (None, None), ("GPU is lost", None), ("0000:zz:00.0", None)],
)  # fmt: skip
def test_addresses(text, address):
    assert pci_address(text) == address


@pytest.mark.parametrize(("parts", "whole"), [((1, 2), 3), ((0, 0), 0), ((None, 0), None), ((None, 5), 5), ((), None)])
def test_totals(parts, whole):
    assert total(*parts) == whole
