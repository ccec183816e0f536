# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What became of events of the kernel log: over by itself, before a restart, or too often; and logs that fall short."""

from __future__ import annotations

from collections.abc import Callable

from .faults import Fault
from .log_faults import ALL, _blind, _xid
from .log_lines import BEFORE, BOOT, DMESG, SINCE, answer, entry, places, says
from .node import Node
from .recording import Recording

_NVIDIA = ("hgx_h100", "gb200_tray")
_NOTED = {"log.history.notes": "fail"}
YOUNG_S = 3600.0


def _booted(rec: Recording) -> None:
    """Let the machine have been started an hour ago."""
    rec.file("/proc/uptime", f"{YOUNG_S:.2f} {YOUNG_S * 90:.2f}\n")
    rec.command(DMESG, "".join(f"<{level}>[{at:12.6f}] {text}\n" for at, level, text in BOOT))


def _before_boot(*messages: str) -> Callable[[Node, Recording], None]:
    """Return a change: the kernel said this, and then the machine was started again."""

    def apply(node: Node, rec: Recording) -> None:
        _booted(rec)
        names = places(node)
        known = rec.output(SINCE).splitlines(True)
        lines = [entry(node, 120, 3, text.format(**names), boot="0" * 32) for text in messages]
        rec.command(SINCE, "".join([*known[:-1], *lines, known[-1]]))

    return apply


def _hung(_node: Node, rec: Recording) -> None:
    _booted(rec)
    rec.command(SINCE, state="timeout")
    rec.command(BEFORE, state="timeout")


def _turned_over(node: Node, rec: Recording) -> None:
    """Let the journal reach back three hours, and the ring buffer hold a lost GPU from before."""
    text = f"NVRM: GPU {places(node)['gpu1']}: GPU has fallen off the bus."
    first = entry(node, 180, 6, "docker0: port 3(veth0c4411f) entered forwarding state")
    rec.command(SINCE, answer([first]))
    rec.command(BEFORE, "")
    stamp = 1_050_337.21 - 10 * 3600
    rec.command(DMESG, rec.output(DMESG) + f"<3>[{stamp:12.6f}] {text}\n")


def _many(code: int, rest: str, count: int) -> list[str]:
    return [_xid(0, code, f"pid={4000 + number}, name=train.py, {rest}") for number in range(count)]


FAULTS = [
    Fault("xid79_before_boot", "GPU 3 fell off the bus, and the machine was started again", _NVIDIA, _NOTED,
          _before_boot(_xid(3, 79, "pid='<unknown>', name=<unknown>, GPU has fallen off the bus."))),
    Fault("xid48_put_aside_before_boot", "GPU 1 put a row aside, and the machine was started again", _NVIDIA, _NOTED,
          _before_boot(_xid(1, 48, "pid=81237, name=python3, DBE (double bit error) ECC Error"),
                       _xid(1, 63, "pid=81237, name=python3, Row Remapper: New row marked for remapping"))),
    Fault("xid64_before_boot", "GPU 1 could not put a bad row aside, and the machine was started again", _NVIDIA,
          {"log.xid.critical": "fail"},
          _before_boot(_xid(1, 64, "pid=81237, name=python3, Row Remapper: Failed to remap a row"))),
    Fault("amdgpu_rma_before_boot", "GPU 2 asked to be replaced, and the machine was started again", ("mi300x",),
          {"log.amdgpu.fault": "fail"}, _before_boot("amdgpu {gpu2}: amdgpu: GPU card is in RMA status")),
    Fault("lockup_before_boot", "a CPU was stuck, and the machine was started again", ("cpu_only",), _NOTED,
          _before_boot("watchdog: BUG: soft lockup - CPU#12 stuck for 26s! [nvidia-smi:20931]")),
    Fault("xid163_over", "power smoothing of GPU 0 was off for a while (Xid 163 and 162)", ("gb200_tray",),
          {**_NOTED, "log.xid.application": "fail"},
          says(_xid(0, 163, "Power smoothing disabled"), _xid(0, 162, "Power smoothing enabled"), level=4)),
    Fault("xid119_reset", "GPU 1 was reset after a GSP timeout (Xid 119 and 154)", _NVIDIA, _NOTED,
          says(_xid(1, 119, "pid=20243, name=nvidia-smi, Timeout after 6s of waiting for RPC response from GPU1 GSP!"),
               _xid(1, 154, "GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)"),
               _xid(1, 154, "GPU recovery action changed from 0x1 (GPU Reset Required) to 0x0 (None)"))),
    Fault("amdgpu_reset", "GPU 2 was reset, and that succeeded", ("mi300x",), _NOTED,
          says("amdgpu {gpu2}: amdgpu: GPU reset begin!", "amdgpu {gpu2}: amdgpu: GPU reset(2) succeeded!", level=6)),
    Fault("nfs_over", "the storage server did not answer for a minute", ("cpu_only",), _NOTED,
          says("nfs: server nas02 not responding, still trying", "nfs: server nas02 OK", level=5)),
    Fault("nfs_flaps", "the storage server stopped answering again and again", ("cpu_only",),
          {"log.netfs.stuck": "fail"},
          says(*["nfs: server nas02 not responding, still trying", "nfs: server nas02 OK"] * 6, level=5)),
    Fault("netdev_held", "a container's network device was freed late", ("cpu_only",), _NOTED,
          says("unregister_netdevice: waiting for lo to become free. Usage count = 1", level=0)),
    Fault("netdev_leaked", "a container's network device is never freed", ("cpu_only",),
          {"log.hung_task.blocked": "fail"},
          says(*["unregister_netdevice: waiting for lo to become free. Usage count = 1"] * 40, level=0)),
    Fault("xid13_one_gpu", "many programs meet illegal accesses on GPU 0 alone (Xid 13)", _NVIDIA,
          {"log.xid.application": "fail", "log.xid.spread": "fail"},
          says(*_many(13, "Graphics SM Warp Exception on (GPC 7, TPC 7, SM 0): Illegal Address", 12), level=4)),
    Fault("xid94_repeated", "GPU 0 contains a memory error again and again (Xid 94)", _NVIDIA,
          {"log.xid.warning": "fail", "log.xid.rate": "fail"},
          says(*[_xid(0, 94, "pid=81237, name=python3, Contained: GPC 3 SM 1 (0x0,0x1)")] * 40, level=4)),
    Fault("journal_hangs_after_boot", "the journal does not answer, an hour after the machine was started", ALL,
          _blind(**{"log.window.covered": "fail"}), _hung),
    Fault("journal_rotated_ring_knows", "the journal was rotated, and the ring buffer holds a lost GPU", _NVIDIA,
          {"log.nvidia.driver": "fail"}, _turned_over),
]  # fmt: skip
