from __future__ import annotations

import json
import subprocess
import sys
import types
import zipfile

import pytest

from ansible_collections.muster.fleet.plugins.module_utils import nvml_calls, nvml_child, nvml_probe, nvml_replay
from ansible_collections.muster.fleet.plugins.module_utils.host import Command, Host
from ansible_collections.muster.fleet.plugins.module_utils.nvml_calls import Call

SETTINGS = {
    "nvmlDeviceGetCount": "3",
    "nvmlSystemGetDriverVersion": "580.105.08",
    "gpu.*.nvmlDeviceGetName": "NVIDIA H100 80GB HBM3",
    "gpu.*.nvmlDeviceGetEccMode": "1,1",
    "gpu.0.nvmlDeviceGetPciInfo": "busId=00000000:1B:00.0",
}


class Problem(Exception):
    def __init__(self, value):
        super().__init__(value)
        self.value = value


@pytest.fixture
def without_site(tmp_path, monkeypatch):
    """An interpreter that has no packages, as on a fresh node."""
    wrapper = tmp_path / "python3"
    wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setattr(nvml_probe.sys, "executable", str(wrapper))


def transcript(settings, timeout=20):
    return nvml_replay.replay(settings, timeout).transcript


# --- the probe itself -------------------------------------------------------------------------------------------


def test_no_binding_is_said(without_site):
    answer = nvml_probe.ask(Host(), 10)
    assert answer.state == "absent"
    assert answer.transcript["library"]["error"] == "NO_PYNVML"
    assert "No module named 'pynvml'" in answer.detail


def test_sent_binding_is_used(without_site):
    sent = "def nvmlInit():\n    raise OSError('sent one was asked')\n"
    answer = nvml_probe.ask(Host(), 10, sent)
    assert answer.transcript["library"] == {"binding": "pynvml sent along"}
    assert answer.transcript["system"]["nvmlInit"]["detail"] == "OSError: sent one was asked"
    assert answer.state == "failed"


@pytest.mark.parametrize("trouble", ["raise SystemExit(3)", "raise ValueError('half installed')", "this is no Python"])
def test_broken_binding_is_said(without_site, trouble):
    answer = nvml_probe.ask(Host(), 10, trouble)
    assert answer.state == "failed"
    assert answer.transcript["library"]["error"] == "BROKEN_PYNVML"


def test_broken_installed_binding_gives_way_to_the_sent_one(tmp_path, monkeypatch):
    (tmp_path / "pynvml.py").write_text("raise SystemExit('gone')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    assert nvml_child.binding(None)[1] == {"error": "BROKEN_PYNVML", "detail": "SystemExit: gone"}
    module, said = nvml_child.binding("answer = 42\n")
    assert (module.answer, said) == (42, {"binding": "pynvml sent along"})
    del sys.modules["pynvml"]  # monkeypatch would put this one back


def test_what_a_library_prints_is_no_answer(without_site):
    sent = (
        'import os\nos.write(1, b\'{"who": "system", "call": "nvmlInit"}\\n\')\ndef nvmlInit():\n    print(\'hello\')\n'
    )
    answer = nvml_probe.ask(Host(), 10, sent)
    assert answer.transcript["system"]["nvmlInit"] == "ok"
    assert answer.transcript["system"]["nvmlDeviceGetCount"]["error"] == "BINDING_LACKS"


def test_library_that_takes_the_process_down(without_site):
    sent = "import os\ndef nvmlInit():\n    pass\ndef nvmlSystemGetDriverVersion():\n    os.abort()\n"
    answer = nvml_probe.ask(Host(), 10, sent)
    assert answer.transcript["system"]["nvmlSystemGetDriverVersion"] == {
        "error": "CRASHED",
        "detail": "exit code -6",
    }


def test_start_that_hangs(without_site):
    answer = nvml_probe.ask(Host(), 3, "import time\ndef nvmlInit():\n    time.sleep(60)\n")
    assert (answer.state, answer.detail) == ("timeout", "nvmlInit did not return")


def test_interpreter_that_is_not_there(monkeypatch):
    monkeypatch.setattr(nvml_probe.sys, "executable", "/no/such/python3")
    answer = nvml_probe.ask(Host(), 3)
    assert answer.state == "absent"
    assert "No such file" in answer.detail


PARENT = """
import sys
sys.path.insert(0, {place!r})
from module_utils.host import Host
print(Host().nvml(10, "def nvmlInit():\\n    raise OSError('asked from here')\\n").transcript["library"])
"""


def test_works_for_a_parent_without_site_packages(checkout):
    code = PARENT.format(place=str(checkout / "plugins"))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "'binding': 'pynvml" in done.stdout


def test_works_from_a_zip(checkout, tmp_path):
    archive = tmp_path / "modules.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in (checkout / "plugins" / "module_utils").rglob("*.py"):
            packed.write(path, path.relative_to(checkout / "plugins"))
    code = PARENT.format(place=str(archive))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "'binding': 'pynvml" in done.stdout


def lines(*events):
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def test_assembling_names_the_call_that_hung():
    output = lines(
        {"who": "library", "call": "binding", "answer": {"binding": "pynvml"}},
        {"who": "system", "call": "nvmlInit", "answer": "ok"},
        {"who": "system", "call": "nvmlDeviceGetCount", "answer": 2},
        {"who": 1, "call": "nvmlDeviceGetName"},
        {"who": 0, "call": "nvmlDeviceGetName", "answer": "H100"},
    )
    found = nvml_probe.assembled(Command([], "timeout", stdout=output + b'{"who": 0, "ca'))
    assert found["gpus"] == [{"nvmlDeviceGetName": "H100"}, {"nvmlDeviceGetName": {"error": "TIMEOUT"}}]


@pytest.mark.parametrize(
    "noise", [b"", b"\xff\xfe\x00", b"null\n3\n[]\n{}\n", b'{"who": 0}\n', b"{{ lookup('file') }}\n"]
)
def test_noise_is_no_transcript(noise):
    assert nvml_probe.assembled(Command([], "ok", 0, stdout=noise)) == {"library": {}, "system": {}, "gpus": []}


# --- one call ---------------------------------------------------------------------------------------------------


def asking(**functions):
    return nvml_child.Library(types.SimpleNamespace(**functions))


def raising(problem):
    def function(*unused):
        raise problem

    return function


@pytest.mark.parametrize(
    ("problem", "answer"),
    [
        (Problem(15), {"error": "NVML_ERROR_GPU_IS_LOST", "code": 15}),
        (Problem(16), {"error": "NVML_ERROR_RESET_REQUIRED", "code": 16}),
        (Problem(13), {"error": "NVML_ERROR_FUNCTION_NOT_FOUND", "code": 13}),
        (Problem(4), {"error": "NVML_ERROR_NO_PERMISSION", "code": 4}),
        (Problem(777), {"error": "NVML_ERROR_777", "code": 777}),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), None),
    ],
)
def test_refusals(problem, answer):
    said = asking(nvmlDeviceGetName=raising(problem)).ask(Call("nvmlDeviceGetName", answer="text"), [None])
    assert said == answer or (answer is None and said["error"] == "EXCEPTION")


