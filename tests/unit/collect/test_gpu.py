from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import gpu
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay

PCI = "/sys/bus/pci/devices/"
NVML = {
    "nvmlDeviceGetCount": "2",
    "nvmlSystemGetDriverVersion": "580.105.08",
    "gpu.*.nvmlDeviceGetName": "NVIDIA H100 80GB HBM3",
    "gpu.0.nvmlDeviceGetPciInfo": "busId=00000000:1B:00.0",
    "gpu.1.nvmlDeviceGetPciInfo": "busId=00000000:43:00.0",
    "gpu.0.nvmlDeviceGetComputeRunningProcesses_v3": "12/1024",
}
SMI = """<nvidia_smi_log><driver_version>580.105.08</driver_version><attached_gpus>1</attached_gpus>
<gpu id="00000000:1B:00.0"><product_name>NVIDIA H100</product_name><uuid>GPU-1</uuid></gpu></nvidia_smi_log>"""
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.105.08  Release Build  (a@b)  Mon Oct 13\nGCC\n"


def function(address, vendor="0x10de", kind="0x030200", node="1"):
    return {
        f"{PCI}{address}/{name}": value
        for name, value in (("vendor", vendor), ("device", "0x2330"), ("class", kind), ("numa_node", node))
    }


TWO = {**function("0000:1b:00.0"), **function("0000:43:00.0", node="-1")}


def collected(files=TWO, nvml=None, commands=None, wanted=None, closed=True):
    document = {
        "muster_recording": 1,
        "closed": closed,
        "identity": {"now": 0, "uid": 0},
        "files": files,
        "nvml": nvml or {},
        "commands": commands or {},
    }
    return gpu.collect(Replay([document]), wanted or {})


def test_nvidia_by_nvml():
    found = collected({**TWO, "/proc/driver/nvidia/version": OPEN, "/proc/12/comm": "python3\n"}, NVML)
    assert (found["source"], found["vendor"], found["state"]) == ("nvml", "nvidia", "ok")
    assert (found["pci_count"], found["driver_count"]) == (2, 2)
    assert found["driver"]["kernel_module_version"] == "580.105.08"
    assert found["driver"]["kernel_module_flavour"] == "open"
    assert [device["numa_node"] for device in found["devices"]] == [1, None]
    assert found["devices"][0]["processes"][0]["name"] == "python3"
    assert all(device["responding"] for device in found["devices"])
    assert found["errors"] == []


def test_lost_gpu_gets_the_address_that_is_left():
    found = collected(nvml={**NVML, "gpu.1.*": "!15"})
    lost = found["devices"][1]
    assert (lost["state"], lost["label"], lost["responding"]) == ("lost", "GPU 1 (0000:43:00.0)", False)
    assert found["errors"] == [
        {"source": "nvml nvmlDeviceGetHandleByIndex", "reason": "NVML_ERROR_GPU_IS_LOST (GPU 1)"}
    ]


def test_two_lost_gpus_get_no_guess():
    found = collected(nvml={**NVML, "gpu.0.*": "!15", "gpu.1.*": "!15"})
    assert [device["label"] for device in found["devices"]] == ["GPU 0", "GPU 1"]


def test_gpu_that_the_driver_leaves_out():
    found = collected(nvml={**NVML, "gpu.1.absent": "1"})
    assert (found["pci_count"], found["driver_count"], len(found["devices"])) == (2, 1, 1)


@pytest.mark.parametrize(
    ("start", "state"),
    [
        ("!9", "driver_not_loaded"),
        ("!12", "no_library"),
        ("!18", "version_mismatch"),
        ("!4", "failed"),
        ("!999", "failed"),
        ("hang 60000", "timeout"),
    ],
)
def test_nvml_that_does_not_start(start, state):
    found = collected(nvml={**NVML, "nvmlInit": start})
    assert found["state"] == state
    assert found["devices"] is None
    assert found["driver_count"] is None
    assert found["pci_count"] == 2
    assert found["source"] is None
    assert found["errors"][0]["source"] == "nvml"


