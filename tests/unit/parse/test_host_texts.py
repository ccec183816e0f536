"""What the kernel, systemd and the time daemons print, good and bad."""

from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.parse import (
    chrony,
    cmdline,
    cpulist,
    keyvalue,
    nft,
    proc,
    sshd,
    timesync,
)

GARBAGE = ["", "\n", "\x00\xff", "{{ 7 * 7 }}", "<script>alert(1)</script>", "=" * 5000, ":::\n===\n---", "-1,-,9-"]


def test_os_release_quotes_and_comments():
    text = "# a comment = not a key\nID=ubuntu\nPRETTY_NAME=\"Ubuntu 22.04.5 LTS\"\nVARIANT=''\nno separator\n"
    assert keyvalue.pairs(text) == {"ID": "ubuntu", "PRETTY_NAME": "Ubuntu 22.04.5 LTS", "VARIANT": ""}


def test_units_come_in_paragraphs():
    assert keyvalue.blocks("Id=a.service\nActiveState=active\n\nId=b.service\nActiveState=inactive\n\n") == [
        {"Id": "a.service", "ActiveState": "active"},
        {"Id": "b.service", "ActiveState": "inactive"},
    ]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0-3,8,10-11\n", [0, 1, 2, 3, 8, 10, 11]),
        ("", []),
        (None, None),
        ("3-", None),
        ("0-1\n\0", [0, 1]),
        ("0-99999999", None),
        ("{{ 1 }}", None),
    ],
)
def test_cpu_lists(text, numbers):
    assert cpulist.numbers(text) == numbers


def test_cpu_list_is_written_short():
    assert cpulist.written([11, 0, 1, 2, 3, 10, 8]) == "0-3,8,10-11"


def test_meminfo_has_bytes_and_counts():
    text = "MemTotal:       125508468 kB\nHugePages_Total:       0\nHugepagesize:       2048 kB\nBroken: many kB\n"
    assert proc.meminfo(text) == {"MemTotal": 125508468 * 1024, "HugePages_Total": 0, "Hugepagesize": 2097152}
    assert proc.node_meminfo("Node 0 MemTotal:       125508468 kB\n") == {"MemTotal": 125508468 * 1024}


def test_cpuinfo_is_the_first_processor():
    assert proc.cpuinfo("processor\t: 0\nmodel name\t: A: B\n\nprocessor\t: 1\n") == {
        "processor": "0",
        "model name": "A: B",
    }


def test_pressure():
    text = "some avg10=1.14 avg60=1.48 avg300=1.34 total=24703366\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    assert proc.pressure(text)["some"] == {"avg10": 1.14, "avg60": 1.48, "avg300": 1.34}
    assert proc.pressure(text)["full"]["avg300"] == 0.0


def test_limits_know_unlimited():
    text = (
        "Limit                     Soft Limit           Hard Limit           Units     \n"
        "Max locked memory         8388608              unlimited            bytes     \n"
        "Max processes             unlimited            unlimited            processes \n"
    )
    assert proc.limits(text) == {"Max locked memory": 8388608, "Max processes": 2**64 - 1}


@pytest.mark.parametrize(
    ("line", "process"),
    [
        ("9896 (cat) R 9881 9881 4694", (9896, "cat", "R", False)),
        ("77 (a ) b (c) D 2 0 0", (77, "a ) b (c", "D", True)),
        ("2 (kthreadd) S 0 0 0", (2, "kthreadd", "S", True)),
        ("9896 (cat", None),
        (") 1 (", None),
        ("x (cat) R 1", None),
    ],
)
def test_process(line, process):
    assert proc.process(line) == process


def test_modules_that_are_live():
    text = "nvidia 1 0 - Live 0x0 (POE)\nnouveau 1 0 - Loading 0x0\nmlx5-core 9 1 mlx5_ib, Live 0x0\nshort\n"
    assert proc.modules(text) == ["mlx5-core", "nvidia"]


def test_chosen_word():
    assert proc.chosen("always [madvise] never") == "madvise"
    assert proc.chosen("always madvise never") is None


def test_command_line_keeps_quoted_blanks_and_hides_secrets():
    text = 'iommu=pt dyndbg="file a.c +p" rd.luks.key=/k ssh.password=hunter2'
    text += " ip=dhcp url=http://u:p@h/x a_token=1 token iommu.passthrough=1"
    assert cmdline.words(text) == [
        "iommu=pt",
        'dyndbg="file a.c +p"',
        "rd.luks.key=***",
        "ssh.password=***",
        "ip=dhcp",
        "url=***",
        "a_token=***",
        "token",
        "iommu.passthrough=1",
    ]


TRACKING = (
    "0A000001,10.0.0.1,3,1794982000.1,-0.000012345,0.0000012,0.000023,-12.345,0.001,0.045,0.0123,0.00056,64.5,Normal\n"
)


def test_chrony_tracking():
    found = chrony.tracking(TRACKING)
    assert (found["reference"], found["stratum"], found["synchronised"], found["leap"]) == (
        "10.0.0.1",
        3,
        True,
        "normal",
    )
    assert found["offset_s"] == pytest.approx(12.345e-6)
    lost = chrony.tracking("7F7F0101,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised\n")
    assert (lost["synchronised"], lost["reference"]) == (False, "7F7F0101")