def test_function_that_the_binding_lacks():
    assert asking().ask(Call("nvmlDeviceGetRepairStatus", answer="list"), [None])["error"] == "BINDING_LACKS"


@pytest.mark.parametrize(
    ("kind", "member", "value"),
    [
        (1, "uiVal", 7),
        (2, "ulVal", 8),
        (3, "ullVal", 1 << 40),
        (4, "sllVal", -2),
        (5, "siVal", -3),
        (6, "usVal", 9),
    ],
)
def test_field_types(kind, member, value):
    field = types.SimpleNamespace(nvmlReturn=0, valueType=kind, value=types.SimpleNamespace(**{member: value}))
    library = asking(nvmlDeviceGetFieldValues=lambda *unused: [field])
    assert library.ask(Call("f", ((82, 0),), "fields"), [None]) == {"nvmlDeviceGetFieldValues(82)": value}


def test_single_field_may_fail():
    fields = {
        (82, 0): types.SimpleNamespace(nvmlReturn=3, valueType=0, value=None),
        (164, 7): types.SimpleNamespace(nvmlReturn=0, valueType=99, value=None),
    }
    answer = asking(nvmlDeviceGetFieldValues=lambda unused, asked: [fields[field] for field in asked]).ask(
        Call("f", ((82, 0), (164, 7)), "fields"), [None]
    )
    assert answer["nvmlDeviceGetFieldValues(82)"] == {"error": "NVML_ERROR_NOT_SUPPORTED", "code": 3}
    assert answer["nvmlDeviceGetFieldValues(164,7)"]["error"] == "NOTHING_FILLED_IN"


def test_field_that_a_batch_left_empty_is_asked_alone():
    def empty():
        return types.SimpleNamespace(nvmlReturn=0, valueType=0, value=types.SimpleNamespace(dVal=0.0))

    def fields(unused_handle, asked):
        alone = types.SimpleNamespace(nvmlReturn=0, valueType=5, value=types.SimpleNamespace(siVal=-8))
        return [alone] if asked == [(193, 0)] else [empty() for unused in asked]

    answer = asking(nvmlDeviceGetFieldValues=fields).ask(Call("f", ((193, 0), (226, 0)), "fields"), [None])
    assert answer["nvmlDeviceGetFieldValues(193)"] == -8
    assert answer["nvmlDeviceGetFieldValues(226)"]["error"] == "NOTHING_FILLED_IN"  # a zero that nobody said


