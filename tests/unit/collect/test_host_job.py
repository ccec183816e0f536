"""What jobs need is counted against what the drivers have; what is absent, refused and odd are three things."""

from __future__ import annotations

import functools
import re
import struct
import sys
from pathlib import Path

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import host, host_job, host_system
from ansible_collections.muster.fleet.plugins.module_utils.host import Asked
from ansible_collections.muster.fleet.plugins.module_utils.parse import elf
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "lab"))

from builder import host_job as lab
from builder.__main__ import healthy
from builder.node import NODES, PROFILES

CLASSES = {node.klass: node for node in reversed(NODES)}
PARTS = re.compile(
    r"/proc/(driver|modules)|/sys/(module|bus/pci|class/(infiniband|drm|accel))|/dev/|/lib/|/usr/|/etc/ld|"
    r"/sys/devices/.*/(driver|device|drm|accel|infiniband/[^/]+/(device|node_type))(/|$)"
)
WANTED = {klass: host.wanted(catalogue.profile(klass, [PROFILES])["values"]) for klass in CLASSES}
CHARACTER = {"mode": 0o020666, "uid": 0, "gid": 0, "size": 0, "mtime": 0}


@functools.cache
def plain(klass):
    """What jobs need alone: the rest of the machine is not looked at here, and costs time."""
    recording = healthy(CLASSES[klass])
    for kind in ("files", "links", "dirs"):
        known = recording.document[kind]
        recording.document[kind] = {path: known[path] for path in known if PARTS.match(path)}
    return recording


def look(klass, change=None, simulated=True):
    recording = plain(klass).copy()
    if change:
        change(recording)
    recording.document["simulated"] = simulated
    asked = Asked(Replay([recording.document]))
    loaded, unused = host_system.modules(asked, [])
    return host_job.job(asked, loaded, WANTED[klass].get("fabric"))


def needed(klass):
    return [node["path"] for node in look(klass)["nodes"]]


@pytest.mark.parametrize("klass", CLASSES)
def test_a_healthy_machine_has_all_that_jobs_need(klass):
    job = look(klass)
    assert {node["state"] for node in job["nodes"]} <= {"present"}
    assert all(module["loaded"] for module in job["modules"])
    assert all(link["linked"] for link in job["node_links"])
    assert {library["state"] for library in job["libraries"]} <= {"loadable"}
    assert job["devices"] == len(host_job_devices(klass))


def host_job_devices(klass):
    recording = plain(klass)
    links = [path for path in recording.document["links"] if path.startswith("/sys/class/infiniband/")]
    return links + [
        path
        for path in recording.document["links"]
        if path.startswith(tuple(f"/sys/bus/pci/drivers/{driver}/0" for driver in host_job.ACCELERATORS))
    ]


ALL_NODES = [pytest.param(klass, path, id=f"{klass}-{path}") for klass in CLASSES for path in needed(klass)]


@pytest.mark.parametrize(("klass", "path"), ALL_NODES)
def test_each_node_that_is_gone_is_found(klass, path):
    lost = [node for node in look(klass, lambda recording: recording.remove(path))["nodes"] if node["path"] == path]
    assert [node["state"] for node in lost] == ["missing"]


@pytest.mark.parametrize(("klass", "path"), ALL_NODES)
def test_each_node_that_is_a_directory_is_found(klass, path):
    job = look(klass, lambda recording: recording.stat(path, 0o040755))
    assert [node["state"] for node in job["nodes"] if node["path"] == path] == ["not a device node"]


@pytest.mark.parametrize(("klass", "path"), ALL_NODES)
def test_each_node_whose_folder_is_refused_is_unknown(klass, path):
    folder = path.rpartition("/")[0]

    def refuse(recording):
        recording.remove(folder)
        recording.refuse(folder)

    nodes = look(klass, refuse)["nodes"]
    assert [node["state"] for node in nodes if node["path"] == path] in ([None], [])
    assert None in [node["state"] for node in nodes]


ALL_MODULES = [
    pytest.param(klass, module["name"], id=f"{klass}-{module['name']}")
    for klass in CLASSES
    for module in look(klass)["modules"]
]


@pytest.mark.parametrize(("klass", "name"), ALL_MODULES)
def test_each_module_that_is_not_loaded_is_found_unless_the_kernel_has_it_built_in(klass, name):
    def unload(recording):
        lines = recording.text("/proc/modules").splitlines(True)
        recording.file("/proc/modules", "".join(line for line in lines if not line.startswith(f"{name} ")))

    def build_in(recording):
        unload(recording)
        kernel = recording.document["identity"]["kernel"]
        recording.append(f"/lib/modules/{kernel}/modules.builtin", f"kernel/drivers/x/{name.replace('_', '-')}.ko\n")

    for change, loaded in ((unload, False), (build_in, True)):
        assert [one["loaded"] for one in look(klass, change)["modules"] if one["name"] == name] == [loaded]

    def refuse(recording):
        recording.refuse("/proc/modules")

    assert [one["loaded"] for one in look(klass, refuse)["modules"] if one["name"] == name] == [None]


