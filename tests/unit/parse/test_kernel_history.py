"""What became of events: recovered, cured by the restart after them, as they were; and what many show together."""

from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.parse import kernel_events
from ansible_collections.muster.fleet.plugins.module_utils.parse.kmsg import Line

BOOTED = "2026-11-18T02:00:00Z"
NFS, NFS_OK = "nfs: server nas01 not responding, still trying", "nfs: server nas01 OK"
RESET, RESET_OK = (
    "amdgpu 0000:26:00.0: amdgpu: GPU reset begin!",
    "amdgpu 0000:26:00.0: amdgpu: GPU reset(2) succeeded!",
)


def xid(code, rest="pid=1, name=x", bus="1b"):
    return f"NVRM: Xid (PCI:0000:{bus}:00): {code}, {rest}"


TO_NONE = xid(154, "GPU recovery action changed from 0x1 (GPU Reset Required) to 0x0 (None)")


def read(*texts, boot="new", running="new"):
    return kernel_events.events([Line(100.0 + n, boot, 3, text) for n, text in enumerate(texts)], running)


def over(*texts, **more):
    return {(event["family"], event["code"]): event["over"] for event in read(*texts, **more)}


def found(seen, family, grade):
    return kernel_events.found(seen, True, BOOTED)[family][grade]


CURED = [
    xid(79), xid(119), xid(62), xid(74), xid(154, "GPU recovery action changed from 0x0 (None) to 0x2 (Reboot)"),
    "NVRM: GPU 0000:a1:00.0: GPU has fallen off the bus.", "NVRM: x [NV_ERR_RESET_REQUIRED] (0x62)", RESET, NFS,
    "mlx5_core 0000:18:00.0: poll_health:803:(pid 0): Fatal error 1 detected",
    "ice 0000:41:00.0: Device failed to recover",
    "watchdog: BUG: soft lockup - CPU#12 stuck for 26s! [x:1]", "Out of memory: Killed process 1 (x) total-vm:1kB",
    "habanalabs hl2: Going to RESET device!", "block nvme0n1: no available path - failing I/O",
    "nvidia-nvswitch1: SXid (PCI:0000:06:00.0): 20034, Fatal, Link 48 LTSSM Fault Up",
]  # fmt: skip
STAY = [
    xid(64), xid(140), xid(157), xid(161), xid(168), xid(48), xid(95), xid(171), xid(54), xid(165), xid(931),
    "amdgpu 0000:c1:00.0: amdgpu: GPU card is in RMA status",
    "amdgpu 0000:c1:00.0: amdgpu: Saved bad pages 8 reaches threshold value 8",
    "amdgpu 0000:c1:00.0: amdgpu: 2 uncorrectable hardware errors detected in umc block",
    "habanalabs hl1: HBM0_MC0 ECC error detected, DERR, address: 0x1002",
    "EXT4-fs (md0): This should not happen!! Data will be lost", "I/O error, dev nvme2n1, sector 2048 op 0x0:(READ)",
    "EDAC MC3: 1 UE memory read error on CPU_SrcID#1_MC#1",
    "md/raid1:md0: Disk failure on nvme1n1p2, disabling device.",
    "mce: [Hardware Error]: CPU 12: Machine Check: 0 Bank 7: be00000000800400", "Kernel panic - not syncing: Fatal",
    "NVRM: kfooBar: nobody knows this",
]  # fmt: skip


@pytest.mark.parametrize("text", CURED)
def test_what_a_restart_cures_is_history(text):
    seen = read(text, boot="old")
    (event,) = seen
    assert (event["this_boot"], event["over"]) == (False, "booted")
    assert not any(texts for grades in kernel_events.found(seen, True).values() for texts in grades.values())
    (said,) = kernel_events.notes(seen, True, BOOTED)
    assert said.endswith(f", before the boot of {BOOTED})")
    assert over(text) == {(event["family"], event["code"]): None}


@pytest.mark.parametrize("text", STAY)
def test_what_a_restart_does_not_cure_stays_and_says_when_it_was(text):
    seen = read(text, boot="old")
    (event,) = seen
    assert (event["this_boot"], event["over"]) == (False, None)
    grade = event["severity"] if event["known"] else "unknown"
    (said,) = found(seen, event["family"], grade)
    assert f"before the boot of {BOOTED}" in said


def test_an_event_that_came_back_after_the_restart_is_present():
    lines = [Line(100.0, "old", 3, xid(79)), Line(200.0, "new", 3, xid(79))]
    for order in (lines, lines[::-1]):
        (event,) = kernel_events.events(order, "new")
        assert (event["this_boot"], event["over"]) == (True, None)


