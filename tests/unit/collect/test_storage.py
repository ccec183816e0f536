"""Storage facts of machines that are well, badly off, or will not say."""

from __future__ import annotations

import json
import threading

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import storage
from ansible_collections.muster.fleet.plugins.module_utils.host import Host
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay

ROOT = "29 1 9:0 / / rw,relatime shared:1 - ext4 /dev/md0 rw\n"
NFS = "51 29 0:61 / /mnt/shared rw - nfs4 nas01:/export rw\n"
SPACE = {"total_bytes": 1000, "free_bytes": 400, "available_bytes": 200, "inodes": 100, "inodes_free": 90}
HEALTH = {"critical_warning": 0, "temperature": 311, "avail_spare": 100, "spare_thresh": 10, "percent_used": 2}


def machine(files=(), commands=(), space=(), uid=0, **more):
    files = {"/proc/self/mountinfo": ROOT, "/etc/fstab": "", "/proc/mdstat": "", "/proc/swaps": "", **dict(files)}
    return Replay(
        [
            {
                "muster_recording": 1,
                "closed": True,
                "identity": {"now": 0.0, "uid": uid},
                "files": files,
                "commands": dict(commands),
                "space": {"/": SPACE, **dict(space)},
                **more,
            }
        ]
    )


def collect(*args, wanted=None, **more):
    return storage.collect(machine(*args, **more), wanted or {"mounts": ["/"], "network": True})


def drive(name="nvme0", **values):
    base = f"/sys/class/nvme/{name}"
    files = {"state": "live", "model": "X", "serial": "S1  ", "firmware_rev": "1", "address": "0000:0a:00.0", **values}
    return {f"{base}/{key}": f"{value}\n" for key, value in files.items()}


def health(name="nvme0", **changes):
    return {f"nvme smart-log /dev/{name} -o json": {"stdout": json.dumps({**HEALTH, **changes})}}


def test_space_as_df_counts_it():
    (root,) = collect()["mounts"]
    assert root["space"]["used_percent"] == 75.0
    assert root["space"]["inodes_used_percent"] == 10.0
    assert (root["wanted"], root["state"], root["inodes_counted"]) == (True, "ok", True)


def test_a_file_system_that_does_not_answer():
    facts = collect({"/proc/self/mountinfo": ROOT + NFS})
    assert [(mount["target"], mount["state"]) for mount in facts["mounts"]] == [
        ("/", "ok"),
        ("/mnt/shared", "no_answer"),
    ]


def test_network_mounts_are_asked_only_when_wanted():
    files = {"/proc/self/mountinfo": ROOT + NFS}
    facts = collect(files, wanted={"mounts": ["/"], "network": False})
    assert facts["mounts"][1]["state"] == "not_asked"
    facts = collect(files, wanted={"mounts": ["/mnt/shared"], "network": False}, space={"/mnt/shared": SPACE})
    assert facts["mounts"][1]["state"] == "ok"


def test_an_automount_is_never_touched():
    asked = []

    class Watched(Replay):
        def space(self, path):
            asked.append(path)
            return SPACE

    host = Watched([machine({"/proc/self/mountinfo": ROOT + "60 1 0:9 / /auto rw - autofs systemd-1 rw\n"})._data])
    facts = storage.collect(host, {"mounts": ["/", "/auto"]})
    assert asked == ["/"]
    assert facts["mounts"][1]["state"] == "not_asked"


def test_one_dead_server_does_not_hold_up_the_others():
    meeting = threading.Barrier(3, timeout=10)

    class Slow(Replay):
        def space(self, path):
            meeting.wait()  # breaks unless all three are asked at once
            return SPACE

    shares = "".join(f"5{n} 29 0:6{n} / /mnt/{n} rw - nfs4 nas0{n}:/x rw\n" for n in range(3))
    host = Slow([machine({"/proc/self/mountinfo": shares})._data])
    assert [mount["state"] for mount in storage.collect(host, {"mounts": []})["mounts"]] == ["ok"] * 3


def test_many_mounts_are_bounded():
    lines = "".join(f"{n} 1 8:{n} / /m{n} rw - xfs /dev/sd{n} rw\n" for n in range(200))
    facts = collect({"/proc/self/mountinfo": lines})
    assert sum(mount["state"] == "not_asked" for mount in facts["mounts"]) == 200 - storage.PROBES
    assert {"source": "statvfs", "reason": "only the first 32 of 200 file systems were asked"} in facts["errors"]


