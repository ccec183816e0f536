"""Mount tables, software RAID and drive health in their raw forms."""

from __future__ import annotations

import json

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.parse import mdstat, mounts, smart

GARBAGE = ["", "\x00" * 99, "{", "[1, 2", "null", "\ufffd" * 50, " - " * 500, "a " * 5000, "{{ x }} <script>"]


def test_mountinfo():
    root, space = mounts.mountinfo(
        "29 1 9:0 / / rw,relatime shared:1 - ext4 /dev/md0 rw,errors=remount-ro\n"
        r"30 29 0:50 / /mnt/a\040b ro - nfs4 nas01:/export rw,vers=4.2" + "\n"
    )
    assert (root["target"], root["fstype"], root["kind"], root["read_only"]) == ("/", "ext4", "local", False)
    assert (space["target"], space["kind"], space["read_only"]) == ("/mnt/a b", "network", True)


@pytest.mark.parametrize(
    ("fstype", "kind"),
    [("xfs", "local"), ("lustre", "network"), ("fuse.s3fs", "network"), ("tmpfs", "other"), ("squashfs", "other")],
)
def test_kinds(fstype, kind):
    assert mounts.kind(fstype) == kind


def test_fstab():
    text = (
        "# comment\nUUID=1 / ext4 errors=remount-ro 0 1\n/dev/sdb1 none swap sw 0 0\n"
        "/dev/sr0 /media/cdrom udf user,noauto 0 0\nnas:/a /auto nfs x-systemd.automount 0 0\n"
        "/dev/sdc1 /ro xfs ro,nofail 0 0 # why\n"
    )
    assert mounts.fstab(text) == [
        {"target": "/", "fstype": "ext4", "read_only": False},
        {"target": "/ro", "fstype": "xfs", "read_only": True},
    ]


def test_swaps():
    text = "Filename\tType\tSize\tUsed\tPriority\n/dev/dm-1 partition 8388604 1024 -2\n"
    assert mounts.swaps(text) == [
        {
            "label": "/dev/dm-1",
            "device": "/dev/dm-1",
            "kind": "partition",
            "size_bytes": 8589930496,
            "used_bytes": 1048576,
        }
    ]


MDSTAT = """Personalities : [raid1] [raid0]
md0 : active raid1 nvme1n1p2[1](F) nvme0n1p2[0]
      1873875904 blocks super 1.2 [2/1] [U_]
      bitmap: 3/14 pages [12KB], 65536KB chunk

md1 : active raid0 nvme3n1[1] nvme2n1[0]
      15002423296 blocks super 1.2 512k chunks

md2 : active (auto-read-only) raid5 sdd1[3] sdc1[1] sdb1[0]
      1953259520 blocks super 1.2 level 5, 512k chunk, algorithm 2 [3/2] [UU_]
      [=>...................]  recovery =  8.5% (83012544/976629760) finish=112.0min speed=132876K/sec

md127 : inactive sde1[0](S)
      976630488 blocks super 1.2

unused devices: <none>
"""


def test_mdstat():
    mirror, stripe, parity, parked = mdstat.mdstat(MDSTAT)
    assert (mirror["level"], mirror["degraded"], mirror["failed"]) == ("raid1", 1, ["nvme1n1p2"])
    assert (stripe["level"], stripe["degraded"], stripe["members"]) == ("raid0", None, ["nvme2n1", "nvme3n1"])
    assert (parity["degraded"], parity["action"], parity["progress_percent"]) == (1, "recovery", 8.5)
    assert (parked["state"], parked["level"]) == ("inactive", None)


@pytest.mark.parametrize(
    ("head", "state", "level", "members"),
    [
        ("active faulty sdb1[1]", "active", "faulty", ["sdb1"]),
        ("active sdb1[1]", "active", None, ["sdb1"]),
        ("active raid99 sdb1[1] sda1[0](F)", "active", "raid99", ["sda1", "sdb1"]),
        ("active (read-only) raid-x sdb1[1]", "active", "raid-x", ["sdb1"]),
        ("broken raid0 sdb1[1]", "broken", "raid0", ["sdb1"]),
        ("inactive sdb1[1](S)", "inactive", None, ["sdb1"]),
    ],
)
def test_mdstat_keeps_the_level_and_the_members_of_every_kind(head, state, level, members):
    (array,) = mdstat.mdstat(f"md0 : {head}\n")
    assert (array["state"], array["level"], array["members"]) == (state, level, members)


def test_nvme_cli_of_two_generations():
    old = {"critical_warning": 0, "temperature": 311, "avail_spare": 100, "spare_thresh": 10, "percent_used": 2}
    found = smart.nvme_cli(json.dumps({**old, "media_errors": "1,024"}).encode())
    assert found["temperature_c"] == 38
    assert (found["spare_percent"], found["used_percent"], found["media_errors"]) == (100, 2, 1024)
    new = smart.nvme_cli(json.dumps({"critical_warning": {"value": 4}, "percent_used": 300}).encode())
    assert (new["critical_warning"], new["used_percent"], new["temperature_c"]) == (4, 300, None)


def test_smartctl():
    log = {"critical_warning": 0, "temperature": 41, "available_spare": 99, "percentage_used": 7, "media_errors": 0}
    found = smart.smartctl(json.dumps({"nvme_smart_health_information_log": log}).encode())
    assert (found["temperature_c"], found["spare_percent"], found["used_percent"]) == (41, 99, 7)
    assert smart.smartctl(b'{"ata_smart_attributes": {}}') is None


@pytest.mark.parametrize("value", ["n/a", -1, True, None, [], {}, 1e400, "0xzz", "9" * 50])
def test_health_figures_that_are_none(value):
    found = smart.nvme_cli(json.dumps({"critical_warning": 0, "media_errors": value}).encode())
    assert found["media_errors"] is None or isinstance(found["media_errors"], int)
    assert found["used_percent"] is None


@pytest.mark.parametrize("text", [*GARBAGE, "[" * 100_000, '{"a":' * 50_000])
def test_garbage_never_raises(text):
    assert smart.nvme_cli(text.encode()) is None
    assert smart.smartctl(text.encode()) is None
    assert mdstat.mdstat(text) == []
    assert mounts.fstab(text) == []
    assert mounts.swaps(text) == []
    mounts.mountinfo(text)
