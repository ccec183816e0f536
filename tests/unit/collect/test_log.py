"""The kernel log of a machine: which source answers, how far it reaches, what may be concluded from silence."""

from __future__ import annotations

import json

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import log
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay

NOW, BOOTED = 1_795_000_000.0, 1_794_000_000.0
SINCE = " ".join([*log.JOURNALCTL, "--since=-86400s", "--lines=20000", "--show-cursor"])
NEWEST = " ".join([*log.JOURNALCTL, "--lines=1"])
END = "-- cursor: s=1;i=2\n"
BEFORE = " ".join([*log.JOURNALCTL, "--until=-86400s", "--lines=1"])
XID = "NVRM: Xid (PCI:0000:61:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."


def entry(ago_s, text, boot="b1", priority="3"):
    at = str(int((NOW - ago_s) * 1e6))
    return json.dumps({"__REALTIME_TIMESTAMP": at, "_BOOT_ID": boot, "PRIORITY": priority, "MESSAGE": text}) + "\n"


def machine(commands=(), files=(), dirs=(), uptime=NOW - BOOTED):
    return Replay(
        [
            {
                "muster_recording": 1,
                "closed": True,
                "identity": {"now": NOW, "uid": 0},
                "files": {
                    "/proc/uptime": f"{uptime:.2f} 1.0\n",
                    "/proc/sys/kernel/random/boot_id": "b1\n",
                    "/var/log/journal/m/system.journal": "",
                    **dict(files),
                },
                "dirs": {"/sys/fs/pstore": [], **dict(dirs)},
                "commands": {key: {"stdout": value} if isinstance(value, str) else value for key, value in commands},
            }
        ]
    )


def collect(*args, window_s=86400, **more):
    return log.collect(machine(*args, **more), {"window_s": window_s})


OLDER = entry(90000, "older")


def journal(since="", before=OLDER):
    return {SINCE: f"{since}{END}" if since else {"stdout": "", "rc": 1}, BEFORE: before, NEWEST: before}.items()


def test_a_day_without_trouble():
    facts = collect(journal(entry(3600, "docker0: entered forwarding state")))
    assert (facts["source"], facts["state"], facts["complete"], facts["covered_s"]) == ("journalctl", "ok", True, 86400)
    assert facts["events"] == []
    assert facts["found"]["xid"]["critical"] == []
    assert facts["errors"] == []


def test_silence_is_believed_when_the_journal_reaches_back_further():
    facts = collect(journal(""))
    assert (facts["complete"], facts["lines"], facts["found"]["mce"]["critical"]) == (True, 0, [])


def test_an_event_and_its_words():
    facts = collect(journal(entry(60, XID)))
    assert facts["found"]["xid"]["critical"] == [
        "Xid 79 on 0000:61:00.0: GPU has fallen off the bus (once, last 2026-11-18T11:05:40Z)"
    ]
    (event,) = facts["events"]
    assert (event["count"], event["this_boot"], event["pci_address"]) == (1, True, "0000:61:00.0")


def test_an_event_of_an_earlier_boot_is_seen():
    (event,) = collect(journal(entry(60, XID, boot="b0")))["events"]
    assert event["this_boot"] is False


def test_a_rotated_journal_proves_nothing_but_what_it_holds():
    facts = collect(journal(entry(10800, "x") + entry(60, XID), before=""))
    assert (facts["complete"], facts["covered_s"]) == (False, 10800)
    assert len(facts["found"]["xid"]["critical"]) == 1
    assert facts["found"]["mce"]["critical"] is None
    assert facts["errors"] == [
        {"source": "journalctl", "reason": "the log reaches back 10800 s of the 86400 s that were asked for"}
    ]


def test_a_young_boot_is_covered_from_its_start():
    lines = entry(3598, "Linux version 6.8.0", priority="5") + entry(60, XID)
    facts = collect(journal(lines, before=""), uptime=3600)
    assert (facts["complete"], facts["covered_s"]) == (True, 86400)


def test_a_journal_that_was_started_late_has_the_whole_boot_when_it_has_the_first_message():
    lines = entry(3, "Linux version 6.8.0-84-generic", priority="5") + entry(2, XID)
    assert collect(journal(lines, before=""))["complete"] is True
    lines = entry(3, "Linux version 6.8.0-84-generic", boot="b0") + entry(2, XID)
    assert collect(journal(lines, before=""))["complete"] is False


def test_a_log_cut_at_the_line_limit_is_not_complete(monkeypatch):
    monkeypatch.setattr(log, "LINE_LIMIT", 2)
    key = SINCE.replace("20000", "2")
    facts = collect({key: entry(20, "x") + entry(10, "y") + END, BEFORE: OLDER}.items())
    assert (facts["truncated"], facts["complete"]) == (True, False)
    assert facts["found"]["xid"]["critical"] is None


def test_a_flood_is_cut_and_its_events_still_count(monkeypatch):
    monkeypatch.setattr(log, "JOURNAL_LIMIT", 10_000)
    facts = collect(journal(entry(50, XID) + entry(40, "noise " * 30) * 200))
    assert (facts["state"], facts["truncated"], facts["complete"]) == ("ok", True, False)
    assert len(facts["found"]["xid"]["critical"]) == 1


def dmesg(first_at, *texts, at=None):
    later = NOW - BOOTED - 60 if at is None else at
    return {"dmesg -r": f"<5>[{first_at:12.6f}] first\n" + "".join(f"<3>[{later:12.6f}] {text}\n" for text in texts)}