def test_a_log_without_boots_is_split_by_when_the_machine_was_started():
    lines = [Line(at, None, 3, xid(79, bus=bus)) for at, bus in ((100.0, "1b"), (300.0, "2b"))]
    assert [event["this_boot"] for event in kernel_events.events(lines, "new", 200.0)] == [False, True]


@pytest.mark.parametrize(
    ("texts", "state"),
    [
        ([xid(48)], None),
        ([xid(48), xid(63)], "booted"),
        ([xid(48), xid(63, bus="2b")], None),  # another GPU put a row aside
        ([xid(48), xid(63), xid(64)], None),
    ],
)
def test_a_memory_error_is_cured_when_what_it_hit_was_put_aside(texts, state):
    assert over(*texts, boot="old")["xid", "48"] == state


@pytest.mark.parametrize(
    ("trouble", "end", "key"),
    [
        (NFS, NFS_OK, ("netfs", "not_responding")),
        (xid(163), xid(162), ("xid", "163")),
        (xid(119), TO_NONE, ("xid", "119")),
        (RESET, RESET_OK, ("amdgpu", "reset")),
        ("Lustre: s-OST1-osc-ff: Connection to s-OST1 (at 10.0.0.9@o2ib) was lost;",
         "Lustre: s-OST1-osc-ff: Connection restored to 10.0.0.9@o2ib", ("netfs", "lustre")),
        ("ceph: mds0 hung", "ceph: mds0 came back", ("netfs", "ceph")),
        ("libceph: osd3 down", "libceph: osd3 up", ("netfs", "ceph")),
        ("mlx5_core 0000:18:00.0: Health issue observed", "mlx5_core 0000:18:00.0: health recovery succeeded",
         ("mlx5", "health")),
    ],
)  # fmt: skip
def test_trouble_that_a_later_line_ends(trouble, end, key):
    assert over(trouble, end)[key] == "recovered"
    assert over(end, trouble)[key] is None
    assert over(trouble, end, trouble)[key] is None
    assert over(*[trouble, end] * 5)[key] is None  # again and again is not over
    assert "recovered 1970" in " ".join(kernel_events.notes(read(trouble, end), True))


def test_only_the_same_device_recovers():
    assert over(xid(163), xid(162, bus="2b"))["xid", "163"] is None
    assert over(NFS, NFS_OK.replace("nas01", "nas02"))["netfs", "not_responding"] is None
    assert over(xid(64), TO_NONE)["xid", "64"] is None  # a reset does not bring a spare row
    assert over("amdgpu 0000:26:00.0: amdgpu: ring sdma0 timeout, signaled", RESET, RESET_OK) == {
        ("amdgpu", "ring_timeout"): None, ("amdgpu", "reset"): "recovered", ("amdgpu", "reset_succeeded"): None,
    }  # fmt: skip


def test_a_device_that_is_held_now_and_then_is_information_and_for_long_is_a_finding():
    text = "unregister_netdevice: waiting for lo to become free. Usage count = 1"
    assert [event["severity"] for event in read(text)] == ["info"]
    assert [event["severity"] for event in read(*[text] * 40)] == ["warning"]


def programs(count, code=13, bus="1b", first=1000):
    return [xid(code, f"pid={first + n}, name=train.py, Graphics SM Warp Exception", bus) for n in range(count)]


@pytest.mark.parametrize(
    ("texts", "found_on"),
    [
        (programs(400), ["0000:1b:00.0"]),
        (programs(12, 31), ["0000:1b:00.0"]),
        (programs(6, 13) + programs(6, 31, first=2000), ["0000:1b:00.0"]),
        (programs(40) + programs(2, bus="2b", first=5000), ["0000:1b:00.0"]),
        (programs(9), []),
        (programs(1) * 400, []),  # one program in a loop
        (programs(20) + programs(20, bus="2b", first=5000), []),  # neighbours meet them, too
        (programs(60, 45), []),  # the cleanup after something else
        ([xid(31, "pid='<unknown>', name=<unknown>, MMU Fault")] * 40, []),
    ],
)
def test_many_programs_on_one_gpu_are_that_gpu(texts, found_on):
    seen = read(*texts)
    assert [event["pci_address"] for event in seen if event["family"] == "spread"] == found_on
    assert len(found(seen, "spread", "warning")) == len(found_on)


@pytest.mark.parametrize(
    ("code", "count", "found_on"), [(94, 40, 1), (94, 2, 0), (92, 12, 1), (13, 40, 0), (79, 40, 0)]
)
def test_a_gpu_that_repeats_a_warning_is_more_than_one_warning(code, count, found_on):
    seen = read(*[xid(code)] * count)
    assert len(found(seen, "rate", "warning")) == found_on
    assert all(f"{count} times" in said for said in found(seen, "rate", "warning"))
