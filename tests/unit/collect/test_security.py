"""The security baseline: what root sees, what others cannot see, and that no secret leaves the machine."""

from __future__ import annotations

import json

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.collect import host, security, units
from ansible_collections.muster.fleet.plugins.module_utils.collect import time as time_facts
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay

SYSTEMCTL = f"systemctl show --property={units.PROPERTIES} " + " ".join(security.UNITS)
HASH = "$y$j9T$abcdefgh$0123456789"
PASSWD = (
    "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n"
    "toor:x:0:0::/root:/bin/sh\nana:x:1000:1000::/home/ana:/bin/zsh\n"
)
SHADOW = f"root:*:19000:0:99999:7:::\ndaemon:*:19000::::::\ntoor::19000::::::\nana:{HASH}:19000::::::\n"
DENIED = {"state": "denied", "detail": "Permission denied"}
APPARMOR = "/sys/module/apparmor/parameters/enabled"
PROFILES = "/sys/kernel/security/apparmor/profiles"
CHAINS = {"nftables": [{"metainfo": {"version": "1.0.2"}}]}


def chain(policy):
    entry = {"family": "inet", "table": "filter", "name": "input", "type": "filter", "hook": "input", "policy": policy}
    return {"chain": entry}


def collect(files=None, commands=None, stats=None):
    recorded = {
        argv: {"rc": 0, "stdout": out} if isinstance(out, str) else out for argv, out in (commands or {}).items()
    }
    document = {"muster_recording": 1, "closed": True, "identity": {"uid": 0, "now": 1.0}, "files": files or {}}
    return security.collect(Replay([{**document, "commands": recorded, "stats": stats or {}}]), {})


def test_effective_settings_of_sshd():
    out = "port 22\npermitrootlogin without-password\npasswordauthentication no\nmaxauthtries 6\n"
    out += "ciphers aes256-gcm@openssh.com,3des-cbc\n"
    sshd = collect(commands={"sshd -T": out})["sshd"]
    assert (sshd["source"], sshd["effective"], sshd["ports"]) == ("sshd -T", True, [22])
    assert (sshd["root_login"], sshd["password_authentication"]) == ("prohibit-password", False)
    assert (sshd["ciphers"], sshd["max_auth_tries"]) == (["aes256-gcm@openssh.com", "3des-cbc"], 6)


def test_stated_settings_of_sshd_leave_defaults_open():
    files = {
        "/etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\nPasswordAuthentication yes\n",
        "/etc/ssh/sshd_config.d/10-site.conf": "PasswordAuthentication no\n",
        "/etc/ssh/sshd_config.d/20-late.conf": "PasswordAuthentication yes\n",
        "/etc/ssh/sshd_config.d/readme.txt": "X11Forwarding yes\n",
    }
    facts = collect(files, {"sshd -T": {"rc": 1, "stderr": "sshd: no hostkeys available -- exiting."}})
    assert facts["sshd"]["source"] == "/etc/ssh/sshd_config"
    assert facts["sshd"]["password_authentication"] is False
    assert (facts["sshd"]["root_login"], facts["sshd"]["x11_forwarding"]) == (None, None)
    assert {"source": "sshd -T", "reason": "exit code 1: sshd: no hostkeys available -- exiting."} in facts["errors"]


def test_host_keys_have_the_fingerprint_that_ssh_keygen_shows():
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f root@n1\n"
    files = {"/etc/ssh/ssh_host_ed25519_key.pub": key, "/etc/ssh/ssh_host_rsa_key.pub": "ssh-rsa not-base64!\n"}
    (found,) = collect(files)["ssh_host_keys"]
    assert found["kind"] == "ssh-ed25519"
    assert found["fingerprint"] == "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA"


@pytest.mark.parametrize(
    ("policy", "rules", "active"),
    [
        ("drop", [], True),
        ("accept", [], False),
        ("accept", [{"rule": {"expr": [{"accept": None}]}}], False),
        ("accept", [{"rule": {"expr": [{"jump": {"target": "ufw-input"}}]}}], True),
    ],
)
def test_firewall_by_what_becomes_of_packets(policy, rules, active):
    commands = {
        "nft -j list chains": json.dumps({"nftables": [*CHAINS["nftables"], chain(policy)]}),
        "nft -j list chain inet filter input": json.dumps({"nftables": [chain(policy), *rules]}),
    }
    firewall = collect(commands=commands)["firewall"]
    assert (firewall["source"], firewall["active"], firewall["chains"][0]["rules"]) == ("nft", active, len(rules))


def test_firewall_without_any_chain_is_off():
    assert collect(commands={"nft -j list chains": json.dumps(CHAINS)})["firewall"]["active"] is False


