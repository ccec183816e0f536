# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What jobs open on the nodes of every class: device nodes, their links, the driver's libraries; and their faults."""

from __future__ import annotations

import struct

from . import pcimap
from .host_faults import Apply, _fault, _module_gone
from .nic_plan import ports
from .node import Node
from .recording import Recording

NVIDIA, MI, HL = ("hgx_h100", "gb200_tray"), ("mi300x",), ("gaudi3",)
FABRIC = (*NVIDIA, *MI, *HL)
VERBS = "/sys/class/infiniband_verbs"
LIBRARIES = ("libcuda.so", "libnvidia-ml.so", "libnvidia-ptxjitcompiler.so")
MACHINES = {"hgx_h100": ("x86_64", 62, 0x0303), "gb200_tray": ("aarch64", 183, 0x0A03)}
SIZE = 65536
CHARACTER, FOLDER = 0o020666, 0o040755


def render(node: Node, rec: Recording) -> None:
    """Put the device nodes of the node's accelerators and RDMA devices, and what its driver keeps beside them."""
    gpus = pcimap.of(node.klass, pcimap.GPU)
    if node.klass in NVIDIA:
        _nvidia(node, rec, [gpu.address for gpu in gpus])
    elif node.klass in MI:
        _put(rec, "kfd", 238, 0)
        for number, gpu in enumerate(gpus):
            name, place = f"renderD{128 + number}", pcimap.path(node.klass, gpu.address)
            rec.link(f"/sys/class/drm/{name}", f"{place}/drm/{name}")
            rec.link(f"{place}/drm/{name}/device", place)
            _put(rec, f"dri/{name}", 226, 128 + number)
    elif node.klass in HL:
        for number, gpu in enumerate(gpus):
            _put(rec, f"accel/{gpu.name}", 261, number)
    for number, port in enumerate(port for port in ports(node) if port.rdma):
        rec.file(f"{VERBS}/uverbs{number}/ibdev", f"{port.rdma}\n")
        _put(rec, f"infiniband/uverbs{number}", 231, 192 + number)
    _put(rec, "infiniband/rdma_cm", 10, 56)
    rec.file(
        f"/lib/modules/{rec.document['identity']['kernel']}/modules.builtin", "kernel/drivers/tty/serial/8250/8250.ko\n"
    )


def _put(rec: Recording, name: str, major: int, minor: int) -> None:
    rec.file(f"/dev/{name}", "")
    rec.stat(f"/dev/{name}", CHARACTER)
    rec.link(f"/dev/char/{major}:{minor}", f"/dev/{name}")


def _nvidia(node: Node, rec: Recording, addresses: list[str]) -> None:
    for minor, address in enumerate(addresses):
        folder = f"/proc/driver/nvidia/gpus/{address}"
        rec.file(f"{folder}/information", f"Bus Type: \t PCIe\nBus Location: \t {address}\nDevice Minor: \t {minor}\n")
        _put(rec, f"nvidia{minor}", 195, minor)
    _put(rec, "nvidiactl", 195, 255)
    _put(rec, "nvidia-uvm", 511, 0)
    tray = node.klass == "gb200_tray"
    rec.file("/proc/driver/nvidia/params", f"ModifyDeviceFiles: 1\nCreateImexChannel0: {int(tray)}\n")
    if tray:
        _put(rec, "nvidia-caps-imex-channels/channel0", 234, 0)
    else:
        _put(rec, "gdrdrv", 236, 0)
    machine, number, flags = MACHINES[node.klass]
    folder = f"/usr/lib/{machine}-linux-gnu"
    for name in LIBRARIES:
        real = f"{folder}/{name}.1.0"
        rec.file(real, library(number))
        rec.stat(real, 0o100644, size=SIZE)
        rec.link(f"{folder}/{name}.1", real)
    rec.file("/etc/ld.so.cache", cache([f"{folder}/{name}.1" for name in LIBRARIES], flags))


