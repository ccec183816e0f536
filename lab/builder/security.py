# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The security baseline of every node: keys only, a firewall, audit, AppArmor."""

from __future__ import annotations

import base64
import json

from .node import Node
from .recording import Recording
from .security_faults import FAULTS
from .time import unit

__all__ = ["FAULTS", "render"]

SHOW = (
    "systemctl show --property=Id,LoadState,ActiveState,SubState,UnitFileState auditd.service firewalld.service "
    "ufw.service nftables.service apparmor.service"
)
SSHD = """port 22
addressfamily any
logingracetime 60
permitrootlogin prohibit-password
maxauthtries 4
maxsessions 10
hostbasedauthentication no
pubkeyauthentication yes
passwordauthentication no
kbdinteractiveauthentication no
permitemptypasswords no
x11forwarding no
usepam yes
ciphers chacha20-poly1305@openssh.com,aes128-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com
macs umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com
kexalgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256,ecdh-sha2-nistp256,diffie-hellman-group16-sha512
"""
SSHD_CONFIG = "Include /etc/ssh/sshd_config.d/*.conf\nKbdInteractiveAuthentication no\nUsePAM yes\nX11Forwarding no\n"
RULES = """-w /etc/passwd -p wa -k identity
-w /etc/shadow -p wa -k identity
-w /etc/sudoers -p wa -k scope
-a always,exit -F arch=b64 -S adjtimex,settimeofday -F key=time-change
-a always,exit -F arch=b64 -S init_module,finit_module,delete_module -F key=modules
"""
PASSWD = """root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
_chrony:x:111:117:Chrony daemon,,,:/var/lib/chrony:/usr/sbin/nologin
muster:x:1000:1000:fleet automation:/home/muster:/bin/bash
"""
SHADOW = "root:*:20300:0:99999:7:::\ndaemon:*:20300:0:99999:7:::\n_chrony:!:20300::::::\nmuster:!:20300:0:99999:7:::\n"
HARDENING = {
    "kernel/randomize_va_space": 2,
    "kernel/dmesg_restrict": 1,
    "kernel/kptr_restrict": 1,
    "kernel/yama/ptrace_scope": 1,
    "kernel/unprivileged_bpf_disabled": 2,
    "fs/suid_dumpable": 2,
    "fs/protected_hardlinks": 1,
    "fs/protected_symlinks": 1,
    "net/ipv4/conf/all/accept_redirects": 0,
    "net/ipv4/conf/all/accept_source_route": 0,
    "net/ipv4/tcp_syncookies": 1,
}


def chain(policy: str) -> dict[str, object]:
    """Return the chain that incoming packets meet, as nft prints it."""
    return {
        "chain": {
            "family": "inet",
            "table": "filter",
            "name": "input",
            "handle": 1,
            "type": "filter",
            "hook": "input",
            "prio": 0,
            "policy": policy,
        }
    }


def render(node: Node, rec: Recording) -> None:
    """Put a node that follows the baseline."""
    names = ("firewalld.service", "ufw.service")
    units = [unit("auditd.service"), *(unit(name, "inactive", "not-found") for name in names)]
    rec.command(SHOW, "\n".join([*units, unit("nftables.service"), unit("apparmor.service")]))
    _ssh(node, rec)
    _firewall(rec)
    rec.command("auditctl -s", "enabled 2\nfailure 1\npid 870\nrate_limit 0\nbacklog_limit 8192\nlost 0\nbacklog 0\n")
    rec.command("auditctl -l", RULES)
    rec.file("/etc/audit/auditd.conf", "log_file = /var/log/audit/audit.log\nmax_log_file_action = keep_logs\n")
    for name, value in HARDENING.items():
        rec.file(f"/proc/sys/{name}", f"{value}\n")
    rec.file("/sys/kernel/security/lsm", "lockdown,capability,landlock,yama,apparmor")
    rec.file("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
    rec.file("/sys/module/apparmor/parameters/enabled", "Y\n")
    rec.file("/sys/kernel/security/apparmor/profiles", "/usr/sbin/chronyd (enforce)\nnvidia_modprobe (enforce)\n")
    rec.file("/etc/passwd", PASSWD)
    rec.file("/etc/shadow", SHADOW)
    rec.file("/etc/sudoers", "Defaults use_pty\nroot ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n")
    rec.file("/etc/sudoers.d/90-muster", "muster ALL=(ALL) NOPASSWD: ALL\n")
    rec.stat("/etc/shadow", 0o100640, gid=42)
    rec.stat("/etc/sudoers", 0o100440)
    rec.stat("/tmp", 0o041777)


def _ssh(node: Node, rec: Recording) -> None:
    rec.command("sshd -T", SSHD)
    rec.file("/etc/ssh/sshd_config", SSHD_CONFIG)
    for kind, length in (("ssh-ed25519", 32), ("ssh-rsa", 390)):
        body = (
            len(kind).to_bytes(4, "big")
            + kind.encode()
            + bytes.fromhex(node.hexdigits(kind, 0, 64)).ljust(length, b"\1")
        )
        rec.file(
            f"/etc/ssh/ssh_host_{kind[4:]}_key.pub", f"{kind} {base64.b64encode(body).decode()} root@{node.name}\n"
        )


def _firewall(rec: Recording) -> None:
    listed = {"nftables": [{"metainfo": {"version": "1.0.9", "json_schema_version": 1}}, chain("drop")]}
    accepts = {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 4, "expr": [{"accept": None}]}}
    rec.command("nft -j list chains", json.dumps(listed))
    rec.command("nft -j list chain inet filter input", json.dumps({"nftables": [*listed["nftables"], accepts]}))
