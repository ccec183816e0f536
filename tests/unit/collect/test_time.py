"""The clock's facts for each daemon, for none, and for answers that are no answers."""

from __future__ import annotations

import json

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import time as time_facts
from ansible_collections.muster.fleet.plugins.module_utils.collect import units
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay

SYSTEMCTL = f"systemctl show --property={units.PROPERTIES} " + " ".join(time_facts.DAEMONS)
TRACKING = "0A000001,10.0.0.1,3,1.0,-0.000012,0.0,0.00002,-1.0,0.0,0.0,0.01,0.0005,64.5,Normal\n"
SOURCES = "^,*,10.0.0.1,2,6,377,30,-0.000012,-0.000013,0.0001\n^,?,10.0.0.2,0,6,0,1,0.0,0.0,0.0\n"
TIMEDATECTL = "Timezone=Etc/UTC\nLocalRTC=no\nNTP=yes\nNTPSynchronized=yes\n"


def unit(name, state="active"):
    return f"Id={name}\nLoadState=loaded\nActiveState={state}\nSubState=running\nUnitFileState=enabled\n"


def collect(commands, files=None, now=1000.0):
    recorded = {argv: {"rc": 0, "stdout": out} if isinstance(out, str) else out for argv, out in commands.items()}
    document = {"muster_recording": 1, "closed": True, "identity": {"now": now}, "files": files or {}}
    return time_facts.collect(Replay([{**document, "commands": recorded}]), {})


def test_chrony():
    # on Debian chronyd.service is an alias: both names answer with one id
    said = [unit("chrony.service"), unit("chrony.service"), unit("systemd-timesyncd.service", "inactive")]
    facts = collect(
        {
            SYSTEMCTL: "\n".join(said),
            "chronyc -n -c tracking": TRACKING,
            "chronyc -n -c sources": SOURCES,
            "timedatectl show": TIMEDATECTL,
        }
    )
    assert (facts["daemon"], facts["daemons"], facts["source"]) == ("chrony", ["chrony"], "chronyc tracking")
    assert (facts["synchronised"], facts["stratum"], facts["kernel"]["synchronised"]) == (True, 3, True)
    assert facts["offset_s"] == pytest.approx(12e-6)
    assert (facts["reachable_sources"], facts["zone"]) == (1, "Etc/UTC")
    assert facts["errors"] == []


def test_timesyncd():
    status = "Server: 10.0.0.1 (ntp)\nLeap: normal\nStratum: 2\nOffset: +3.5ms\n"
    facts = collect(
        {
            SYSTEMCTL: unit("systemd-timesyncd.service"),
            "timedatectl timesync-status": status,
            "timedatectl show": TIMEDATECTL,
        }
    )
    assert (facts["daemon"], facts["offset_s"], facts["synchronised"]) == ("timesyncd", pytest.approx(0.0035), True)
    assert facts["sources"] is None


def test_ntpd_and_ptp_together():
    facts = collect(
        {
            SYSTEMCTL: unit("ntpsec.service") + "\n" + unit("ptp4l.service"),
            "ntpq -c rv": "leap=00, stratum=2, refid=PTP0, offset=0.004",
            "pmc -u -b 0 GET TIME_STATUS_NP": "\tmaster_offset  -40\n\tgmPresent  true\n\tgmIdentity  0c.x\n",
        }
    )
    assert facts["daemon"] == "ntpd"
    assert facts["ptp"]["offset_s"] == pytest.approx(40e-9)


def test_no_daemon_is_not_synchronised_by_anyone():
    facts = collect({SYSTEMCTL: unit("chrony.service", "inactive"), "timedatectl show": TIMEDATECTL})
    assert (facts["daemon"], facts["daemons"], facts["synchronised"]) == (None, [], None)
    assert {"source": "systemctl", "reason": "no time daemon is active"} in facts["errors"]


def test_without_systemd_chronyd_speaks_for_itself():
    refused = {"rc": 1, "stdout": "", "stderr": "System has not been booted with systemd"}
    facts = collect({SYSTEMCTL: refused, "chronyc -n -c tracking": TRACKING})
    assert (facts["daemon"], facts["synchronised"]) == ("chrony", True)


@pytest.mark.parametrize(
    "answer",
    [
        "506 Cannot talk to daemon\n",
        "",
        "{{ x }}",
        "a,b,c\n",
        TRACKING.replace(",3,", ",three,"),
        {"rc": 1, "stderr": "x"},
    ],
)
def test_an_active_daemon_that_does_not_answer_is_unknown(answer):
    facts = collect({SYSTEMCTL: unit("chronyd.service"), "chronyc -n -c tracking": answer})
    assert (facts["daemon"], facts["synchronised"], facts["offset_s"]) == ("chrony", None, None)
    assert "chronyc tracking" in {error["source"] for error in facts["errors"]}


def test_a_tool_that_hangs_is_told():
    facts = collect(
        {SYSTEMCTL: unit("chrony.service"), "chronyc -n -c tracking": {"state": "timeout", "stdout": ""}},
    )
    assert facts["synchronised"] is None
    assert {"source": "chronyc -n -c tracking", "reason": "timeout: no end after 5 s"} in facts["errors"]


def test_hardware_clock():
    files = {"/sys/class/rtc/rtc0/since_epoch": "940\n", "/sys/class/rtc/rtc0/name": "rtc_cmos rtc_cmos\n"}
    assert collect({}, files)["rtc"]["offset_s"] == 60.0
    assert collect({}, {"/sys/class/rtc/rtc0/since_epoch": "soon"})["rtc"]["offset_s"] is None
    assert collect({})["rtc"]["offset_s"] is None


def test_facts_can_be_sent():
    facts = collect({SYSTEMCTL: "\xff\x00", "timedatectl show": "<script>"})
    assert json.loads(json.dumps(facts)) == facts
