"""An answer that is not understood is unknown: garbage has neither failed units, nor broken arrays, nor errors."""

from __future__ import annotations

import json

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import (
    log,
    nic_bond,
    security_accounts,
    service,
    service_units,
    storage,
)
from ansible_collections.muster.fleet.plugins.module_utils.host import Asked
from ansible_collections.muster.fleet.plugins.module_utils.parse import kfd
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay

GARBAGE = ["x" * 200 + "\n", "\ufffd\ufffd\x00\n", "{{ 7*7 }} <script>\n"]


def host(**parts):
    return Replay([{"muster_recording": 1, "closed": True, "identity": {"now": 1795000000.0, "uid": 0}, **parts}])


@pytest.mark.parametrize("text", ["", *GARBAGE])
def test_arrays(text):
    facts = storage.collect(host(files={"/proc/mdstat": text}), {})
    assert facts["arrays"] is None
    assert "/proc/mdstat" in [error["source"] for error in facts["errors"]]


@pytest.mark.parametrize("text", ["", *GARBAGE])
def test_counter_of_a_file_system(text):
    facts = storage.collect(host(files={"/sys/fs/ext4/md0/errors_count": text}), {})
    assert facts["filesystems_damaged"] is None


@pytest.mark.parametrize("text", ["", *GARBAGE])
def test_password_hashes(text):
    passwd = "root:x:0:0:root:/root:/bin/bash\n"
    asked = Asked(host(files={"/etc/passwd": passwd, "/etc/shadow": text}))
    assert security_accounts.accounts(asked)["without_password"] is None
    assert asked.errors


@pytest.mark.parametrize("text", GARBAGE)
def test_failed_units(text):
    commands = {
        "systemctl is-system-running": {"rc": 0, "stdout": "running\n"},
        "systemctl list-units --state=failed --plain --no-legend --no-pager": {"rc": 0, "stdout": text},
    }
    asked = Asked(host(files={"/run/systemd/system/x": ""}, commands=commands))
    assert service_units.system(asked)["failed_units"] is None


def test_no_failed_unit_is_an_answer():
    commands = {
        "systemctl is-system-running": {"rc": 0, "stdout": "running\n"},
        "systemctl list-units --state=failed --plain --no-legend --no-pager": {"rc": 0, "stdout": ""},
    }
    asked = Asked(host(files={"/run/systemd/system/x": ""}, commands=commands))
    assert service_units.system(asked)["failed_units"] == []


@pytest.mark.parametrize("text", GARBAGE)
def test_bad_pages(text):
    assert set(kfd.bad_pages(text).values()) == {None}
    assert set(kfd.bad_pages("").values()) == {0}


@pytest.mark.parametrize("text", GARBAGE)
def test_kernel_journal(text):
    asked = " ".join(log.JOURNALCTL)
    commands = {
        f"{asked} --since=-86400s --lines={log.LINE_LIMIT}": {"rc": 0, "stdout": text},
        f"{asked} --until=-86400s --lines=1": {
            "rc": 0,
            "stdout": '{"__REALTIME_TIMESTAMP": "1794900000000000", "MESSAGE": "an older one"}\n',
        },
    }
    facts = log.collect(host(commands=commands, files={"/proc/uptime": "900000.0 1.0\n"}), {})
    assert facts["events"] is None


WRONG = [None, [], {}, "", True, "text", [[]], [None], 7]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("key", ["Names", "State", "Config", "HostConfig", "Id", "Image"])
def test_container_of_other_types(key, wrong):
    socket = "/var/run/docker.sock"
    listed = {"Id": "a", "Names": ["/exporter"], "State": "running"}
    inspected = {"State": {"Status": "running"}, "Config": {"Image": "a:1"}, "Id": "a", "HostConfig": {}, "Image": "b"}
    answers = {
        f"{socket} /info": {"status": 200, "body": json.dumps({"Driver": "overlay2"})},
        f"{socket} /containers/json?all=true": {"status": 200, "body": json.dumps([{**listed, key: wrong}, wrong])},
        f"{socket} /containers/exporter/json": {"status": 200, "body": json.dumps({**inspected, key: wrong})},
    }
    facts = service.collect(host(http=answers, files={socket: ""}), {"containers": ["exporter"], "engine": "docker"})
    assert facts["containers"]


def test_partner_that_is_no_address():
    assert nic_bond._MAC.match("0c:42:a1:00:00:01")
    assert not nic_bond._MAC.match("xx")
