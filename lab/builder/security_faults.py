# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can be wrong with a node's security baseline."""

from __future__ import annotations

from collections.abc import Callable

from .faults import Fault
from .node import Node
from .recording import Recording

ALL = ("hgx_h100", "gb200_tray", "mi300x", "gaudi3", "cpu_only")
Apply = Callable[[Node, Recording], None]
SSH = (
    "password_authentication "
    "ciphers empty_passwords host_based key_exchanges macs max_auth_tries root_login x11_forwarding"
)


def _sshd(old: str, new: str) -> Apply:
    def apply(node: Node, rec: Recording) -> None:
        said = rec.output("sshd -T")
        if old not in said:
            raise ValueError(f"sshd does not say {old!r}")
        rec.command("sshd -T", said.replace(old, new))

    return apply


def _sshd_unreadable(node: Node, rec: Recording) -> None:
    rec.command("sshd -T", rc=1, stderr="sshd: no hostkeys available -- exiting.\n")
    rec.refuse("/etc/ssh/sshd_config")


def _firewall_off(node: Node, rec: Recording) -> None:
    for command in ("nft -j list chains", "nft -j list chain inet filter input"):
        rec.command(command, rec.output(command).replace('"policy": "drop"', '"policy": "accept"'))


def _firewall_hidden(node: Node, rec: Recording) -> None:
    rec.command("nft -j list chains", rc=1, stderr="Operation not permitted (you must be root)\n")


def _auditd_down(node: Node, rec: Recording) -> None:
    show = next(argv for argv in rec.document["commands"] if argv.startswith("systemctl show") and "auditd" in argv)
    first, *others = rec.output(show).split("\n\n")
    down = first.replace("ActiveState=active", "ActiveState=failed").replace("SubState=running", "SubState=failed")
    rec.command(show, "\n\n".join([down, *others]))


def _answers(command: str, old: str, new: str) -> Apply:
    def apply(node: Node, rec: Recording) -> None:
        if old not in rec.output(command):
            raise ValueError(f"{command} does not say {old!r}")
        rec.command(command, rec.output(command).replace(old, new))

    return apply


def _holds(path: str, text: str) -> Apply:
    return lambda node, rec: rec.file(path, text)


def _adds(path: str, text: str) -> Apply:
    return lambda node, rec: rec.append(path, text)


def _fault(name: str, does: str, found: str, apply: Apply, status: str = "fail") -> Fault:
    return Fault(name, does, ALL, {f"security.{check}": status for check in found.split()}, apply)


FAULTS = [
    _fault(
        "ssh_root_password_login",
        "root may log in with a password",
        "ssh.root_login",
        _sshd("prohibit-password", "yes"),
    ),
    _fault(
        "ssh_passwords",
        "SSH takes passwords",
        "ssh.password_authentication",
        _sshd("dauthentication no\nkbd", "dauthentication yes\nkbd"),
    ),
    _fault(
        "ssh_empty_passwords",
        "SSH takes empty passwords",
        "ssh.empty_passwords",
        _sshd("permitemptypasswords no", "permitemptypasswords yes"),
    ),
    _fault(
        "ssh_weak_cipher", "SSH offers CBC ciphers", "ssh.ciphers", _sshd("ciphers ", "ciphers aes128-cbc,3des-cbc,")
    ),
    _fault(
        "ssh_weak_key_exchange",
        "SSH offers SHA-1 key exchange",
        "ssh.key_exchanges",
        _sshd("kexalgorithms ", "kexalgorithms diffie-hellman-group14-sha1,"),
    ),
    _fault(
        "sshd_unreadable",
        "the SSH settings may not be read",
        " ".join(f"ssh.{name}" for name in SSH.split()),
        _sshd_unreadable,
        "unknown",
    ),
    _fault("firewall_off", "the firewall lets everything in", "firewall.active", _firewall_off),
    _fault("firewall_hidden", "the firewall may not be looked at", "firewall.active", _firewall_hidden, "unknown"),
    _fault("auditd_down", "the audit daemon failed", "audit.daemon", _auditd_down),
    _fault(
        "audit_rules_missing",
        "no audit rule is loaded",
        "audit.rules",
        lambda node, rec: rec.command("auditctl -l", "No rules\n"),
    ),
    _fault(
        "audit_disabled",
        "the kernel records no audit events",
        "audit.enabled",
        _answers("auditctl -s", "enabled 2", "enabled 0"),
    ),
    _fault(
        "audit_rotates",
        "the oldest audit records are overwritten",
        "audit.retention",
        lambda node, rec: rec.edit("/etc/audit/auditd.conf", "keep_logs", "ROTATE"),
    ),
    _fault("audit_lost", "audit records were lost", "audit.lost", _answers("auditctl -s", "lost 0", "lost 5120")),
    _fault(
        "second_root_account",
        "another account has user id 0",
        "accounts.uid_0 accounts.shared_uid",
        _adds("/etc/passwd", "sysop:x:0:0::/root:/bin/bash\n"),
    ),
    _fault(
        "account_without_password",
        "an account needs no password",
        "accounts.empty_password",
        _adds("/etc/shadow", "demo::20300:0:99999:7:::\n"),
    ),
    _fault(
        "shadow_readable",
        "everybody can read the password hashes",
        "permissions.shadow",
        lambda node, rec: rec.stat("/etc/shadow", 0o100644),
    ),
    _fault(
        "passwd_writable",
        "everybody can write to /etc/passwd",
        "permissions.writable",
        lambda node, rec: rec.stat("/etc/passwd", 0o100666),
    ),
    _fault(
        "sudo_without_password",
        "people have sudo without a password",
        "sudo.without_password",
        _holds("/etc/sudoers.d/50-ops", "%ops ALL=(ALL) NOPASSWD: ALL\n"),
    ),
    _fault(
        "apparmor_off",
        "AppArmor confines nothing",
        "mandatory_access",
        _holds("/sys/module/apparmor/parameters/enabled", "N\n"),
    ),
    _fault(
        "address_randomisation_off",
        "addresses are not randomised",
        "kernel.address_randomisation",
        _holds("/proc/sys/kernel/randomize_va_space", "0\n"),
    ),
    _fault(
        "redirects_accepted",
        "ICMP redirects are accepted",
        "kernel.redirects",
        _holds("/proc/sys/net/ipv4/conf/all/accept_redirects", "1\n"),
    ),
]