def test_older_structure_is_tried():
    pynvml = pytest.importorskip("pynvml")

    def fabric(handle, reference):
        if reference._obj.version != pynvml.nvmlGpuFabricInfo_v2:
            raise Problem(25)
        reference._obj.cliqueId = 5
        reference._obj.clusterUuid[0] = 0xAB
        return 0

    call = next(call for call in nvml_calls.GPU if call.function == "nvmlDeviceGetGpuFabricInfoV")
    binding = types.SimpleNamespace(
        nvmlDeviceGetGpuFabricInfoV=fabric, **{name: getattr(pynvml, name) for name in call.structs}
    )
    answer = nvml_child.Library(binding).ask(call, [None])
    assert answer["cliqueId"] == 5
    assert answer["clusterUuid"] == "ab" + "0" * 30
    assert "healthSummary" not in answer


# --- answers from text ------------------------------------------------------------------------------------------


def test_missing_gpu_closes_the_indices_up():
    found = transcript({**SETTINGS, "gpu.1.absent": "1", "gpu.2.nvmlDeviceGetMinorNumber": "2"})
    assert found["system"]["nvmlDeviceGetCount"] == 2
    assert found["gpus"][1]["nvmlDeviceGetMinorNumber"] == 2


def test_lost_gpu_is_asked_nothing_more():
    gpus = transcript({**SETTINGS, "gpu.1.*": "!15"})["gpus"]
    assert gpus[1] == {"nvmlDeviceGetHandleByIndex": {"error": "NVML_ERROR_GPU_IS_LOST", "code": 15}}
    assert gpus[2]["nvmlDeviceGetName"] == "NVIDIA H100 80GB HBM3"


def test_gpu_lost_while_being_asked():
    gpus = transcript({**SETTINGS, "gpu.1.nvmlDeviceGetEccMode": "!15"})["gpus"]
    assert gpus[1]["nvmlDeviceGetName"] == "NVIDIA H100 80GB HBM3"
    assert list(gpus[1])[-1] == "nvmlDeviceGetEccMode"


def test_slow_call_is_waited_for():
    assert transcript({**SETTINGS, "gpu.1.nvmlDeviceGetEccMode": "hang 3000"}, 20)["gpus"][1][
        "nvmlDeviceGetEccMode"
    ] == {
        "error": "NVML_ERROR_TIMEOUT",
        "code": 10,
    }
    assert transcript({**SETTINGS, "gpu.1.nvmlDeviceGetEccMode": "hang 3000"}, 2)["gpus"][1][
        "nvmlDeviceGetEccMode"
    ] == {"error": "TIMEOUT"}


def test_older_call_is_made_where_the_newer_fails():
    older = {"gpu.*.nvmlDeviceGetTemperatureV(0)": "!13", "gpu.*.nvmlDeviceGetTemperature(0)": "41"}
    assert transcript({**SETTINGS, **older})["gpus"][0]["nvmlDeviceGetTemperature(0)"] == 41
    newer = {"gpu.*.nvmlDeviceGetTemperatureV(0)": "40"}
    assert "nvmlDeviceGetTemperature(0)" not in transcript({**SETTINGS, **newer})["gpus"][0]


def test_old_driver_without_fields():
    gpu = transcript({**SETTINGS, "gpu.*.nvmlDeviceGetFieldValues": "!13"})["gpus"][0]
    assert gpu["nvmlDeviceGetFieldValues"]["code"] == 13
    assert "nvmlDeviceGetFieldValues(82)" not in gpu


def test_values():
    said = {
        "gpu.0.nvmlDeviceGetComputeRunningProcesses_v3": "4711/1024 12/7",
        "gpu.0.nvmlDeviceGetUtilizationRates": "gpu=7",
        "gpu.0.nvmlDeviceGetCurrentClocksEventReasons": "0x88",
        "gpu.0.nvmlDeviceGetFieldValues(82)": "-4",
    }
    gpu = transcript({**SETTINGS, **said})["gpus"][0]
    assert gpu["nvmlDeviceGetComputeRunningProcesses_v3"] == [{"pid": 4711, "memory": 1024}, {"pid": 12, "memory": 7}]
    assert gpu["nvmlDeviceGetUtilizationRates"] == {"gpu": 7, "memory": 0}
    assert gpu["nvmlDeviceGetCurrentClocksEventReasons"] == 0x88
    assert gpu["nvmlDeviceGetFieldValues(82)"] == -4


def test_no_binding_in_a_recording():
    assert nvml_replay.replay({**SETTINGS, "pynvml": "absent"}).state == "absent"


def test_nothing_recorded():
    answer = nvml_replay.replay({"nvmlDeviceGetCount": None})
    assert (answer.state, answer.transcript) == ("absent", {})


def test_keys_are_unique():
    keys = [call.key for call in nvml_calls.GPU + nvml_calls.SYSTEM]
    assert len(keys) == len(set(keys))
    assert {call.instead for call in nvml_calls.GPU if call.instead} <= set(keys)