def test_firewall_that_may_not_be_asked_is_unknown():
    refused = {"rc": 1, "stderr": "Error: Could not process rule: Operation not permitted"}
    facts = collect(commands={"nft -j list chains": refused})
    assert facts["firewall"]["active"] is None
    assert facts["firewall"]["state_detail"].startswith("nft list chains: Error: Could not process rule")
    assert "nft list chains" in {error["source"] for error in facts["errors"]}


def test_firewall_whose_rules_cannot_be_read_is_unknown():
    chains = json.dumps({"nftables": [chain("accept")]})
    assert collect(commands={"nft -j list chains": chains})["firewall"]["active"] is None


@pytest.mark.parametrize("sign", ["/sys/module/nf_tables/initstate", "/proc/net/ip_tables_names"])
def test_iptables_where_there_is_no_nft(sign):
    firewall = collect({sign: ""}, {"iptables -S INPUT": "-P INPUT DROP\n"})["firewall"]
    assert (firewall["source"], firewall["active"]) == ("iptables", True)


def test_iptables_is_not_asked_where_the_question_would_load_it():
    firewall = collect(commands={"iptables -S INPUT": "-P INPUT ACCEPT\n"})["firewall"]
    assert (firewall["source"], firewall["active"]) == (None, None)


def test_old_tables_beside_empty_new_ones_count():
    commands = {"nft -j list chains": json.dumps(CHAINS), "iptables-legacy -S INPUT": "-P INPUT DROP\n"}
    assert collect({"/proc/net/ip_tables_names": "filter\n"}, commands)["firewall"]["active"] is True
    del commands["iptables-legacy -S INPUT"]
    assert collect({"/proc/net/ip_tables_names": "filter\n"}, commands)["firewall"]["active"] is None


class Counting(Replay):
    """A machine that keeps what it was asked to run."""

    def __init__(self, documents):
        super().__init__(documents)
        self.ran = []

    def run(self, argv, *more, **options):
        self.ran.append(argv[0])
        return super().run(argv, *more, **options)


@pytest.mark.parametrize(("collector", "most"), [(host, 2), (security, 6), (time_facts, 4)])
def test_few_commands_are_run(collector, most):
    asked = Counting([{"muster_recording": 1, "closed": True, "identity": {"now": 1.0}, "files": {}}])
    collector.collect(asked, {"packages": ["chrony"]})
    assert 0 < len(asked.ran) <= most


def test_ufw_runs_only_when_it_is_enabled():
    units_said = {SYSTEMCTL: "Id=ufw.service\nLoadState=loaded\nActiveState=active\n"}
    assert collect({"/etc/ufw/ufw.conf": "ENABLED=no\n"}, units_said)["firewall"]["managers"] == []
    assert collect({"/etc/ufw/ufw.conf": "ENABLED=yes\n"}, units_said)["firewall"]["managers"] == ["ufw"]


def test_audit():
    commands = {
        SYSTEMCTL: "Id=auditd.service\nLoadState=loaded\nActiveState=active\n",
        "auditctl -s": "enabled 1\nfailure 1\npid 900\nlost 4\nbacklog 0\n",
        "auditctl -l": "-w /etc/passwd -p wa -k identity\n-a always,exit -F arch=b64 -S execve\n",
    }
    audit = collect(commands=commands)["audit"]
    assert (audit["daemon_active"], audit["enabled"], audit["rules"], audit["lost"]) == (True, 1, 2, 4)
    assert collect(commands={**commands, "auditctl -l": "No rules\n"})["audit"]["rules"] == 0


def test_accounts_are_counted_and_hashes_stay():
    facts = collect({"/etc/passwd": PASSWD, "/etc/shadow": SHADOW})
    accounts = facts["accounts"]
    assert accounts["uid_0"] == ["root", "toor"]
    assert accounts["shared_uids"] == ["root (0)", "toor (0)"]
    assert (accounts["without_password"], accounts["with_password"], accounts["people"]) == (["toor"], 1, 1)
    assert "$y$" not in json.dumps(facts)


def test_shadow_that_may_not_be_read_leaves_passwords_unknown():
    facts = collect({"/etc/passwd": PASSWD, "/etc/shadow": DENIED})
    assert facts["accounts"]["without_password"] is None
    assert {"source": "/etc/shadow", "reason": "denied: Permission denied"} in facts["errors"]


