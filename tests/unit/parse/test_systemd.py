"""systemctl and journalctl output, sound and broken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.muster.fleet.plugins.module_utils.parse import sockets, systemd

SHOWN = """NRestarts=0
Id=ssh.service
Names=ssh.service sshd.service
ActiveState=active

Id=gone.service
Names=gone.service
LoadState=not-found
"""
ENTRY = '{"__CURSOR":"s=1","_SYSTEMD_UNIT":"docker.service"}\n'
BY_MANAGER = '{"__CURSOR":"s=2","_SYSTEMD_UNIT":"init.scope","UNIT":"docker.service"}\n'


def test_units():
    shown = systemd.units(SHOWN)
    assert [unit["Id"] for unit in shown] == ["ssh.service", "gone.service"]
    assert systemd.find(shown, "sshd.service")["ActiveState"] == "active"
    assert systemd.find(shown, "gone.service")["LoadState"] == "not-found"
    assert systemd.find(shown, "other.service") is None


@pytest.mark.parametrize(
    "text", ["", "\n\n", "Failed to connect to bus: Host is down", "=\n=x\n\0\xff", "ActiveState=active\n"]
)
def test_what_is_no_unit(text):
    assert systemd.units(text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("0", 0),
        ("-1", -1),
        ("[not set]", None),
        ("18446744073709551615", None),
        ("infinity", None),
        ("", None),
        (None, None),
        ("3 times", None),
    ],
)
def test_numbers(text, value):
    assert systemd.number(text) == value


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("openibd.service loaded failed failed openibd - configure Mellanox devices\n", ["openibd.service"]),
        (
            "\u25cf a.mount loaded failed failed /a\n  b.service not-found failed failed b.service\n",
            ["a.mount", "b.service"],
        ),
        ("", []),
        ("0 loaded units listed.\n", []),
    ],
)
def test_failed_units(text, names):
    assert systemd.listed(text) == names


def test_journal_counts():
    names = ["docker.service", "ssh.service"]
    assert systemd.journal_counts(ENTRY * 3 + BY_MANAGER + "-- cursor: s=2\n", names) == {
        "docker.service": 4,
        "ssh.service": 0,
    }
    assert systemd.journal_counts("-- No entries --\n", names) == {"docker.service": 0, "ssh.service": 0}
    assert systemd.journal_counts("", names) == {"docker.service": 0, "ssh.service": 0}


@pytest.mark.parametrize(
    "text", ["Nov 18 06:00:00 host dockerd[1]: error\n", "{", "[]\n", "12\n", ENTRY + "{trunc", ENTRY]
)
def test_journal_that_cannot_be_counted(text):
    assert systemd.journal_counts(text, ["docker.service"]) is None


HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ROW = "   0: {}:{} 00000000:0000 {} 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0\n"


@pytest.mark.parametrize(
    ("address", "port", "state", "protocol", "expected"),
    [
        ("00000000", "0016", "0A", "tcp", ("0.0.0.0", 22)),
        ("0100007F", "1F90", "0A", "tcp", ("127.0.0.1", 8080)),
        ("0" * 32, "24B8", "0A", "tcp", ("::", 9400)),
        ("0000000000000000FFFF00000100007F", "24B8", "0A", "tcp", ("::ffff:127.0.0.1", 9400)),
        ("00000000", "007B", "07", "udp", ("0.0.0.0", 123)),
    ],
)
def test_listeners(address, port, state, protocol, expected):
    found = sockets.listeners(HEAD + ROW.format(address, port, state), protocol)
    assert [(one.address, one.port) for one in found] == [expected]
    assert (found[0].uid, found[0].inode) == (1000, 4711)


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEAD,
        HEAD + ROW.format("00000000", "0016", "01"),
        HEAD + ROW.format("0000", "0016", "0A"),
        HEAD + ROW.format("XX", "ZZ", "0A"),
        HEAD + "0: 00000000:0016 00000000:0000 0A\n",
        HEAD + ROW.format("00000000", "0016", "0A").replace("4711", "many"),
    ],
)
def test_no_listener(text):
    assert sockets.listeners(text, "tcp") == []


@given(st.text(max_size=400))
def test_any_text_is_survived(text):
    systemd.units(text)
    systemd.listed(text)
    systemd.journal_counts(text, ["a.service"])
    sockets.listeners(text, "tcp")
