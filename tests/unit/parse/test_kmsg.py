"""Kernel logs in every form, whole and broken."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import yaml

from ansible_collections.muster.fleet.plugins.module_utils.parse import kernel_events, kernel_patterns, kmsg
from ansible_collections.muster.fleet.plugins.module_utils.parse.kmsg import Line

OK_LINES = [
    "amdgpu 0000:05:00.0: amdgpu: socket: 0, no uncorrectable hardware errors detected in umc block",
    "amdgpu 0000:05:00.0: amdgpu: 0 correctable hardware errors detected in umc block",
    "pcieport 0000:15:01.0: AER: enabled with IRQ 40",
    "mce: CPU0: Thermal monitoring enabled (TM1)",
    "mce: CPU14: Core temperature/speed normal (total events = 0)",
    "EDAC MC0: Giving out device to module i10nm_edac controller",
    "EXT4-fs (md0): mounted filesystem with ordered data mode",
    "NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.",
    "nvme nvme0: 64/0/0 default/read/poll queues",
    "rcu: Hierarchical RCU implementation.",
    "traps: python3[4411] general protection fault ip:55d2 sp:7ffd error:0 in python3.11",
    "NVRM: GPU 0000:1b:00.0: persistence mode is enabled",
    "mlx5_core 0000:18:00.0: firmware version: 28.42.1000",
    "nfs: server nas01 OK",
    "habanalabs 0000:19:00.0: Successfully added device",
    "thermal LNXTHERM:00: registered as thermal_zone0",
]
TROUBLE = {
    "amdgpu 0000:26:00.0: amdgpu: ring comp_1.2.0 timeout, signaled seq=5, emitted seq=7": ("amdgpu", "ring_timeout"),
    "[drm:amdgpu_job_timedout [amdgpu]] *ERROR* ring sdma0 timeout, signaled seq=4, emitted seq=6": (
        "amdgpu",
        "ring_timeout",
    ),
    "amdgpu 0000:26:00.0: amdgpu: ring gfx_0.0.0 timeout, but soft recovered": ("amdgpu", "ring_recovered"),
    "amdgpu 0000:26:00.0: amdgpu: [gfxhub0] page fault (src_id:0 ring:24 vmid:3 pasid:32770)": ("amdgpu", "page_fault"),
    "amdgpu 0000:26:00.0: amdgpu: 2 uncorrectable hardware errors detected in umc block": ("amdgpu", "ras_uncorrected"),
    "amdgpu: {12} socket: 1, die: 0, 10 new correctable hardware errors detected in gfx block": (
        "amdgpu",
        "ras_corrected",
    ),
    "NVRM: GPU 0000:61:00.0: GPU has fallen off the bus.": ("nvidia", "lost"),
    "NVRM: fallen off the bus and is not responding to commands.": ("nvidia", "lost"),
    "NVRM: GPU6 _kgspLogRpcTimeout: ****************** GSP Timeout *******************": ("nvidia", "gsp_timeout"),
    "NVRM: GPU0 _kgspRpcRecvPoll: GSP RM heartbeat timed out": ("nvidia", "gsp_timeout"),
    "amdgpu 0000:c5:00.0: amdgpu: MES failed to respond to msg=REMOVE_QUEUE": ("amdgpu", "scheduler_stuck"),
    "amdgpu 0000:0d:00.0: amdgpu: SMU: I'm not done with your previous command: SMN_C2PMSG_66:0x12": (
        "amdgpu",
        "power_stuck",
    ),
    "amdgpu 0000:0d:00.0: amdgpu: SMU is resumed successfully!": None,
    "habanalabs hl3: Wait command submission 4711 has not finished in time!": ("habanalabs", "command_timeout"),
    "habanalabs hl3: Command submission 4711 has not finished in 30 seconds!": ("habanalabs", "command_timeout"),
    "habanalabs hl0: Device heartbeat failed! PCI link is broken": ("habanalabs", "heartbeat"),
    "habanalabs hl2: Going to RESET device!": ("habanalabs", "hard_reset"),
    "mce: [Hardware Error]: Machine check events logged": ("mce", "corrected"),
    "{1}[Hardware Error]: event severity: fatal": ("mce", "uncorrected"),
    "[Hardware Error]: Corrected error, no action required.": ("mce", "corrected"),
    "[Hardware Error]: Uncorrected, software restartable error.": ("mce", "uncorrected"),
    "EDAC MC0: 3 CE memory read error on CPU_SrcID#0_MC#0_Chan#1_DIMM#0": ("memory", "corrected"),
    "EDAC MC3: 1 UE memory read error on CPU_SrcID#1_MC#1_Chan#0_DIMM#0": ("memory", "uncorrected"),
    "EDAC skx MC2: HANDLING MCE MEMORY ERROR": None,
    "Memory failure: 0x2f4c11: recovery action for dirty LRU page: Recovered": ("memory", "failure"),
    "pcieport 0000:16:00.0: AER: Multiple Uncorrected (Fatal) error received: 0000:17:00.0": ("aer", "uncorrected"),
    "nvme 0000:0a:00.0: PCIe Bus Error: severity=Corrected, type=Physical Layer, (Receiver ID)": ("aer", "corrected"),
    "pcieport 0000:97:01.0: DPC: containment event, status:0x1f01 source:0x0000": ("aer", "containment"),
    "nvme nvme2: I/O tag 120 (4078) opcode 0x2 (I/O Cmd) QID 5 timeout, aborting": ("nvme", "timeout"),
    "nvme nvme2: controller is down; will reset: CSTS=0xffffffff, PCI_STATUS=0xffff": ("nvme", "controller_down"),
    "I/O error, dev nvme2n1, sector 2048 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2": ("block", "io_error"),
    "Buffer I/O error on dev sdb1, logical block 0, async page read": ("block", "io_error"),
    "mlx5_core 0000:18:00.0: wait_func:1151:(pid 1): MANAGE_PAGES(0x108) timeout. Will cause a leak of a command": (
        "mlx5",
        "command_timeout",
    ),
    "mlx5_core 0000:18:00.0: poll_health:850: device's health compromised - reached miss count": ("mlx5", "health"),
    "Out of memory: Killed process 31877 (python3) total-vm:21138812kB": ("oom", "killed"),
    "Memory cgroup out of memory: Killed process 40981 (exporter)": ("oom", "cgroup"),
    "watchdog: BUG: soft lockup - CPU#12 stuck for 26s! [nvidia-smi:20931]": ("lockup", "soft_lockup"),
    "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:": ("lockup", "rcu_stall"),
    "INFO: task python:1234 blocked for more than 120 seconds.": ("hung_task", "blocked"),
    "Kernel panic - not syncing: Fatal exception": ("panic", "panic"),
    "BUG: kernel NULL pointer dereference, address: 0000000000000008": ("panic", "oops"),
    "general protection fault, probably for non-canonical address 0xdead000000000108: 0000 [#1]": ("panic", "oops"),
    "EXT4-fs error (device sda1): ext4_lookup:1785: inode #2: comm ls: deleted inode": ("filesystem", "ext4"),
    "EXT4-fs (sda1): Remounting filesystem read-only": ("filesystem", "readonly"),
    "XFS (md1): Metadata corruption detected at xfs_agf_verify+0x54": ("filesystem", "xfs"),
    "nfs: server nas01 not responding, still trying": ("netfs", "not_responding"),
    "CPU3: Package temperature above threshold, cpu clock throttled (total events = 1)": ("thermal", "cpu_throttled"),
    "NVRM: GPU 0000:1b:00.0: RmInitAdapter failed! (0x62:0x55:2477)": ("nvidia", "init_failed"),
    "md/raid1:md0: Disk failure on nvme1n1p2, disabling device.": ("md", "disk_failed"),
    "NVRM: The NVIDIA probe routine failed for 1 device(s).": ("nvidia", "probe_failed"),
    "NVRM: This PCI I/O region assigned to your NVIDIA device is invalid:": ("nvidia", "bar_invalid"),
    "NVRM: API mismatch: the client has the version 580.95.05, but": ("nvidia", "version_mismatch"),
    "amdgpu 0000:26:00.0: amdgpu: 4 deferred hardware errors detected in umc block": ("amdgpu", "ras_deferred"),
    "amdgpu 0000:26:00.0: amdgpu: {3} poison is consumed by client gfx": ("amdgpu", "poison"),
    "amdgpu 0000:26:00.0: amdgpu: RAS records:130 exceeds bad page threshold:128": ("amdgpu", "bad_pages"),
    "amdgpu: RAS controller interrupt triggered by NBIF error": ("amdgpu", "ras_interrupt"),
    "amdgpu 0000:26:00.0: amdgpu: GPU reset end with ret = -62": ("amdgpu", "reset_failed"),
    "amdgpu 0000:26:00.0: amdgpu: GPU reset begin!": ("amdgpu", "reset"),
    "amdgpu 0000:26:00.0: amdgpu: device lost from bus!": ("amdgpu", "lost"),
    "amdgpu 0000:26:00.0: amdgpu: hw_init of IP block <psp> failed -22": ("amdgpu", "init_failed"),
    "amdgpu: Queue preemption failed for queue with doorbell_id: 80004008": ("amdgpu", "queue_stuck"),
    "habanalabs hl1: Failed to initialize ASIC, device is not usable": ("habanalabs", "unusable"),
    "habanalabs hl1: HBM0_MC0 ECC error detected, DERR, address: 0x1002": ("habanalabs", "ecc"),
    'habanalabs 0000:33:00.0: Received H/W interrupt 572 ["HBM0_MC0_SPI"]': ("habanalabs", "event"),
    "habanalabs hl1: HMMU page fault on va 0xfff0000000": ("habanalabs", "page_fault"),
    "thermal thermal_zone0: acpitz: critical temperature reached, shutting down": ("thermal", "critical"),
    "mce: [Hardware Error]: CPU 12: Machine Check Exception: 5 Bank 7: be00000000800400": ("mce", "exception"),
    "[Hardware Error]: Deferred error, no action required.": ("mce", "deferred"),
    "pcieport 0000:97:01.0: pciehp: Slot(4): Link Down": ("aer", "link_down"),
    "nvme0n1: I/O Cmd(0x2) @ LBA 2048, 8 blocks, I/O Error (sct 0x2 / sc 0x81) MORE DNR": ("nvme", "error"),
    "md: kicking non-fresh sdb1 from array!": ("md", "kicked"),
    "critical medium error, dev sda, sector 91223 op 0x0:(READ)": ("block", "medium_error"),
    "python3: attempt to access beyond end of device": ("block", "past_end"),
    "ata1.00: exception Emask 0x0 SAct 0x40 SErr 0x0 action 0x0": ("block", "ata_error"),
    "Aborting journal on device sda1-8.": ("filesystem", "journal"),
    "BTRFS critical (device sdb1): corrupt leaf: root=5 block=1": ("filesystem", "btrfs"),
    "LustreError: 11-0: scratch-OST0001-osc: Connection to scratch-OST0001 was lost": ("netfs", "lustre"),
    "ceph: mds0 hung": ("netfs", "ceph"),
    "mlx5_core 0000:18:00.0: Detected insufficient power on the PCIe slot (27W).": ("mlx5", "power"),
    "mlx5_core 0000:18:00.0: Port module event[error]: module 0, Cable error, Bad or shorted cable": ("mlx5", "module"),
    "nvidia-smi: page allocation failure: order:5, mode:0x40cc0": ("oom", "allocation"),
    "watchdog: Watchdog detected hard LOCKUP on cpu 3": ("lockup", "hard_lockup"),
    "sched: RT throttling activated": ("lockup", "rt_throttled"),
    "WARNING: CPU: 3 PID: 1204 at kernel/workqueue.c:1966 __queue_work+0x1a": ("panic", "warning"),
    "NETDEV WATCHDOG: eth0 (mlx5_core): transmit queue 0 timed out 5000 ms": ("network", "tx_timeout"),
}
SAMPLES = yaml.safe_load((Path(__file__).parent / "kernel_samples.yml").read_text())


def read(text, level=None):
    seen = kernel_events.events([Line(None, None, level, text)])
    return (seen[0]["family"], seen[0]["code"]) if seen else None


@pytest.mark.parametrize("text", OK_LINES)
def test_well_worded_lines_are_no_event(text):
    assert read(text) is None


@pytest.mark.parametrize(("text", "kind"), TROUBLE.items())
def test_trouble(text, kind):
    assert read(text) == kind


def test_every_row_of_the_table_is_reached():
    rows = {(kind.family, kind.code) for kind in kernel_patterns.KINDS}
    samples = {tuple(name.partition("/")[0].split(".")) for name in SAMPLES}
    assert {kind for kind in TROUBLE.values() if kind} | samples == rows


@pytest.mark.parametrize("kind", kernel_patterns.KINDS, ids=lambda kind: f"{kind.family}-{kind.code}")
def test_every_row_says_what_to_do(kind):
    assert kind.severity in ("critical", "warning", "info")
    assert kind.meaning
    assert kind.action.endswith(".")


def test_urgent_lines_that_nobody_knows_are_an_event():
    assert read("something quite new happened", level=2)[0] == "kernel"
    assert read("something quite new happened", level=3) is None


def test_events_are_gathered():
    lines = [
        Line(100.0 + n, "b1", 3, "nvme nvme2: I/O 12 QID 5 timeout, aborting <script>{{ x }}</script>")
        for n in range(50)
    ]
    lines.append(Line(50.0, "b0", 3, lines[0].text))  # out of order, from the boot before
    (event,) = kernel_events.events(lines, boot="b1")
    assert (event["count"], event["device"]) == (51, "nvme2")
    assert (event["first_at"], event["last_at"]) == ("1970-01-01T00:00:50Z", "1970-01-01T00:02:29Z")
    assert len(event["sample"]) <= 200


def test_storm_of_different_events_is_bounded():
    lines = [Line(1.0, None, 3, f"NVRM: Xid (PCI:0000:{n:02x}:00): {c}, x") for n in range(99) for c in range(60)]
    seen = kernel_events.events(lines)
    assert len(seen) == kernel_events.EVENT_LIMIT
    assert len(kernel_events.found(seen, True)["xid"]["critical"]) <= kernel_events.SHOWN + 1


def test_nothing_found_is_known_only_when_the_log_was_complete():
    assert kernel_events.found([], True)["xid"]["critical"] == []
    assert kernel_events.found([], False)["xid"]["critical"] is None


def test_dmesg_forms():
    lines = kmsg.dmesg(
        b"<6>[    1.500000] one\n<3>[12345.000001] two\n[Sun Feb 23 16:24:18 2025] three\n<4>four\n", 1000.0
    )
    assert [(line.at, line.level, line.text) for line in lines] == [
        (1001.5, 6, "one"),
        (13345.000001, 3, "two"),
        (None, None, "three"),
        (None, 4, "four"),
    ]
    assert kmsg.dmesg(b"<6>[    1.5][  T123] with caller\n", 0.0)[0].text == "with caller"


def test_kmsg_form():
    (line,) = kmsg.kmsg(b"3,1401,5000000,-;NVRM: Xid (PCI:0000:1b:00): 79, x\n SUBSYSTEM=pci\n DEVICE=+pci:x\n", 10.0)
    assert (line.at, line.level, line.text) == (15.0, 3, "NVRM: Xid (PCI:0000:1b:00): 79, x")


@pytest.mark.parametrize(
    ("row", "at"),
    [
        ("2026-11-23T14:46:44.123456+00:00 gpu-a01-01 kernel: [ 12.5] hello", 1795445204.0),
        ("2026-11-23T14:46:44Z gpu-a01-01 kernel: hello", 1795445204.0),
        ("Nov 23 14:46:44 gpu-a01-01 kernel: [   12.500000] hello", None),
        ("déc. 23 14:46:44 gpu-a01-01 kernel: hello", None),
    ],
)
def test_syslog_forms(row, at):
    (line,) = kmsg.syslog(row.encode())
    assert (line.at, line.text) == (at, "hello")
    assert kmsg.syslog(b"2026-11-23T14:46:44Z host sshd[1]: kernel of truth\n") == []


def test_journal_form():
    rows = [
        {"__REALTIME_TIMESTAMP": "1795000000000000", "_BOOT_ID": "b", "PRIORITY": "3", "MESSAGE": "one"},
        {"__REALTIME_TIMESTAMP": "1795000001000000", "MESSAGE": list(b"tw\xffo")},
        {"__REALTIME_TIMESTAMP": "1795000001000000", "MESSAGE": None},
        {"__REALTIME_TIMESTAMP": "soon", "MESSAGE": "x"},
        ["not", "an", "entry"],
    ]
    data = "\n".join(json.dumps(row) for row in rows).encode() + b"\n-- No entries --\n\xff\xfe\x00{"
    one, two = kmsg.journal(data)
    assert (one.at, one.boot, one.level, one.text) == (1795000000.0, "b", 3, "one")
    assert two.text == "tw\ufffdo"


@pytest.mark.parametrize(
    "read_as", [kmsg.journal, kmsg.syslog, *(lambda d, f=f: f(d, 0.0) for f in (kmsg.dmesg, kmsg.kmsg))]
)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 5000,
        bytes(range(256)) * 40,
        b"\xff\xfe" * 1000,
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"<6>[" + b"9" * 5000 + b"." + b"9" * 5000 + b"] x\n",
        b'{"__REALTIME_TIMESTAMP": ' + b"9" * 4000 + b', "MESSAGE": "x"}',
        b"6,1," + b"9" * 5000 + b",-;x",
        "…日本語のカーネル".encode("shift_jis", "replace") * 100,
    ],
)
def test_garbage_never_raises(read_as, data):
    kernel_events.events(read_as(data))


def test_control_characters_do_not_reach_a_report():
    (line,) = kmsg.dmesg("<6>[    1.0] a\x1b[31mred\x07\u2028b\r".encode(), 0.0)
    assert line.text == "a [31mred  b"


def test_a_long_log_takes_little_time():
    line = Line(1.0, None, 6, "pcieport 0000:15:01.0: AER: enabled with IRQ 40 " + "x" * 200)
    started = time.process_time()
    kernel_events.events([line] * 20_000)
    assert time.process_time() - started < 3


@pytest.mark.parametrize("kind", kernel_patterns.KINDS, ids=lambda kind: f"{kind.family}-{kind.code}")
def test_no_expression_can_be_made_slow(kind):
    hostile = (kind.needle + " amdgpu nvme0: ring 0000:00:00.0 [Hardware Error] EDAC ") * 80
    started = time.process_time()
    kind.expression.search(hostile[: kmsg.LINE_LIMIT])
    assert time.process_time() - started < 1