def test_what_is_always_full_and_what_is_mounted_twice_is_left_out():
    more = "40 29 7:0 / /snap/x ro - squashfs /dev/loop0 ro\n61 29 9:0 /a /var/b rw - ext4 /dev/md0 rw\n"
    assert [mount["target"] for mount in collect({"/proc/self/mountinfo": ROOT + more})["mounts"]] == ["/"]


def test_fstab_and_profile_against_the_mount_table():
    fstab = "/dev/md0 / ext4 defaults 0 1\n/dev/md1 /scratch xfs nofail 0 0\n"
    facts = collect({"/etc/fstab": fstab}, wanted={"mounts": ["/", "/data"]})
    assert facts["missing_mounts"] == ["/data"]
    assert facts["unmounted"] == ["/scratch is not mounted"]
    facts = collect({"/etc/fstab": fstab, "/proc/self/mountinfo": ROOT.replace("rw,", "ro,")})
    assert facts["unmounted"] == ["/ is read-only", "/scratch is not mounted"]
    assert facts["mounts"][0]["read_only"] is True


def test_a_mount_table_that_cannot_be_read():
    facts = collect({"/proc/self/mountinfo": {"state": "denied"}})
    assert (facts["mounts"], facts["missing_mounts"], facts["unmounted"]) == (None, None, None)
    assert facts["errors"]


def test_drive_and_its_health():
    files = {
        **drive(),
        "/sys/class/nvme/nvme0/hwmon3/temp1_input": "37850\n",
        "/sys/class/nvme/nvme0/nvme0n1/size": "8",
    }
    (found,) = collect(files, health())["nvme"]
    assert (found["serial"], found["state"], found["temperature_c"]) == ("S1", "live", 37.85)
    assert found["namespaces"] == ["nvme0n1"]
    assert (found["smart"]["used_percent"], found["smart"]["source"]) == (2, "nvme")


def test_ten_drives_stand_in_their_order():
    files = {path: text for n in (10, 2, 0) for path, text in drive(f"nvme{n}").items()}
    assert [each["name"] for each in collect({**files, "/sys/class/nvme/fabrics/x": ""})["nvme"]] == [
        "nvme0",
        "nvme2",
        "nvme10",
    ]


def test_smartctl_when_there_is_no_nvme_cli():
    log = {"nvme_smart_health_information_log": {"critical_warning": 0, "percentage_used": 7, "temperature": 40}}
    commands = {"smartctl -j -A /dev/nvme0": {"rc": 4, "stdout": json.dumps(log)}}
    (found,) = collect(drive(), commands)["nvme"]
    assert (found["smart"]["used_percent"], found["smart"]["source"], found["temperature_c"]) == (7, "smartctl", 40)


@pytest.mark.parametrize(
    ("commands", "uid", "said"),
    [
        ({}, 0, "nvme: not found; smartctl: not found"),
        ({"nvme smart-log /dev/nvme0 -o json": {"state": "timeout"}}, 0, "no end after 8 s; smartctl: not found"),
        ({"nvme smart-log /dev/nvme0 -o json": {"stdout": "{'a'"}}, 0, "exit code 0; smartctl: not found"),
        (health(), 1000, "denied: only root may read it"),
    ],
)
def test_health_that_cannot_be_read(commands, uid, said):
    facts = collect(drive(), commands, uid=uid)
    assert facts["nvme"][0]["smart"] is None
    assert {"source": "health log of nvme0", "reason": said} in facts["errors"]


def test_a_dead_controller_is_not_asked():
    facts = collect(drive(state="dead"), health())
    assert (facts["nvme"][0]["state"], facts["nvme"][0]["smart"]) == ("dead", None)


def test_no_drives_and_no_answer_are_two_things():
    assert collect()["nvme"] == []
    facts = collect({"/sys/class/nvme": {"state": "denied"}})
    assert (facts["nvme"], facts["nvme_count"]) == (None, None)


def test_block_devices():
    base = "/sys/block/sda"
    files = {
        f"{base}/size": "1000\n",
        f"{base}/ro": "0\n",
        f"{base}/removable": "0\n",
        f"{base}/device/model": "DISK  \n",
    }
    files |= {f"{base}/queue/scheduler": "none [mq-deadline]\n", f"{base}/queue/rotational": "1\n"}
    facts = collect({**files, "/sys/block/loop0/size": "8\n", "/sys/block/nvme0c0n1/size": "8\n"})
    (found,) = facts["devices"]
    assert (found["size_bytes"], found["rotational"], found["read_only"]) == (512000, True, False)
    assert (found["scheduler"], found["model"]) == ("mq-deadline", "DISK")


