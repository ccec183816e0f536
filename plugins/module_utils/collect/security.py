# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts of the security baseline: what is switched on, never what it protects."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional

from ..host import ABSENT, OK, Asked, Host
from ..parse import keyvalue, nft, proc
from . import units as systemd
from .asking import side_by_side
from .security_accounts import accounts, permissions, sudo
from .security_ssh import daemon, host_keys

UNITS = ("auditd.service", "firewalld.service", "ufw.service", "nftables.service", "apparmor.service")
LEGACY_TABLES = "/proc/net/ip_tables_names"
MANAGERS = ("firewalld", "ufw", "nftables")
KERNEL = {  # what the fact is called -> the kernel setting
    "address_randomisation": "kernel/randomize_va_space",
    "dmesg_restricted": "kernel/dmesg_restrict",
    "pointers_hidden": "kernel/kptr_restrict",
    "suid_dumps": "fs/suid_dumpable",
    "ptrace_scope": "kernel/yama/ptrace_scope",
    "unprivileged_bpf_disabled": "kernel/unprivileged_bpf_disabled",
    "protected_hardlinks": "fs/protected_hardlinks",
    "protected_symlinks": "fs/protected_symlinks",
    "accept_redirects": "net/ipv4/conf/all/accept_redirects",
    "accept_source_route": "net/ipv4/conf/all/accept_source_route",
    "syn_cookies": "net/ipv4/tcp_syncookies",
}


