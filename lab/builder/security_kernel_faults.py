# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node's SSH server and kernel settings can leave open."""

from __future__ import annotations

from .faults import Fault
from .node import Node
from .recording import Recording
from .security_faults import ALL, _fault, _holds, _sshd

SYS = "/proc/sys"


def _forwards_x11(node: Node, rec: Recording) -> None:
    _sshd("x11forwarding no", "x11forwarding yes")(node, rec)
    rec.edit("/etc/ssh/sshd_config", "X11Forwarding no", "X11Forwarding yes")


FAULTS = [
    _fault("ssh_host_based", "SSH trusts other hosts' word", "ssh.host_based",
           _sshd("hostbasedauthentication no", "hostbasedauthentication yes")),
    _fault("ssh_weak_mac", "SSH offers MD5 checksums", "ssh.macs", _sshd("macs ", "macs hmac-md5,")),
    _fault("ssh_many_tries", "SSH lets a connection guess twenty times", "ssh.max_auth_tries",
           _sshd("maxauthtries 4", "maxauthtries 20")),
    _fault("ssh_x11_forwarding", "SSH forwards X11", "ssh.x11_forwarding",
           _forwards_x11),
    _fault("bpf_for_everybody", "everybody may load BPF programs", "kernel.bpf",
           _holds(f"{SYS}/kernel/unprivileged_bpf_disabled", "0\n")),
    _fault("dmesg_for_everybody", "everybody may read the kernel log", "kernel.dmesg",
           _holds(f"{SYS}/kernel/dmesg_restrict", "0\n")),
    _fault("symlinks_followed", "links in shared directories are followed for others", "kernel.links",
           _holds(f"{SYS}/fs/protected_symlinks", "0\n")),
    _fault("kernel_pointers_shown", "kernel addresses are shown to everybody", "kernel.pointers",
           _holds(f"{SYS}/kernel/kptr_restrict", "0\n")),
    _fault("source_route_accepted", "packets may choose their own way", "kernel.source_route",
           _holds(f"{SYS}/net/ipv4/conf/all/accept_source_route", "1\n")),
    _fault("suid_dumps", "programs with more rights leave readable dumps", "kernel.suid_dumps",
           _holds(f"{SYS}/fs/suid_dumpable", "1\n")),
    _fault("tmp_not_sticky", "everybody may delete others' files in /tmp", "permissions.tmp",
           lambda node, rec: rec.stat("/tmp", 0o040777)),
    Fault("unsigned_modules", "the kernel loads modules that nobody signed", ALL,
          {"security.kernel.module_signatures": "fail"},
          _holds("/sys/module/module/parameters/sig_enforce", "N\n"), {"security.module_signatures": True}),
    Fault("lockdown_off", "the kernel may be changed while it runs", ALL, {"security.lockdown": "fail"},
          _holds("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n"),
          {"security.lockdown": True}),
]  # fmt: skip