def test_sudo_rules_without_password():
    files = {
        "/etc/sudoers": "root ALL=(ALL) ALL\n# x NOPASSWD\n%wheel ALL=(ALL) NOPASSWD: ALL\n",
        "/etc/sudoers.d/90-site": "ana ALL=(ALL) NOPASSWD: /usr/bin/reboot\n",
        "/etc/sudoers.d/old.bak": "x ALL=(ALL) NOPASSWD: ALL\n",
    }
    assert (collect(files)["sudo"]["rules_without_password"], collect(files)["sudo"]["files"]) == (2, 2)
    assert collect({**files, "/etc/sudoers.d/90-site": DENIED})["sudo"]["rules_without_password"] is None
    assert collect({})["sudo"]["rules_without_password"] == 0  # no sudo, no rule


def test_permissions():
    files = dict.fromkeys(["/etc/passwd", "/etc/shadow"], "")
    mode = {"uid": 0, "gid": 0, "size": 0, "mtime": 0}
    stats = {
        "/etc/passwd": {**mode, "mode": 0o100666},
        "/etc/shadow": {**mode, "mode": 0o100644},
        "/tmp": {**mode, "mode": 0o40777},
    }
    found = collect(files, stats=stats)["permissions"]
    assert (found["writable_by_all"], found["readable_by_all"]) == (["/etc/passwd"], ["/etc/shadow"])


@pytest.mark.parametrize(
    ("files", "enforcing"),
    [
        ({"/sys/fs/selinux/enforce": "1", "/sys/kernel/security/lsm": "selinux"}, True),
        ({"/sys/fs/selinux/enforce": "0", "/sys/kernel/security/lsm": "selinux"}, False),
        ({APPARMOR: "Y\n", PROFILES: "a (enforce)\n"}, True),
        ({APPARMOR: "Y\n", PROFILES: "a (complain)\n"}, False),
        ({APPARMOR: "Y\n", PROFILES: DENIED}, None),
        ({"/sys/kernel/security/lsm": "capability,yama"}, False),
        ({}, None),
    ],
)
def test_mandatory_access(files, enforcing):
    assert collect(files)["mandatory_access"]["enforcing"] is enforcing


def test_lockdown():
    path = "/sys/kernel/security/lockdown"
    assert collect({path: "none [integrity] confidentiality\n"})["lockdown"]["active"] is True
    off = collect({path: "[none] integrity confidentiality\n"})["lockdown"]
    assert (off["active"], off["mode"]) == (False, "off")
    assert collect({})["lockdown"]["active"] is None


@pytest.mark.parametrize("data", ["", "\x00\udcff", "{{ 7 * 7 }}", "<script>", ":::\n" * 3000])
def test_garbage_everywhere(data):
    paths = ["/etc/passwd", "/etc/shadow", "/etc/sudoers", "/etc/ssh/sshd_config", "/sys/kernel/security/lockdown"]
    commands = dict.fromkeys([SYSTEMCTL, "sshd -T", "nft -j list chains", "auditctl -s", "auditctl -l"], data)
    facts = collect(dict.fromkeys(paths, data), commands)
    assert json.loads(json.dumps(facts)) == facts
    assert facts["firewall"]["active"] is None
    assert facts["accounts"]["uid_0"] is None


USERS = "root:x:0:0:root:/root:/bin/bash\nana:x:1000:1000::/home/ana:/bin/zsh\n+::::::\n"
HASHES = f"root:*:19000:0:99999:7:::\nana:{HASH}:19000::::::\n"


def accounts(users=USERS, hashes=HASHES):
    facts = collect({"/etc/passwd": users, "/etc/shadow": hashes})
    return facts["accounts"], {error["source"] for error in facts["errors"]}


def test_whole_tables_of_accounts_have_nothing_to_say():
    found, errors = accounts()
    assert (found["uid_0"], found["shared_uids"], found["without_password"]) == (["root"], [], [])
    assert not {"/etc/passwd", "/etc/shadow"} & errors


@pytest.mark.parametrize("line", ["root2:x:0", "root2:x:none:0::/root:/bin/sh", "root2"])
def test_accounts_that_are_cut_off_are_unknown(line):
    """What the line that was cut would have said, nobody knows."""
    found, errors = accounts(users=USERS + line)
    assert (found["uid_0"], found["shared_uids"], found["without_password"]) == (None, None, None)
    assert "/etc/passwd" in errors
    assert accounts(users=f"{USERS}toor:x:0:0::/root:/bin/sh\n{line}")[0]["uid_0"] == ["root", "toor"]


def test_hashes_that_are_cut_off_are_unknown():
    found, errors = accounts(hashes=HASHES + "demo:*:19000")
    assert (found["uid_0"], found["without_password"]) == (["root"], None)
    assert "/etc/shadow" in errors
    assert accounts(hashes=HASHES + "demo::19000")[0]["without_password"] == ["demo"]