def library(machine: int) -> bytes:
    """The header of a shared library whose tables end with the file."""
    identification = b"\x7fELF\x02\x01\x01" + bytes(9)
    sections = SIZE - 10 * 64
    tables = struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, sections, 0, 64, 56, 9, 64, 10, 9)
    return identification + tables


def cache(paths: list[str], flags: int) -> bytes:
    """The loader's cache that leads to these libraries."""
    texts, entries = b"", b""
    start = 48 + 24 * len(paths)
    for path in paths:
        name = path.rpartition("/")[2].encode() + b"\0"
        key = start + len(texts)
        texts += name + path.encode() + b"\0"
        entries += struct.pack("<iIIIQ", flags, key, key + len(name), 0, 0)
    return b"glibc-ld.so.cache1.1" + struct.pack("<II", len(paths), len(texts)) + bytes(20) + entries + texts


def _gone(name: str) -> Apply:
    return lambda node, rec: rec.remove(f"/dev/{name}")


def _uvm_gone(node: Node, rec: Recording) -> None:
    _module_gone("nvidia_uvm")(node, rec)
    _gone("nvidia-uvm")(node, rec)


def _library(content: bytes, size: int) -> Apply:
    def apply(node: Node, rec: Recording) -> None:
        real = f"/usr/lib/{MACHINES[node.klass][0]}-linux-gnu/libcuda.so.1.0"
        rec.file(real, content)
        rec.stat(real, 0o100644, size=size)

    return apply


def _unseen(node: Node, rec: Recording) -> None:
    rec.remove("/dev/infiniband")
    rec.refuse("/dev/infiniband")


FAULTS = [
    _fault("uvm_missing", "nvidia_uvm is not loaded", NVIDIA, "host.job.modules host.job.nodes", _uvm_gone),
    _fault("gpu3_node_missing", "GPU 3 has no device node", NVIDIA, "host.job.nodes", _gone("nvidia3")),
    _fault("nvidiactl_missing", "there is no /dev/nvidiactl", NVIDIA, "host.job.nodes", _gone("nvidiactl")),
    _fault("imex_channel_missing", "there is no IMEX channel", ("gb200_tray",), "host.job.nodes",
           _gone("nvidia-caps-imex-channels/channel0")),
    _fault("uvm_node_directory", "a container engine made a directory of /dev/nvidia-uvm", NVIDIA, "host.job.nodes",
           lambda node, rec: rec.stat("/dev/nvidia-uvm", FOLDER)),
    _fault("kfd_node_missing", "there is no /dev/kfd", MI, "host.job.nodes", _gone("kfd")),
    _fault("render_node_missing", "the third GPU has no render node", MI, "host.job.nodes", _gone("dri/renderD130")),
    _fault("accel_node_missing", "card 3 has no device node", HL, "host.job.nodes", _gone("accel/accel3")),
    _fault("uverbs_missing", "the first RDMA device cannot be opened", FABRIC, "host.job.nodes",
           _gone("infiniband/uverbs0")),
    _fault("rdma_cm_missing", "there is no node of the RDMA connection manager", FABRIC, "host.job.nodes",
           _gone("infiniband/rdma_cm")),
    _fault("rdma_module_missing", "mlx5_ib is not loaded", FABRIC, "host.job.modules", _module_gone("mlx5_ib")),
    _fault("device_nodes_unseen", "the folder of the RDMA nodes cannot be listed", FABRIC, "host.job.nodes",
           _unseen, "unknown"),
    _fault("device_links_missing", "/dev/char leads to no device", FABRIC, "host.job.node_links",
           lambda node, rec: rec.remove("/dev/char")),
    _fault("libcuda_empty", "libcuda is an empty file", NVIDIA, "host.job.libraries", _library(b"", 0)),
    _fault("libcuda_cut", "libcuda ends in its middle", NVIDIA, "host.job.libraries", _library(library(62), SIZE // 2)),
    _fault("libcuda_unreadable", "libcuda cannot be read", NVIDIA, "host.job.libraries",
           lambda node, rec: rec.refuse(f"/usr/lib/{MACHINES[node.klass][0]}-linux-gnu/libcuda.so.1.0"), "unknown"),
]  # fmt: skip