def test_tool_where_there_is_no_binding():
    status = "GPU 0: NVIDIA H100 (UUID: GPU-1)\n\t Link 0: 26.562 GB/s\n"
    commands = {"nvidia-smi -q -x": {"rc": 0, "stdout": SMI}, "nvidia-smi nvlink --status": {"rc": 0, "stdout": status}}
    found = collected(nvml={**NVML, "pynvml": "absent"}, commands=commands)
    assert (found["source"], found["state"], found["driver_count"]) == ("nvidia-smi", "ok", 1)
    assert found["devices"][0]["links"][0]["label"] == "NVLink 0"
    assert "NO_PYNVML" in found["errors"][0]["reason"]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (None, "no_tool"),
        ({"rc": 0, "stdout": SMI, "state": "timeout"}, "timeout"),
        ({"rc": 18, "stdout": "Failed to initialize NVML: Driver/library version mismatch"}, "version_mismatch"),
        ({"rc": 9, "stdout": "couldn't communicate with the NVIDIA driver"}, "driver_not_loaded"),
        ({"rc": 12, "stdout": "couldn't find libnvidia-ml.so library in your system"}, "no_library"),
        ({"rc": 6, "stdout": "No devices were found"}, "no_device"),
        ({"rc": 0, "stdout": "<nvidia_smi_log><gpu>"}, "failed"),
        ({"rc": 0, "stdout": ""}, "failed"),
        ({"rc": 0, "stdout": {"b64": "//79AAE="}}, "failed"),
    ],
)
def test_neither_binding_nor_tool(answer, state):
    commands = {"nvidia-smi -q -x": answer} if answer else {}
    found = collected(nvml={**NVML, "pynvml": "absent"}, commands=commands)
    assert found["state"] == state
    assert found["devices"] is None
    assert found["pci_count"] == 2
    assert [entry["source"] for entry in found["errors"]] == ["nvml", "nvidia-smi -q -x"]


def test_driver_without_gpus():
    found = collected(nvml={"nvmlDeviceGetCount": "0"})
    assert (found["state"], found["driver_count"], found["devices"]) == ("no_device", 0, [])


def test_count_that_is_refused():
    found = collected(nvml={"nvmlDeviceGetCount": "!999"})
    assert (found["state"], found["driver_count"], found["devices"]) == ("failed", None, None)


def test_machine_without_accelerators():
    others = {
        **function("0000:02:00.0", "0x1a03", "0x030000"),  # the BMC's screen
        **function("0000:1b:00.1", "0x10de", "0x040300"),  # sound
        **function("0000:05:00.0", "0x10de", "0x068000"),  # an NVSwitch
    }
    found = collected(others)
    assert (found["vendor"], found["pci_count"], found["driver_count"], found["devices"]) == (None, 0, 0, [])
    assert found["state"] == "no_device"


def test_bus_that_cannot_be_read():
    found = collected({"/etc/hostname": "a"}, closed=False)
    assert (found["pci_count"], found["devices"], found["state"]) == (None, None, None)
    assert found["errors"]


def test_driver_is_asked_when_the_bus_shows_nothing_but_the_profile_does():
    found = collected({f"{PCI}0000:00:00.0/class": "0x060000"}, NVML, wanted={"vendor": "nvidia"})
    assert (found["vendor"], found["pci_count"], found["driver_count"]) == ("nvidia", 0, 2)


def test_other_vendor_beside():
    found = collected({**TWO, **function("0000:05:00.0", "0x1002", "0x120000")}, NVML)
    assert found["vendor"] == "nvidia"
    assert found["pci_count"] == 3
    assert found["errors"][-1]["reason"] == "1 accelerators of amd beside those of nvidia are not looked at"


def test_wanted():
    assert gpu.wanted({"gpu": {"vendor": "amd"}}) == {"vendor": "amd"}
    assert gpu.wanted({}) == {"vendor": None}


@pytest.mark.parametrize("text", ["\udcff\udcfe", "", "x" * 5000, "{{ 7 * 7 }} <script>alert(1)</script>"])
def test_hostile_texts(text):
    names = {key: text for key in TWO if key.endswith("numa_node")}
    found = collected(
        {**TWO, **names, "/proc/driver/nvidia/version": text, "/proc/12/comm": text},
        {**NVML, "gpu.*.nvmlDeviceGetName": text.replace("\udcff\udcfe", "?") or "?"},
    )
    assert found["state"] == "ok"
    assert found["devices"][0]["numa_node"] is None
