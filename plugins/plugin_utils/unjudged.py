# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hosts that gave no facts: in whose words they are told of, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# What the roles register: a host whose task failed has no record, and its reason stands here.
REGISTERED = ("__verify_result", "__deploy_planned", "__deploy_gate", "__deploy_result", "__deploy_settled")
ANSWER = "Check that the host has power and an address, then log in as the run does and start the run again."
OTHERWISE = "Correct what the message names, then start the run again; -vvv shows what Ansible did."
SHOWN = 1000

_ADVICE = {
    r"vault (secrets|password|id\b)|undecryptable|decrypt(ion)? failed|failed to decrypt|cannot decrypt": """
        Give the vault's password: --ask-vault-pass, or --vault-password-file FILE (or --vault-id LABEL@FILE).""",
    r"incorrect (sudo|become|su|doas) password|sorry, try again|incorrect password attempt": """
        Give the right password for becoming root: type it with -K (--ask-become-pass), or correct
        ansible_become_password.""",
    r"(missing|requires?) .*password|password is required|a terminal is required|waiting for privilege escalation": """
        Give the password for becoming root: -K (--ask-become-pass), or ansible_become_password out of a vault; or let
        the user become root without one (visudo: NOPASSWD).""",
    r"not in the sudoers|is not allowed to (run|execute)|may not run sudo": """
        Let the user become root (visudo, or its group sudo or wheel), or log in as one who may: -u, ansible_user.""",
    r"host key verification failed|host identification has changed|authenticity of host|known_hosts"
    r"|host key.*(unknown|changed|not found|mismatch)": """
        Compare the machine's host key with what its console shows, then note it:
        ssh-keyscan -H ADDRESS >> ~/.ssh/known_hosts (ssh-keygen -R ADDRESS removes an old one).""",
    r"unprotected private key|bad permissions|load key|identity file": """
        Give a private key that ssh can use: --private-key, ansible_ssh_private_key_file; readable by its owner only
        (chmod 600).""",
    r"sshpass|permission denied.*(publickey|password|keyboard|gssapi|please try again)|authentication fail"
    r"|invalid/incorrect (username/)?password|no supported authentication": """
        Check user and key: -u or ansible_user, --private-key or ansible_ssh_private_key_file, -k for a password;
        `ssh -v USER@ADDRESS` shows which keys were offered.""",
    r"could not resolve|name or service not known|nodename nor servname|temporary failure in name resolution": """
        Give the machine's address in the inventory (ansible_host), or correct the name in DNS.""",
    r"is undefined|undefined variable|templat": """
        Define the variable that the message names; `ansible-inventory --host NAME` shows what the host has.""",
    r"no python 3|has python \d|interpreter": """
        Install Python 3.9 or newer on the machine, or name it with ansible_python_interpreter.""",
    r"had not answered|^timeout": """
        Log in and look what hangs (`ps -eo pid,stat,wchan:30,cmd | grep ' D'`, a full disk, a file system that does not
        answer); raise verify_deadline where the machine is only slow.""",
    r"^unreachable|connection (refused|closed|reset|timed out)|no route to host|no result arrived|timed out": ANSWER,
}
_COMPILED = [
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), " ".join(advice.split())) for pattern, advice in _ADVICE.items()
]
_FRAME = re.compile(
    r"^(Task failed: |Action failed: |Failed to connect to the host via ssh: "
    r"|Data could not be sent to remote host \S+ Make sure this host can be reached over ssh: )+"
)


def advice(reason: str | None) -> str:
    """Return what to do about a host that could not be judged for a reason."""
    return next((told for pattern, told in _COMPILED if pattern.search(reason or "no result arrived")), OTHERWISE)


def words(hosts: Iterable[str], hostvars: Mapping[str, Any]) -> dict[str, str]:
    """Return what the failed task of each of these hosts said, as far as one failed."""
    found = {}
    for host in hosts:
        said = _said(host, hostvars)
        if said:
            found[host] = said
    return found


def bare(said: object) -> str:
    """Return what Ansible says of a failure without the frame that it puts around the machine's own words."""
    return _FRAME.sub("", " ".join(str(said).split()))[:SHOWN]


def _said(host: str, hostvars: Mapping[str, Any]) -> str | None:
    if host not in hostvars:
        return None
    try:
        known = hostvars[host]
        results = [known[name] for name in REGISTERED if name in known]
    except Exception as error:  # variables that cannot be read are why its task failed, too
        return bare(error)
    for result in reversed(results):
        if isinstance(result, Mapping) and (result.get("failed") or result.get("unreachable")):
            said = str(result.get("msg") or "the task failed and gave no message")
            return f"unreachable: {bare(said)}" if result.get("unreachable") else bare(said)
    return None
