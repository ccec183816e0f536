"""Every fault of the simulated rack is found, by the checks it names and by no other; healthy nodes show nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from detection import CASES, CLASSES, FAULTS, inject, never, red, results

NEVER_FLIPPED: dict[str, str] = dict.fromkeys(
    """
    amd.rocm.version
    firmware.boot.mode
    firmware.component.known
    firmware.psu.status
    firmware.tpm.version
    gpu.count.expected
    gpu.count.minimum
    gpu.count.unexpected
    gpu.driver.version
    gpu.firmware.vbios
    gpu.vendor
    host.architecture
    host.cgroup.version
    host.cpu.model
    host.cpu.sockets
    host.load
    host.memory.available
    host.memory.hardware_corrupted
    host.memory.pressure
    host.os.distribution
    host.smt
    host.virtualization
    lldp.neighbour.planned
    nic.bond.mode
    nic.bond.present
    nic.default_route.present
    nic.drops.receive
    nic.duplex
    nic.errors.transmit
    pci.bridge.speed
    pci.gpu.nic_affinity
    pci.nic.max_read_request
    pci.nvswitch.count
    pci.nvswitch.driver
    rdma.errors.integrity
    rdma.port.lid
    security.kernel.bpf
    security.kernel.dmesg
    security.kernel.links
    security.kernel.pointers
    security.kernel.source_route
    security.kernel.suid_dumps
    security.lockdown
    security.permissions.tmp
    service.process.running
    service.workload.active
    storage.mount.present
    storage.nvme.serials
    storage.pool.online
    time.daemon.known
    time.ptp.offset
    """.split(),  # noqa: SIM905
    "no fault is written for it yet",
)  # check id -> why no fault can turn it; it may only get shorter


@pytest.mark.parametrize("klass", CLASSES)
def test_healthy_node_has_no_finding(klass):
    assert red(results(klass)) == {}


@pytest.mark.parametrize(
    ("klass", "name"), [pytest.param(klass, name, id=f"{name}-{klass}") for klass, name in sorted(CASES)]
)
def test_fault_is_found(klass, name):
    outcome = inject(klass, name)
    assert (outcome.silent, outcome.loud) == ({}, {})


@pytest.mark.parametrize(("klass", "name"), sorted(CASES)[::60])
def test_a_domain_that_is_not_collected_anew_would_have_said_the_same(klass, name):
    assert inject(klass, name, full=True) == inject(klass, name)


def test_every_check_is_turned_by_a_fault():
    assert set(never()) == set(NEVER_FLIPPED)


def test_enough_faults():
    assert len(FAULTS) >= 40