def test_arrays_pools_and_damage():
    mdstat = "md0 : active raid1 b[1](F) a[0]\n      9 blocks super 1.2 [2/1] [U_]\nmd9 : inactive c[0](S)\n"
    files = {
        "/proc/mdstat": mdstat,
        "/proc/spl/kstat/zfs/tank/state": "DEGRADED\n",
        "/proc/spl/kstat/zfs/dbgmsg": "x",
        "/sys/fs/ext4/md0/errors_count": "3\n",
        "/sys/fs/ext4/features/x": "supported\n",
    }
    facts = collect(files)
    assert facts["arrays_unhealthy"] == ["md0 has 1 of 2 members, failed: b", "md9 is inactive"]
    assert facts["pools_unhealthy"] == ["tank is DEGRADED"]
    assert facts["filesystems_damaged"] == ["md0: 3 errors"]


@pytest.mark.parametrize("path", ["/proc/mdstat", "/proc/spl/kstat/zfs", "/sys/fs/ext4"])
def test_what_is_refused_is_not_healthy(path):
    facts = collect({path: {"state": "denied"}})
    judged = {"/proc/mdstat": "arrays_unhealthy", "/proc/spl/kstat/zfs": "pools_unhealthy"}
    assert facts[judged.get(path, "filesystems_damaged")] is None
    assert path in {error["source"] for error in facts["errors"]}


@pytest.mark.parametrize("junk", ["", "\x00" * 4000, "{{ x }} <script>", "9" * 9999, "\udcff\udcfe"])
def test_garbage_everywhere(junk):
    paths = ["/proc/self/mountinfo", "/etc/fstab", "/proc/mdstat", "/proc/swaps", "/sys/fs/ext4/md0/errors_count"]
    paths += ["/sys/block/sda/size", "/sys/block/sda/queue/scheduler", "/sys/class/nvme/nvme0/hwmon0/temp1_input"]
    storage.collect(machine({**dict.fromkeys(paths, junk), **drive(state=junk or "x")}), {})


def test_this_very_machine():
    facts = storage.collect(Host(), {"mounts": ["/"], "network": False})
    assert facts["missing_mounts"] == []
    root = next(mount for mount in facts["mounts"] if mount["target"] == "/")
    assert root["state"] == "ok"


def test_what_the_profile_wants():
    assert storage.wanted({"storage": {"mounts": ["/", "/data", 5]}}) == {"mounts": ["/", "/data"], "network": True}
    assert storage.wanted({}) == {"mounts": ["/"], "network": True}


def served(files):
    return storage.collect(
        Replay([{"muster_recording": 1, "closed": True, "identity": {"uid": 0}, "files": files}]), {}
    )


@pytest.mark.parametrize(
    ("waiting", "most", "share"), [("3", "9", 33.3), ("0", "9", 0.0), ("3", "0", None), ("x", "9", None)]
)
def test_requests_that_wait_in_fuse(waiting, most, share):
    base = "/sys/fs/fuse/connections"
    (found,) = served({f"{base}/61/waiting": waiting, f"{base}/61/congestion_threshold": most})["fuse"]
    assert (found["label"], found["waiting_percent"]) == ("FUSE connection 61", share)
    assert served({})["fuse"] == []
    assert served({base: {"state": "denied", "detail": ""}})["fuse"] is None


@pytest.mark.parametrize("path", ["/sys/fs/lustre/health_check", "/proc/fs/lustre/health_check"])
def test_what_lustre_says_of_its_health(path):
    assert served({path: "healthy\n"})["lustre"] == {"source": path, "present": True, "health": "healthy"}
    assert served({path: ""})["lustre"]["health"] is None
    assert served({path: {"state": "denied", "detail": ""}})["lustre"] == {
        "source": path, "present": True, "health": None,
    }  # fmt: skip
    assert served({})["lustre"]["present"] is False


MD0 = "md0 : active raid1 b[1] a[0]\n      9 blocks super 1.2 [2/2] [UU]\n"
WHOLE = f"Personalities : [raid1]\n{MD0}\nunused devices: <none>\n"
BROKEN = WHOLE.replace("[2/2] [UU]", "[2/1] [U_]").replace("b[1]", "b[1](F)")
EXT4 = {"/sys/fs/ext4/md0/errors_count": "0\n"}
POOL = "31 1 0:40 / /tank rw - zfs tank/data rw\n"


def block(*names):
    return {"dirs": {"/sys/block": list(names)}}


def test_a_whole_table_of_arrays_is_healthy():
    assert collect({"/proc/mdstat": WHOLE, **EXT4}, **block("md0", "sda"))["arrays_unhealthy"] == []