@pytest.mark.parametrize(("core", "module"), host_job.RDMA_MODULES.items())
def test_each_fabric_driver_needs_its_rdma_module(core, module):
    text = "ib_uverbs 1 0 - Live 0x0\nrdma_cm 1 0 - Live 0x0\nrdma_ucm 1 0 - Live 0x0\n"
    document = {"muster_recording": 1, "closed": True, "identity": {"kernel": "k"}, "files": {"/proc/modules": text}}
    found = host.collect(Replay([document]), {"fabric": {"driver": core, "link_layer": "Ethernet"}})["job"]["modules"]
    assert {one["name"]: one["loaded"] for one in found} == {
        module: False, "ib_uverbs": True, "rdma_cm": True, "rdma_ucm": True,
    }  # fmt: skip


def test_a_machine_without_devices_needs_nothing():
    found = host.collect(Replay([{"muster_recording": 1, "closed": True, "identity": {}}]), {})["job"]
    assert (found["devices"], found["nodes"], found["modules"], found["libraries"]) == (0, [], [], [])


def test_a_driver_that_may_not_be_listed_leaves_the_devices_unknown():
    refused = {"/sys/bus/pci/drivers/amdgpu": {"state": "denied", "detail": "x"}}
    host_ = Replay([{"muster_recording": 1, "closed": True, "identity": {}, "files": refused}])
    assert host.collect(host_, {})["job"]["devices"] is None


@pytest.mark.parametrize("klass", ["hgx_h100", "mi300x", "gaudi3"])
def test_where_no_device_names_its_node_they_are_counted(klass):
    patterns = {"hgx_h100": "/proc/driver/nvidia/gpus", "mi300x": "/drm/renderD", "gaudi3": "/accel/accel"}
    gone = {"hgx_h100": "/dev/nvidia5", "mi300x": "/dev/dri/renderD131", "gaudi3": "/dev/accel/accel2"}[klass]

    def nameless(recording):
        for kind in ("files", "links"):
            for path in [path for path in recording.document[kind] if patterns[klass] in path and "/dev/" not in path]:
                del recording.document[kind][path]

    assert {node["state"] for node in look(klass, nameless)["nodes"]} == {"present"}
    lacking = look(klass, lambda recording: (nameless(recording), recording.remove(gone)))["nodes"]
    assert [node["label"].partition(" (")[2] for node in lacking if node["state"] != "present"] == ["7 for 8 devices)"]


def test_on_a_real_machine_an_empty_file_is_no_device():
    def file(recording):
        recording.stat("/dev/nvidia-uvm", 0o100644)

    states = {node["path"]: node["state"] for node in look("hgx_h100", file, simulated=False)["nodes"]}
    assert (states["/dev/nvidia-uvm"], states["/dev/nvidiactl"]) == ("not a device node", "present")


def test_each_link_that_is_gone_is_found():
    healthy_links = look("hgx_h100")["node_links"]
    recording = plain("hgx_h100")
    for path in [path for path in recording.document["links"] if path.startswith("/dev/char/")]:
        found = look("hgx_h100", lambda recording, path=path: recording.document["links"].pop(path))["node_links"]
        assert [link["linked"] for link in found].count(False) == 1
    assert len(healthy_links) == len(needed("hgx_h100"))


LIBRARY = lab.library(62)


@pytest.mark.parametrize(
    ("header", "size", "said"),
    [
        (LIBRARY, lab.SIZE, None),
        (b"", 0, "empty"),
        (LIBRARY, 0, "empty"),
        (LIBRARY, lab.SIZE - 1, "cut short"),
        (LIBRARY[:20], 20, "cut short"),
        (b"INPUT(libcuda.so.1)\n", 20, "no ELF file"),
        (bytes(64), lab.SIZE, "no ELF file"),
        (LIBRARY[:4] + b"\x01" + LIBRARY[5:], lab.SIZE, "not of 64 bits, little-endian"),
        (LIBRARY[:16] + struct.pack("<H", 2) + LIBRARY[18:], lab.SIZE, "no shared library"),
        (lab.library(183), lab.SIZE, "for another processor"),
    ],
)
def test_a_library_that_cannot_be_loaded_says_why(header, size, said):
    assert elf.defect(header, size, "x86_64") == said


@pytest.mark.parametrize(
    "damaged", [b"", b"glibc-ld.so.cache1.1", b"x" * 100, lab.cache(["/x/libcuda.so.1"], 0x303)[:60]]
)
def test_a_cache_that_is_cut_is_not_read(damaged):
    assert elf.cached(damaged, "libcuda.so.1", "x86_64") is None


def test_the_cache_leads_to_the_library_of_this_processor():
    both = lab.cache(["/lib/libcuda.so.1"], 0x0003), lab.cache(["/usr/lib64/libcuda.so.1"], 0x0303)
    assert [elf.cached(cache, "libcuda.so.1", "x86_64") for cache in both] == [[], ["/usr/lib64/libcuda.so.1"]]
    assert elf.cached(both[1], "libcuda.so", "x86_64") == []


@pytest.mark.parametrize("cache", [True, False])
def test_a_library_that_lies_nowhere_is_missing_only_where_the_loader_could_be_asked(cache):
    def gone(recording):
        recording.remove("/usr/lib/x86_64-linux-gnu/libcuda.so.1.0")
        recording.document["stats"].clear()
        if not cache:
            recording.refuse("/etc/ld.so.cache")

    states = {one["label"]: one["state"] for one in look("hgx_h100", gone)["libraries"]}
    assert states["libcuda.so.1"] == ("missing" if cache else None)
