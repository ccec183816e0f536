# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The simulated library under the real binding, and the same answers without a compiler: they must not differ."""

from __future__ import annotations

import ctypes
import sys
import time
from pathlib import Path

import pytest

LAB = Path(__file__).parents[2] / "lab"
sys.path[:0] = [str(LAB), str(LAB / "nvml")]

import build  # noqa: E402
from builder import gpu_nvidia, pci  # noqa: E402
from builder.__main__ import layer  # noqa: E402
from builder.node import NODES  # noqa: E402
from builder.recording import Recording  # noqa: E402

from ansible_collections.muster.fleet.plugins.module_utils import nvml_calls, nvml_probe, nvml_replay  # noqa: E402
from ansible_collections.muster.fleet.plugins.module_utils.replay import layered  # noqa: E402

pynvml = pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed: it is what the library is loaded by")
NODE = {node.klass: node for node in reversed(NODES)}
FAULTS = [fault for fault in gpu_nvidia.FAULTS if "hgx_h100" in fault.classes]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    built = build.build(tmp_path_factory.mktemp("nvml"))
    if built is None:
        pytest.skip("no C compiler (cc, gcc, clang): the simulated NVML library cannot be built")
    return str(built)


def recorded(klass):
    recording = Recording(NODE[klass])
    pci.render(NODE[klass], recording)
    gpu_nvidia.render(NODE[klass], recording)
    return recording


def answers(settings, library=None):
    transcript = nvml_replay.replay(settings, library=library).transcript
    return transcript["library"], transcript["system"], transcript["gpus"]


@pytest.mark.parametrize("klass", ["hgx_h100", "gb200_tray"])
def test_both_ways_agree_on_a_healthy_node(library, klass):
    settings = recorded(klass).document["nvml"]
    without, with_library = answers(settings), answers(settings, library)
    assert with_library[0] == {"binding": "pynvml over simulated library"}
    assert without[0] == {"binding": "replayed answers"}
    assert with_library[1:] == without[1:]
    assert len(with_library[2]) == {"hgx_h100": 8, "gb200_tray": 4}[klass]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_both_ways_agree_on_a_fault(library, fault):
    base = recorded("hgx_h100")
    settings = layered([base.document, layer(NODE["hgx_h100"], base, fault)])["nvml"]
    assert answers(settings, library)[1:] == answers(settings)[1:]


def test_a_hung_gpu_costs_no_other_its_answers(library):
    settings = {**recorded("hgx_h100").document["nvml"], "gpu.7.nvmlDeviceGetPersistenceMode": "hang 60000"}
    started = time.monotonic()
    unused, system, gpus = answers(settings, library)
    assert time.monotonic() - started < nvml_replay.HANG_TIMEOUT_S + 2
    assert gpus[7]["nvmlDeviceGetPersistenceMode"] == {"error": "TIMEOUT"}
    assert gpus[7]["nvmlDeviceGetName"] == "NVIDIA H100 80GB HBM3"
    assert "nvmlDeviceGetMigMode" not in gpus[7]
    assert all(gpu["nvmlDeviceGetPersistenceMode"] == 1 for gpu in gpus[:7])
    assert all(gpu["nvmlDeviceGetFieldValues(82)"] for gpu in gpus[:7])
    assert "nvmlDeviceGetTopologyCommonAncestor(0,1)" not in system  # asked only when no thread is stuck


@pytest.mark.parametrize(
    ("settings", "state", "said"),
    [
        ({"nvmlInit": "!9"}, "failed", "NVML_ERROR_DRIVER_NOT_LOADED"),
        ({"nvmlInit": "!18"}, "failed", "NVML_ERROR_LIB_RM_VERSION_MISMATCH"),
        ({"nvmlInit": "!12"}, "absent", "NVML_ERROR_LIBRARY_NOT_FOUND"),
        ({"nvmlInit": "!4"}, "denied", "NVML_ERROR_NO_PERMISSION"),
        ({"nvmlInit": "!999"}, "failed", "NVML_ERROR_UNKNOWN"),
        ({"nvmlInit": "hang 60000"}, "timeout", "nvmlInit did not return"),
        ({"nvmlDeviceGetCount": "0"}, "ok", ""),
    ],
)
def test_what_becomes_of_starting(library, settings, state, said):
    for where in (None, library):
        answer = nvml_replay.replay(settings, library=where)
        assert (answer.state, answer.detail) == (state, said)


def test_the_controllers_binding_serves_a_node_that_has_none(library, tmp_path, monkeypatch):
    bare = tmp_path / "python3"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    monkeypatch.setattr(nvml_probe.sys, "executable", str(bare))
    settings = recorded("hgx_h100").document["nvml"]
    assert nvml_replay.replay(settings, library=library).state == "absent"
    sent = nvml_replay.replay(settings, library=library, binding=Path(pynvml.__file__).read_text())
    assert sent.transcript["library"] == {"binding": "pynvml sent along over simulated library"}
    assert sent.transcript["gpus"] == nvml_replay.replay(settings).transcript["gpus"]


def test_structures_have_the_sizes_of_the_binding(library):
    names = ctypes.CDLL(library).fake_nvml_sizes
    names.restype = ctypes.c_char_p
    sizes = dict(entry.split("=") for entry in names().decode().split())
    ours = {name: int(size) for name, size in sizes.items()}
    assert ours == {name: ctypes.sizeof(getattr(pynvml, name)) for name in ours}
    used = {name for call in nvml_calls.GPU + nvml_calls.SYSTEM for name in call.structs}
    assert used <= set(ours)


@pytest.mark.parametrize(
    ("version", "struct", "number"),
    [
        ("nvmlMemory_v2", "c_nvmlMemory_v2_t", 2),
        ("nvmlGpuFabricInfo_v2", "c_nvmlGpuFabricInfo_v2_t", 2),
        ("nvmlGpuFabricInfo_v3", "c_nvmlGpuFabricInfo_v3_t", 3),
        ("nvmlPlatformInfo_v2", "c_nvmlPlatformInfo_v2_t", 2),
        ("nvmlEccSramErrorStatus_v1", "c_nvmlEccSramErrorStatus_v1_t", 1),
        ("nvmlTemperature_v1", "c_nvmlTemperature_v1_t", 1),
        ("nvmlMarginTemperature_v1", "c_nvmlMarginTemperature_v1_t", 1),
        ("nvmlRepairStatus_v1", "c_nvmlRepairStatus_t", 1),
        ("nvmlDeviceAddressingMode_v1", "c_nvmlDeviceAddressingMode_t", 1),
    ],
)
def test_versioned_structures_carry_their_size(version, struct, number):
    assert getattr(pynvml, version) == ctypes.sizeof(getattr(pynvml, struct)) | number << 24


def test_every_call_exists_in_the_binding():
    calls = {call.function for call in nvml_calls.GPU + nvml_calls.SYSTEM}
    assert {name for name in calls if not hasattr(pynvml, name)} == set()


def test_field_numbers_are_those_of_the_binding():
    fields = {**nvml_calls.FIELDS, **nvml_calls.LINK_FIELDS}
    assert {name: getattr(pynvml, f"NVML_FI_DEV_{name}") for name in fields} == fields


def test_build_without_a_compiler_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    assert build.main(str(tmp_path / "out")) == 0
    assert "no C compiler" in capsys.readouterr().out


def test_build_that_fails_is_loud(tmp_path, monkeypatch, capsys):
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\necho no space left >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    assert build.main(str(tmp_path / "out")) == 1
    assert "no space left" in capsys.readouterr().err