@pytest.mark.parametrize("left", range(len(BROKEN)))
def test_no_cut_turns_a_broken_array_green(left):
    """The root is on md0: whatever is left of the table, it is ill or unknown."""
    facts = collect({"/proc/mdstat": BROKEN[:left]})
    assert facts["arrays_unhealthy"] is None or "md0" in facts["arrays_unhealthy"][0]
    assert facts["arrays_unhealthy"] or "/proc/mdstat" in {error["source"] for error in facts["errors"]}


@pytest.mark.parametrize(
    "table", [None, {"state": "denied"}, {"state": "failed"}, {"state": "timeout"}, "", "Personalities : \n"]
)
@pytest.mark.parametrize("seen", ["mounted", "listed"])
def test_an_array_that_is_there_is_unknown_without_its_table(table, seen):
    mounts = {} if seen == "mounted" else {"/proc/self/mountinfo": NFS}
    more = {} if seen == "mounted" else block("md127", "sda")
    facts = collect({"/proc/mdstat": table, **mounts}, **more)
    assert facts["arrays_unhealthy"] is None
    assert "/proc/mdstat" in {error["source"] for error in facts["errors"]}


def test_one_array_of_two_missing_is_unknown_and_an_ill_one_is_told_all_the_same():
    assert collect({"/proc/mdstat": WHOLE}, **block("md0", "md1"))["arrays_unhealthy"] is None
    assert collect({"/proc/mdstat": BROKEN}, **block("md0", "md1"))["arrays_unhealthy"] == [
        "md0 has 1 of 2 members, failed: b"
    ]


def test_a_mirror_that_does_not_say_how_many_members_it_has_is_unknown():
    table = WHOLE.replace(" [2/2] [UU]", "")
    assert collect({"/proc/mdstat": table}, **block("md0"))["arrays_unhealthy"] is None


@pytest.mark.parametrize("level", ["faulty", "raid7", "raid99", "", "raid", "RAID1", "(raid1)"])
def test_an_array_of_a_level_not_understood_is_unknown(level):
    facts = collect({"/proc/mdstat": f"Personalities : [raid1]\nmd0 : active {level} a[0]\nunused devices: <none>\n"})
    assert facts["arrays_unhealthy"] is None
    assert "/proc/mdstat" in {error["source"] for error in facts["errors"]}


@pytest.mark.parametrize("level", ["raid0", "linear"])
def test_an_array_of_a_known_level_without_redundancy_is_healthy(level):
    table = f"Personalities : [{level}]\nmd0 : active {level} b[1] a[0]\n      9 blocks\nunused devices: <none>\n"
    assert collect({"/proc/mdstat": table}, **block("md0"))["arrays_unhealthy"] == []


def test_a_broken_array_is_ill():
    table = "Personalities : [raid0]\nmd0 : broken raid0 b[1] a[0]\n      9 blocks\nunused devices: <none>\n"
    assert collect({"/proc/mdstat": table}, **block("md0"))["arrays_unhealthy"] == ["md0 is broken"]


def test_a_machine_without_arrays_has_none():
    plain = {"/proc/self/mountinfo": NFS}
    for table in (None, "Personalities : \nunused devices: <none>\n"):
        assert collect({"/proc/mdstat": table, **plain}, **block("sda"))["arrays_unhealthy"] == []


def test_a_mounted_pool_without_a_state_is_unknown():
    facts = collect({"/proc/self/mountinfo": ROOT + POOL})
    assert facts["pools_unhealthy"] is None
    known = {"/proc/self/mountinfo": ROOT + POOL, "/proc/spl/kstat/zfs/tank/state": "ONLINE\n"}
    assert collect(known)["pools_unhealthy"] == []
    assert collect({"/proc/self/mountinfo": NFS})["pools_unhealthy"] == []


def test_a_mounted_file_system_without_a_counter_is_unknown():
    assert collect({})["filesystems_damaged"] is None
    assert collect(EXT4)["filesystems_damaged"] == []
    mapped = ROOT.replace("/dev/md0", "/dev/mapper/vg-root")
    assert (
        collect({"/proc/self/mountinfo": mapped, "/sys/fs/ext4/dm-0/errors_count": "0\n"})["filesystems_damaged"] == []
    )
    two = mapped + "30 1 9:1 / /srv rw - ext4 /dev/mapper/vg-srv rw\n"
    assert (
        collect({"/proc/self/mountinfo": two, "/sys/fs/ext4/dm-0/errors_count": "0\n"})["filesystems_damaged"] is None
    )
    assert collect({"/proc/self/mountinfo": NFS})["filesystems_damaged"] == []