def test_chrony_sources():
    text = "^,*,10.0.0.1,2,6,377,30,-0.000012,-0.000013,0.0001\n^,?,10.0.0.2,0,6,0,4294967295,0.0,0.0,0.0\n"
    first, second = chrony.sources(text)
    assert (first["state"], first["reachable"], first["stratum"]) == ("selected", True, 2)
    assert (second["state"], second["reachable"], second["label"]) == ("unreachable", False, "time source 10.0.0.2")
    assert chrony.sources("") == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("-1.053ms", 0.001053), ("34min 8s", 2048.0), ("+12us", 12e-6), ("2 days", None), ("soon", None), ("", None)],
)
def test_time_spans(text, seconds):
    expected = 172800.0 if text == "2 days" else seconds
    assert timesync.span_s(text) == (None if expected is None else pytest.approx(expected))


def test_timesyncd():
    text = "       Server: 185.125.190.57 (ntp.ubuntu.com)\n         Leap: normal\n      Stratum: 2\n"
    text += "       Offset: -1.053ms\n"
    found = timesync.timesyncd(text)
    assert found["offset_s"] == pytest.approx(0.001053)
    assert (found["reference"], found["stratum"], found["synchronised"]) == ("185.125.190.57", 2, True)
    assert timesync.timesyncd("Server: n/a\n")["synchronised"] is None


def test_ntpq_counts_in_milliseconds():
    text = 'version="ntpd 4.2.8p15", leap=00, stratum=3,\nrefid=10.0.0.1, offset=-0.252, sys_jitter=0.1\n'
    found = timesync.ntpq(text)
    assert (found["offset_s"], found["synchronised"]) == (pytest.approx(0.000252), True)
    assert timesync.ntpq("leap=11, stratum=16, offset=0.0")["synchronised"] is False


def test_ptp_offset_is_in_nanoseconds():
    text = "sending: GET TIME_STATUS_NP\n\t\tmaster_offset              -125\n\t\tgmPresent                  true\n"
    assert timesync.pmc(text) == {"grandmaster": None, "grandmaster_present": True, "offset_s": pytest.approx(125e-9)}


def test_sshd_effective_joins_what_comes_twice():
    found = sshd.effective("port 22\nport 2222\npermitrootlogin without-password\nciphers a,b\n")
    assert found == {"port": "22 2222", "permitrootlogin": "without-password", "ciphers": "a,b"}


def test_sshd_config_first_word_wins_and_match_ends_it():
    drop_in = "PasswordAuthentication no\n"
    text = (
        "Include /etc/ssh/sshd_config.d/*.conf\nPasswordAuthentication yes\nport=22\n#PermitRootLogin yes\n"
        'PermitRootLogin "no"\nMatch User backup\nPermitRootLogin yes\nX11Forwarding yes\n'
    )
    found = sshd.stated(text, lambda pattern: [drop_in] if pattern.endswith("*.conf") else [])
    assert found == {"passwordauthentication": "no", "port": "22", "permitrootlogin": "no"}


def test_sshd_config_that_includes_itself_ends():
    text = "Include x\nPort 22\n"
    assert sshd.stated(text, lambda _pattern: [text]) == {"port": "22"}


def chain(policy="accept", kind="filter", hook="input"):
    return {"chain": {"family": "inet", "table": "t", "name": "c", "type": kind, "hook": hook, "policy": policy}}


def test_nft_base_chains():
    found = nft.base_chains(
        {"nftables": [{"metainfo": {}}, chain("drop"), chain(kind="nat"), {"chain": {"name": "x"}}]}
    )
    assert [entry["policy"] for entry in found] == ["drop"]
    assert nft.base_chains({"nftables": []}) == []
    assert nft.base_chains(["not", "it"]) is None


def test_nft_rules_tell_accepting_from_refusing():
    accepting = {"nftables": [chain(), {"rule": {"expr": [{"counter": {}}, {"accept": None}]}}]}
    refusing = {"nftables": [chain(), {"rule": {"expr": [{"reject": {"type": "icmpx"}}]}}]}
    assert nft.rules(accepting) == (1, False)
    assert nft.rules(refusing) == (1, True)


def test_iptables():
    assert nft.iptables("-P INPUT ACCEPT\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -j DROP\n") == {
        "policy": "accept",
        "rules": 2,
        "filters": True,
    }
    assert nft.iptables("-P INPUT ACCEPT\n")["filters"] is False
    assert nft.iptables("modprobe: FATAL\n") is None


@pytest.mark.parametrize("text", GARBAGE)
def test_garbage_is_nothing(text):
    assert chrony.tracking(text) is None
    assert not chrony.sources(text)
    assert timesync.timesyncd(text) is None
    assert timesync.ntpq(text) is None
    assert timesync.pmc(text) is None
    assert timesync.span_s(text) is None
    assert nft.iptables(text) is None
    assert proc.meminfo(text) == {}
    assert proc.process(text) is None
    assert proc.pressure(text) == {}
    assert proc.limits(text) == {}
    assert proc.modules(text) == []
    assert not cpulist.numbers(text)
