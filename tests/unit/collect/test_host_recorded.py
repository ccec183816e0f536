"""The host collector on file trees that were recorded on real machines."""

from __future__ import annotations

import tarfile

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import host
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay

PLACES = ("proc/", "sys/devices/system/cpu", "sys/devices/system/node", "sys/devices/virtual/dmi", "sys/class/dmi/id/")


def recorded(path, machine):
    """Return a machine made of the files of a recorded tree that this collector may ask for."""
    files, links = {}, {}
    with tarfile.open(path) as tree:
        for member in tree:
            inside = member.name.partition("/")[2]
            if member.isfile() and inside.startswith(PLACES):
                stream = tree.extractfile(member)
                files["/" + inside] = stream.read().decode("utf-8", "replace") if stream else ""
            elif member.issym() and inside.startswith(PLACES):
                links["/" + inside] = member.linkname
    identity = {"machine": machine, "kernel": "recorded", "now": 1.0}
    return Replay([{"muster_recording": 1, "closed": True, "identity": identity, "files": files, "links": links}])


@pytest.fixture
def collected(fixtures):
    def collect(name, machine):
        return host.collect(recorded(fixtures / "hosttree" / name, machine), {})

    return collect


def test_dgx_spark(collected):
    facts = collected("hwloc-nvidia-dgx-gb10.tar.bz2", "aarch64")
    cpu = facts["cpu"]
    assert (cpu["threads"], cpu["sockets"], cpu["cores"], cpu["vendor"]) == (20, 1, 20, "ARM")
    assert facts["memory"]["total_bytes"] == 125508468 * 1024
    assert facts["memory"]["swap_total_bytes"] == 16777212 * 1024
    assert facts["numa"]["cpu_nodes"] == 1
    assert facts["numa"]["cpu_memory_bytes"] == 125508468 * 1024


def test_two_socket_xeon(collected):
    facts = collected("hwloc-32em64t-2n8c+dax+nvme+mic+dimms.tar.bz2", "x86_64")
    cpu = facts["cpu"]
    assert (cpu["threads"], cpu["sockets"], cpu["cores"]) == (16, 2, 16)
    assert cpu["model"].startswith("Intel(R) Xeon(R) CPU E5-2680")
    assert facts["numa"]["cpu_nodes"] == 2
    assert facts["numa"]["cpu_memory_bytes"] == (16747124 + 16777216) * 1024