def collect(host: Host, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the facts of the security baseline; what only root may see is ``None`` for others, with an error."""
    asks = {name: Asked(host) for name in ("units", "sshd", "firewall", "audit", "accounts", "sudo", "the rest")}
    answers = side_by_side(
        asks["units"],
        {
            "systemctl": lambda: systemd.states(asks["units"], UNITS),
            "sshd": lambda: asks["sshd"].run(["sshd", "-T"], timeout=5),
            "auditctl": lambda: _audit_status(asks["audit"]),
            "firewall": lambda: _input_filter(asks["firewall"]),
        },
    )
    units, asked = answers["systemctl"], asks["the rest"]
    firewall = answers["firewall"] or {"source": None, "active": None, "chains": None}
    audit = {**(answers["auditctl"] or {}), "daemon_active": systemd.active(units, "auditd.service")}
    return {
        "source": "sshd, nft, auditctl, /etc and /sys",
        "user_id": host.identity().get("uid"),
        "sshd": _told(asks["sshd"].errors, daemon(asks["sshd"], answers["sshd"])),
        "ssh_host_keys": host_keys(asked),
        "firewall": _told(asks["firewall"].errors, {**firewall, "managers": _managers(asked, units)}),
        "audit": _told(asks["units"].errors + asks["audit"].errors, audit),
        "mandatory_access": _mandatory_access(asked),
        "lockdown": _lockdown(asked),
        "module_signatures": {"Y": True, "N": False}.get(asked.text("/sys/module/module/parameters/sig_enforce") or ""),
        "kernel": {"source": "/proc/sys", **{name: asked.number(f"/proc/sys/{path}") for name, path in KERNEL.items()}},
        "accounts": _told(asks["accounts"].errors, accounts(asks["accounts"])),
        "sudo": _told(asks["sudo"].errors, sudo(asks["sudo"])),
        "permissions": permissions(asked),
        "errors": [error for each in asks.values() for error in each.errors],
    }


def _told(errors: List[Dict[str, str]], facts: Dict[str, Any]) -> Dict[str, Any]:
    """Return facts with what kept their own sources from answering, for the message of whatever is unknown there."""
    said = "; ".join(f"{error['source']}: {error['reason']}" for error in errors)
    return {**facts, "state_detail": said or None}


def _managers(asked: Asked, units: Optional[Mapping[str, Any]]) -> Optional[List[str]]:
    """Return what manages the firewall; ufw.service is active even when ufw itself is switched off."""
    if units is None:
        return None
    running = [name for name in MANAGERS if systemd.active(units, f"{name}.service")]
    if "ufw" in running and keyvalue.pairs(asked.text("/etc/ufw/ufw.conf") or "").get("ENABLED") != "yes":
        running.remove("ufw")
    return running


def _input_filter(asked: Asked) -> Optional[Dict[str, Any]]:
    """Return what becomes of packets that come in, whoever wrote the rules."""
    found = _nft(asked)
    if found and found["active"] is not False:
        return found
    # iptables is asked only where its tables already are: the question itself would load them
    if found is None and asked.host.stat("/sys/module/nf_tables"):
        return _iptables(asked, "iptables")
    if asked.host.stat(LEGACY_TABLES):
        return _iptables(asked, "iptables" if found is None else "iptables-legacy")
    return found


def _nft(asked: Asked) -> Optional[Dict[str, Any]]:
    """Return the chains of nftables; ``None`` where there is no nft."""
    answer = asked.host.run(["nft", "-j", "list", "chains"], timeout=5)
    if answer.state == ABSENT:
        return None
    chains = nft.base_chains(_json(answer.stdout) if answer.state == OK and answer.rc == 0 else None)
    if chains is None:
        said = (answer.stderr or answer.stdout).decode("utf-8", "replace").strip()[:120]
        asked.fail("nft list chains", said or answer.state)
        return {"source": "nft", "active": None, "chains": None}
    found = [_chain(asked, chain) for chain in chains if chain["hook"] == "input"]
    verdicts = [chain["filters"] for chain in found]
    return {
        "source": "nft",
        "active": True if True in verdicts else None if None in verdicts else False,
        "chains": found,
    }


def _chain(asked: Asked, chain: Mapping[str, str]) -> Dict[str, Any]:
    """Return one base chain: it filters when its policy or one of its rules keeps anything out."""
    label = f"{chain['family']} {chain['table']} {chain['name']}"
    answer = asked.json(["nft", "-j", "list", "chain", chain["family"], chain["table"], chain["name"]], timeout=5)
    count, hands_over = nft.rules(answer) if answer is not None else (None, None)
    closed = chain["policy"] == "drop"
    return {"label": f"chain {label}", "policy": chain["policy"], "rules": count, "filters": closed or hands_over}


def _iptables(asked: Asked, tool: str) -> Dict[str, Any]:
    text = asked.run([tool, "-S", "INPUT"], timeout=5)
    found = nft.iptables(text) if text is not None else None
    if found is None:
        return {"source": tool, "active": None, "chains": None}
    closed = found["policy"] == "drop" or found["filters"]
    chain = {"label": "chain INPUT", "policy": found["policy"], "rules": found["rules"], "filters": closed}
    return {"source": tool, "active": closed, "chains": [chain]}


def _json(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8", "replace"))
    except ValueError:
        return None


def _audit_status(asked: Asked) -> Dict[str, Any]:
    """Return the kernel's audit state and how many rules are loaded, not what they watch."""
    status = keyvalue.pairs(asked.run(["auditctl", "-s"], timeout=5) or "", " ")
    rules = asked.run(["auditctl", "-l"], timeout=5) if status else None
    numbers = {
        name: int(status[name]) for name in ("enabled", "failure", "lost", "backlog") if _digits(status.get(name))
    }
    return {
        "source": "auditctl",
        "enabled": numbers.get("enabled"),
        "failure_mode": numbers.get("failure"),
        "lost": numbers.get("lost"),
        "backlog": numbers.get("backlog"),
        "rules": None if rules is None else sum(line.startswith("-") for line in rules.splitlines()),
        "log_action": _audit_log_action(asked),
    }


def _audit_log_action(asked: Asked) -> Optional[str]:
    """Return what the audit daemon does with a log that is full: ``keep_logs``, or ``rotate`` away the oldest."""
    settings = keyvalue.pairs(asked.text("/etc/audit/auditd.conf", required=True) or "")
    return (settings.get("max_log_file_action") or "").lower() or None


def _digits(text: Optional[str]) -> bool:
    return text is not None and text.isdecimal()


def _mandatory_access(asked: Asked) -> Dict[str, Any]:
    """Return the state of SELinux and AppArmor; ``enforcing`` is whether either of them confines anything."""
    selinux = {"1": "enforcing", "0": "permissive"}.get(asked.text("/sys/fs/selinux/enforce") or "")
    apparmor = {"Y": True, "N": False}.get(asked.text("/sys/module/apparmor/parameters/enabled") or "")
    profiles = asked.text("/sys/kernel/security/apparmor/profiles") if apparmor else None
    confined = None if profiles is None else sum(line.endswith("(enforce)") for line in profiles.splitlines())
    lsm = asked.text("/sys/kernel/security/lsm")
    unseen = bool(apparmor) and confined is None
    enforcing = selinux == "enforcing" or bool(apparmor and confined)
    return {
        "source": "/sys/kernel/security",
        "modules": lsm.split(",") if lsm else None,
        "selinux": selinux,
        "apparmor": apparmor,
        "apparmor_enforced_profiles": confined,
        "enforcing": None if not (lsm or selinux or apparmor is not None) or (unseen and not enforcing) else enforcing,
    }


def _lockdown(asked: Asked) -> Dict[str, Any]:
    """Return the kernel's lockdown mode; ``off`` is what the kernel calls none."""
    mode = proc.chosen(asked.text("/sys/kernel/security/lockdown") or "")
    return {
        "source": "/sys/kernel/security/lockdown",
        "mode": "off" if mode == "none" else mode,
        "active": None if mode is None else mode != "none",
    }
