"""Variables for all jobs, DKMS modules, shares, free blocks: found in every place, unknown where one is hidden."""

from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import host_upkeep
from ansible_collections.muster.fleet.plugins.module_utils.host import Asked
from ansible_collections.muster.fleet.plugins.module_utils.parse import environment
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay

PLACES = [
    *host_upkeep.FILES,
    "/etc/environment.d/10-gpu.conf",
    "/etc/profile.d/x.sh",
    "/etc/profile.d/x.csh",
    "/etc/systemd/system/trainer.service",
    "/etc/systemd/system/docker.service.d/override.conf",
    "/etc/systemd/system.conf.d/env.conf",
]


def asked(files=None, **more):
    return Asked(Replay([{"muster_recording": 1, "closed": True, "identity": {}, "files": files or {}, **more}]))


def bad_value(name):
    return next(
        value
        for value in ("1", "0", "3", "LOC", "Socket", "TRACE", "void", "tcp", "/opt/x.so")
        if [one.harms for one in environment.settings(f"{name}={value}")] == [True]
    )


@pytest.mark.parametrize("name", environment.HARMFUL)
@pytest.mark.parametrize(
    "form",
    [
        "{}={}", "export {}={}", 'export {}="{}"', "setenv {} {}", 'Environment="A=1" "{}={}"', "Environment={}={} B=2",
        "DefaultEnvironment={}={}", "{} DEFAULT={}", "A=1; export {}={}; B=2",
    ],
)  # fmt: skip
def test_every_variable_is_found_in_every_form(name, form):
    value = bad_value(name)
    assert [(one.name, one.value, one.harms) for one in environment.settings(form.format(name, value))] == [
        (name, value, True)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "# NCCL_IB_DISABLE=1", "  #NCCL_IB_DISABLE=1", "A=1 # NCCL_IB_DISABLE=1", "; NCCL_IB_DISABLE=1",
        "unset CUDA_VISIBLE_DEVICES", 'if [ -n "$CUDA_VISIBLE_DEVICES" ]; then', "MY_CUDA_VISIBLE_DEVICES=0",
        "NCCL_IB_DISABLE_X=1", "NCCL_SOCKET_IFNAME=eth0", "echo $NCCL_IB_DISABLE", "",
    ],
)  # fmt: skip
def test_what_sets_nothing_is_nothing(text):
    assert environment.settings(text) == []


def test_a_harmless_value_and_one_that_is_worked_out_later():
    found = environment.settings(
        "NCCL_IB_DISABLE=0\nNCCL_P2P_DISABLE=${P2P:-1}\nNCCL_NVLS_ENABLE=0\nNCCL_NVLS_ENABLE=1\n"
    )
    assert [(one.name, one.harms) for one in found] == [
        ("NCCL_IB_DISABLE", False), ("NCCL_P2P_DISABLE", None), ("NCCL_NVLS_ENABLE", False),
    ]  # fmt: skip


@pytest.mark.parametrize("path", PLACES)
def test_every_place_is_read_and_one_that_is_refused_leaves_it_unknown(path):
    found = host_upkeep.environment(asked({path: "NCCL_IB_DISABLE=1\nSECRET_TOKEN=must-not-be-kept\n"}))
    assert found["harmful"] == [f"NCCL_IB_DISABLE=1 in {path}"]
    refused = {path: {"state": "denied", "detail": "x"}}
    assert host_upkeep.environment(asked(refused))["harmful"] is None
    both = host_upkeep.environment(asked({**refused, "/etc/nccl.conf": "NCCL_NET=Socket"} if "nccl" not in path else
                                         {**refused, "/etc/profile": "NCCL_NET=Socket"}))  # fmt: skip
    assert both["harmful"], "what was found is found, whatever could not be read"


@pytest.mark.parametrize("folder", [*host_upkeep.FOLDERS, "/etc/systemd/system/docker.service.d"])
def test_a_folder_that_may_not_be_listed_leaves_it_unknown(folder):
    files = {folder: {"state": "denied", "detail": "x"}}
    assert host_upkeep.environment(asked(files))["harmful"] is None


def test_a_machine_that_sets_nothing_harms_nobody():
    assert host_upkeep.environment(asked({"/etc/environment": "PATH=/bin\n"}))["harmful"] == []


def test_dkms_modules_for_this_kernel_and_the_next():
    base = "/var/lib/dkms"
    files = {
        f"{base}/nvidia/570.1/6.8.0-84/x86_64/module/nvidia.ko": "",
        f"{base}/nvidia/575.2/6.8.0-90/x86_64/module/nvidia.ko.zst": "",
        f"{base}/nvidia/575.2/source/dkms.conf": "",
        f"{base}/gdrdrv/2.4/6.8.0-84/x86_64/module/gdrdrv.ko": "",
        f"{base}/gdrdrv/2.4/6.8.0-90/x86_64/log/make.log": "error",
        f"{base}/dkms_dbversion": "3",
    }
    found = host_upkeep.dkms(asked(files), ("6.8.0-84", "6.8.0-90"))["modules"]
    assert {one["label"]: one["built"] for one in found} == {
        "nvidia for 6.8.0-84": True, "nvidia for 6.8.0-90": True,
        "gdrdrv for 6.8.0-84": True, "gdrdrv for 6.8.0-90": False,
    }  # fmt: skip
    assert host_upkeep.dkms(asked(), ("6.8.0-84",))["modules"] == []


@pytest.mark.parametrize(
    ("load", "limits", "files", "threads"),
    [
        (
            "0.1 0.2 0.3 1/500 77",
            {"files_open": 50, "files_max": 200, "pid_max": 1000, "threads_max": 4000},
            25.0,
            50.0,
        ),
        ("x", {"files_open": None, "files_max": 200, "pid_max": 1000, "threads_max": 4000}, None, None),
        ("0.1 0.2 0.3 1/500 77", {"files_open": 50, "files_max": 0, "pid_max": None, "threads_max": 4000}, None, None),
    ],
)
def test_shares(load, limits, files, threads):
    found = host_upkeep.shares(asked({"/proc/loadavg": load}), limits)
    assert (found["files_open_percent"], found["threads_percent"]) == (files, threads)


@pytest.mark.parametrize("page", host_upkeep.PAGE_SIZES)
def test_free_memory_in_large_blocks_whatever_the_size_of_a_page(page):
    orders = [0] * 11
    small, large = 0, 10 if page == 4096 else 7
    orders[small], orders[large] = 1 << large, 3
    pages = (1 << large) + (3 << large)
    text = "Node 0, zone   Normal" + "".join(f"{count:7d}" for count in orders) + "\n"
    assert host_upkeep.large_blocks_percent(asked({"/proc/buddyinfo": text}), pages * page) == 75.0


@pytest.mark.parametrize("text", ["", "garbage", "Node 0, zone Normal x y\n"])
def test_blocks_that_are_not_told_are_unknown(text):
    assert host_upkeep.large_blocks_percent(asked({"/proc/buddyinfo": text}), 1 << 30) is None
