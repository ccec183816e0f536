# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can be wrong with services, mounts and clocks that only some sites ask for, and with their lesser states."""

from __future__ import annotations

from . import service_answers as service
from . import storage
from . import time as clock
from .faults import Fault
from .node import Node
from .pcimap import NVME, of
from .recording import Recording

ALL = ("hgx_h100", "gb200_tray", "mi300x", "gaudi3", "cpu_only")
ACCELERATED = ALL[:4]
SLURM = "slurmd.service"
PMC = "pmc -u -b 0 GET TIME_STATUS_NP"


def _storage_driver(node: Node, rec: Recording) -> None:
    service.put_engine(node, rec, service.runtimes(node.klass), Driver="vfs")


def _workload_down(node: Node, rec: Recording) -> None:
    """The scheduler's daemon is installed and stopped."""
    shown = service.show_command(node.klass)
    stopped = (
        f"Id={SLURM}\nNames={SLURM}\nLoadState=loaded\nActiveState=inactive\nSubState=dead\nUnitFileState=enabled\n"
    )
    rest = "ActiveEnterTimestampMonotonic=0\nMainPID=0\nNRestarts=0\nResult=success\nExecMainStatus=0\n"
    rec.command(f"{shown} {SLURM}", f"{rec.output(shown)}\n{stopped}{rest}")
    errors = service.journal_command(node.klass)
    asked = sorted([*service.installed(node.klass), SLURM])
    rec.command(" ".join([service.JOURNAL, *(f"-u {name}" for name in asked)]), rec.output(errors))


def _one_serial(node: Node, rec: Recording) -> None:
    first, second = (storage.folder(node, drive.name or "") for drive in of(node.klass, NVME)[:2])
    rec.file(f"{second}/serial", rec.text(f"{first}/serial"))


def _scratch_gone(node: Node, rec: Recording) -> None:
    table = rec.text("/proc/self/mountinfo").splitlines(True)
    rec.file("/proc/self/mountinfo", "".join(line for line in table if " /scratch " not in line))
    fstab = rec.text("/etc/fstab").splitlines(True)
    rec.file("/etc/fstab", "".join(line for line in fstab if " /scratch " not in line))


def _pool_degraded(node: Node, rec: Recording) -> None:
    rec.file("/proc/spl/kstat/zfs/tank/state", "DEGRADED\n")


def _other_daemon(node: Node, rec: Recording) -> None:
    """The machine's own simple client keeps the clock, and keeps it well."""
    names = ("chrony", "chronyd", "ntpd", "ntp", "ntpsec", "systemd-timesyncd", "ptp4l", "phc2sys")
    gone = {name: clock.unit(f"{name}.service", "inactive", "not-found") for name in names}
    states = {**gone, "systemd-timesyncd": clock.unit("systemd-timesyncd.service")}.values()
    rec.command(clock.SHOW, "\n".join(states))
    rec.no_command("chronyc")
    rec.command(
        "timedatectl timesync-status",
        "       Server: 10.10.0.11 (10.10.0.11)\nPoll interval: 34min 8s (min: 32s; max 34min 8s)\n"
        "         Leap: normal\n"
        "      Version: 4\n      Stratum: 2\n    Reference: 0A0A0001\n    Precision: 1us (-25)\n"
        "Root distance: 412us (max: 5s)\n       Offset: +19us\n        Delay: 310us\n       Jitter: 22us\n"
        " Packet count: 4211\n    Frequency: -7.341ppm\n",
    )


def _ptp_far(node: Node, rec: Recording) -> None:
    """PTP runs beside chrony, and its clock is 4 ms from its grandmaster."""
    rec.command(
        clock.SHOW,
        rec.output(clock.SHOW).replace(
            clock.unit("ptp4l.service", "inactive", "not-found"), clock.unit("ptp4l.service")
        ),
    )
    rec.command(PMC, "sending: GET TIME_STATUS_NP\n\tb8cef6.fffe.0a1b2c-0 seq 0 RESPONSE MANAGEMENT TIME_STATUS_NP\n"
                     "\t\tmaster_offset              4112031\n\t\tgmPresent                  true\n"
                     "\t\tgmIdentity                 ec4670.fffe.00a1b2\n")  # fmt: skip


FAULTS = [
    Fault("container_out_of_memory", "the kernel killed the exporter's container for memory", ACCELERATED,
          {"service.container.oom": "fail"}, service.changed_container(oom=True)),
    Fault("container_just_started", "the exporter's container was started ten seconds ago", ACCELERATED,
          {"service.container.uptime": "fail"}, service.changed_container(started="2026-11-18T11:06:30.318225714Z")),
    Fault("docker_vfs", "the container engine copies every layer", ALL, {"service.engine.storage_driver": "fail"},
          _storage_driver),
    Fault("unit_without_process", "containerd is said to run and has no process", ALL, {"service.unit.pid": "fail"},
          lambda node, rec: service.put_units(node, rec, containerd={"MainPID": 0})),
    Fault("scheduler_down", "the scheduler's daemon was stopped", ALL, {"service.workload.active": "fail"},
          _workload_down, {"service.units.workload": [SLURM]}),
    Fault("process_missing", "a process that the site asks for has ended", ALL, {"service.process.running": "fail"},
          lambda node, rec: rec.file("/proc/4242/comm", "python3\n"), {"service.processes": ["telegraf"]}),
    Fault("nvme_serial_twice", "two drives answer with one serial number", ALL, {"storage.nvme.serials": "fail"},
          _one_serial),
    Fault("scratch_forgotten", "scratch is neither mounted nor in fstab", ACCELERATED,
          {"storage.mount.present": "fail"}, _scratch_gone, {"storage.mounts": ["/", "/scratch"]}),
    Fault("zfs_degraded", "a ZFS pool runs on fewer drives than it should", ALL, {"storage.pool.online": "fail"},
          _pool_degraded),
    Fault("time_daemon_other", "another time daemon runs than the site has chosen", ALL,
          {"time.daemon.known": "fail"}, _other_daemon),
    Fault("ptp_offset", "the PTP clock is 4 ms off", ALL, {"time.ptp.offset": "fail"}, _ptp_far,
          {"time.ptp_offset_max_s": 0.000001}),
]  # fmt: skip