def test_without_a_journal_the_ring_buffer_answers():
    facts = collect(dmesg(0.0, XID).items())
    assert (facts["source"], facts["complete"]) == ("dmesg", True)
    assert facts["events"][0]["last_at"] == "2026-11-18T11:05:40Z"


def test_a_ring_buffer_that_has_turned_over_reaches_back_as_far_as_its_oldest_line():
    facts = collect(dmesg(NOW - BOOTED - 7200).items())
    assert (facts["complete"], facts["covered_s"]) == (False, 7200)


def test_trouble_before_the_window_is_not_todays():
    assert collect(dmesg(0.0, XID, at=100.0).items())["events"] == []


def test_lines_without_times_count_but_prove_nothing():
    facts = collect({"dmesg -r": f"<3>{XID}\n"}.items())
    assert (facts["covered_s"], facts["complete"], len(facts["events"])) == (None, False, 1)


def test_a_hint_about_permissions_is_a_refusal():
    hint = "Hint: You are currently not seeing messages from other users and the system.\n"
    refused = {"rc": 1, "stderr": "dmesg: read kernel buffer failed: Operation not permitted\n"}
    facts = collect({SINCE: {"stdout": "", "stderr": hint}, "dmesg -r": refused}.items())
    assert (facts["state"], facts["events"], facts["covered_s"]) == ("denied", None, None)
    assert {entry["source"] for entry in facts["errors"]} == {"journalctl", "dmesg"}
    assert all(grade is None for grades in facts["found"].values() for grade in grades.values())


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"state": "timeout"}, "timeout"),
        ({"rc": 1, "stderr": "No journal files were found.\n"}, "absent"),
        ({"rc": 1, "stderr": "Journal file corrupted"}, "failed"),
        ({"stdout": ""}, "ok"),
        ({"stdout": "", "rc": 1}, "ok"),
    ],
)
def test_no_log_at_all_is_never_a_clean_one(answer, state):
    facts = collect({SINCE: answer, BEFORE: "", NEWEST: ""}.items())
    assert (facts["state"], facts["complete"]) == (state, False)
    assert facts["found"]["panic"]["critical"] is None
    assert facts["errors"]


def test_dev_kmsg_and_kern_log_are_the_last_resorts():
    facts = collect(files={"/dev/kmsg": f"5,0,0,-;Linux version\n3,9,{int((NOW - BOOTED - 60) * 1e6)},-;{XID}\n"})
    assert (facts["source"], facts["complete"], len(facts["events"])) == ("/dev/kmsg", True, 1)
    rows = "2026-11-17T10:00:00+00:00 h kernel: old\n" + f"2026-11-18T11:00:00+00:00 h kernel: [ 1.0] {XID}\n"
    facts = collect({f"tail -c {log.RING_LIMIT // 2} /var/log/kern.log": rows}.items())
    assert (facts["source"], facts["complete"], len(facts["events"])) == ("/var/log/kern.log", True, 1)


def test_binary_and_hostile_lines():
    rows = [
        entry(60, "{{ lookup('pipe','id') }} <script>alert(1)</script> " + XID),
        entry(50, XID + "\u2028\x1b[2J" * 99),
    ]
    facts = collect({SINCE: {"stdout": {"b64": ""}}, BEFORE: "", NEWEST: ""}.items())
    assert facts["events"] is not None
    facts = collect(journal("\x00\ufffd" + "".join(rows)))
    assert [event["count"] for event in facts["events"]] == [1]
    assert "\x1b" not in facts["events"][0]["sample"]


@pytest.mark.parametrize("cut", [1, len(END) - 3, len(END) + 1, len(END) + 40])
def test_an_answer_that_was_cut_off_proves_nothing(cut):
    whole = entry(3600, "docker0: entered forwarding state") + entry(60, XID) + END
    facts = collect({SINCE: whole[:-cut], BEFORE: OLDER}.items())
    assert facts["complete"] is (cut == 1)
    assert facts["found"]["xid"]["critical"] != []


@pytest.mark.parametrize("rc", [0, 1])
def test_silence_about_a_window_that_has_entries_is_no_answer(rc):
    facts = collect({SINCE: {"stdout": "", "rc": rc}, NEWEST: entry(60, XID)}.items())
    assert (facts["complete"], facts["found"]["xid"]["critical"]) == (False, None)


def test_crash_records():
    records = {
        "/sys/fs/pstore/dmesg-erst-1": "x",
        "/var/crash/202611170312/dmesg.202611170312": "x",
        "/var/crash/_usr_bin_python3.1000.crash": "x",
        "/var/crash/kexec_cmd": "x",
    }
    assert collect(journal(), files=records)["crash_records"] == [
        "/sys/fs/pstore/dmesg-erst-1",
        "/var/crash/202611170312",
    ]
    assert collect(journal())["crash_records"] == []
    assert collect(journal(), dirs={"/sys/fs/pstore": None})["crash_records"] is None
    refused = {"/sys/fs/pstore": {"state": "denied"}}
    assert collect(journal(), files=refused, dirs={"/sys/fs/pstore": None})["crash_records"] is None


def test_what_the_profile_wants():
    assert log.wanted({"log": {"window_s": 3600}}) == {"window_s": 3600}
    assert log.wanted({}) == {"window_s": 86400}
    assert log.wanted({"log": {"window_s": "a day"}}) == {"window_s": 86400}
