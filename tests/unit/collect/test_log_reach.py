"""How far several logs reach together, and what is not known where one of them fails."""

from __future__ import annotations

import pytest

from .test_log import BEFORE, BOOTED, END, NEWEST, NOW, OLDER, SINCE, XID, collect, dmesg, entry, journal

LOST = "NVRM: GPU 0000:a1:00.0: GPU has fallen off the bus."
HOUR = 3600.0
BROKEN = [
    {"state": "timeout"},
    {"stdout": ""},
    {"stdout": "", "rc": 1},
    {"stdout": "N/A\n"},
    {"rc": 1, "stderr": "Journal file corrupted"},
    {"rc": 1, "stderr": "No journal files were opened due to insufficient permissions."},
]


def young(*texts):
    rows = ["<5>[    0.000000] Linux version 6.8.0-84-generic"] + [f"<3>[ 1800.000000] {text}" for text in texts]
    return {"dmesg -r": "\n".join(rows) + "\n"}


@pytest.mark.parametrize("answer", BROKEN)
def test_a_journal_that_does_not_answer_leaves_an_error_and_this_boot(answer):
    facts = collect({SINCE: answer, BEFORE: "", NEWEST: "", **young(LOST)}.items(), uptime=HOUR)
    assert (facts["source"], facts["state"]) == ("dmesg", "ok")
    assert (facts["complete"], facts["covered_s"]) == (False, 3600)
    assert "journalctl" in {error["source"] for error in facts["errors"]}
    assert len(facts["found"]["nvidia"]["critical"]) == 1
    assert facts["found"]["md"]["critical"] is None


@pytest.mark.parametrize("answer", BROKEN)
def test_an_old_boot_covers_the_window_and_the_error_stays(answer):
    facts = collect({SINCE: answer, BEFORE: "", NEWEST: "", **dmesg(0.0)}.items())
    assert (facts["complete"], facts["covered_s"]) == (True, 86400)
    assert [error["source"] for error in facts["errors"]] == ["journalctl"]


def test_a_machine_without_a_journal_has_its_boot():
    nothing = {"rc": 1, "stderr": "No journal files were found.\n"}
    facts = collect({SINCE: nothing, **young()}.items(), uptime=HOUR)
    assert (facts["complete"], facts["errors"]) == (True, [])


def test_a_log_file_tells_what_was_before_the_boot_but_no_levels():
    said = {"2026-11-17T10:00:00Z": "old", "2026-11-18T02:00:00Z": LOST, "2026-11-18T11:00:00Z": "up"}
    rows = "".join(f"{at} h kernel: {text}\n" for at, text in said.items())
    commands = {SINCE: {"state": "timeout"}, **young(), "tail -c 4194304 /var/log/kern.log": rows}
    facts = collect(commands.items(), uptime=HOUR)
    assert (facts["source"], facts["complete"]) == ("dmesg, /var/log/kern.log", True)
    (event,) = facts["events"]
    assert (event["this_boot"], event["over"]) == (False, "booted")
    assert facts["found"]["nvidia"]["critical"] == []
    assert facts["found"]["kernel"]["unknown"] is None
    assert "level" in facts["errors"][-1]["reason"]


def test_a_log_file_that_is_not_written_any_more_proves_nothing():
    rows = "2026-11-17T10:00:00Z h kernel: old\n2026-11-18T02:00:00Z h kernel: older boot\n"
    commands = {SINCE: {"state": "timeout"}, **young(), "tail -c 4194304 /var/log/kern.log": rows}
    assert collect(commands.items(), uptime=HOUR)["complete"] is False


def test_the_ring_buffer_tells_what_the_journal_lost():
    ago = 10 * HOUR
    ring = dmesg(0.0, LOST, at=NOW - BOOTED - ago)
    facts = collect([*journal(entry(3 * HOUR, "docker0: up") + entry(60, XID), before=""), *ring.items()])
    assert (facts["source"], facts["complete"], facts["covered_s"]) == ("journalctl, dmesg", True, 86400)
    assert len(facts["found"]["nvidia"]["critical"]) == 1
    assert len(facts["found"]["xid"]["critical"]) == 1
    assert facts["errors"] == []


def test_a_line_that_both_logs_have_counts_once():
    ring = {"dmesg -r": f"<5>[    0.000000] first\n<3>[{NOW - BOOTED - 90:12.6f}] {XID}\n"}
    facts = collect([*journal(entry(3 * HOUR, "docker0: up") + entry(60, XID), before=""), *ring.items()])
    assert [event["count"] for event in facts["events"]] == [1]


def test_a_short_journal_and_a_young_boot_do_not_make_a_day():
    facts = collect([*journal(entry(1800, "docker0: up"), before=""), *young().items()], uptime=HOUR)
    assert (facts["complete"], facts["covered_s"]) == (False, 3600)


def test_a_journal_that_was_cut_is_completed_by_the_ring_buffer():
    cut = (entry(HOUR, "docker0: up") + entry(60, XID) + END)[: -len(END) - 40]
    facts = collect({SINCE: cut, BEFORE: OLDER, **dmesg(0.0, LOST)}.items())
    assert (facts["complete"], facts["truncated"]) == (True, False)
    assert len(facts["found"]["nvidia"]["critical"]) == 1


def test_the_journal_alone_is_asked_where_it_tells_all():
    facts = collect([*journal(entry(60, XID)), *dmesg(0.0, LOST).items()])
    assert (facts["source"], facts["found"]["nvidia"]["critical"]) == ("journalctl", [])


@pytest.mark.parametrize(
    ("files", "grade"),
    [
        ({}, "warning"),  # a device that is not there any more may be the one
        ({"class": "0x030200\n", "vendor": "0x10de\n"}, "warning"),
        ({"class": "0x120000\n"}, "warning"),
        ({"class": "0x020700\n"}, "warning"),
        ({"class": "0x010802\n"}, "warning"),
        ({"class": "0x030000\n", "vendor": "0x1a03\n"}, "info"),
        ({"class": "0x0c0330\n"}, "info"),
    ],
)
def test_an_iommu_fault_is_weighed_by_whom_it_names(files, grade):
    text = "DMAR: [DMA Read NO_PASID] Request device [9b:00.0] fault addr 0xffbc0000"
    tree = {f"/sys/bus/pci/devices/0000:9b:00.0/{name}": value for name, value in files.items()}
    facts = collect(journal(entry(60, text)), files=tree)
    assert [event["severity"] for event in facts["events"]] == [grade]
    assert len(facts["found"]["iommu"][grade]) == 1
    assert len(facts["notes"]) == (grade == "info")
