# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What to do about a host that could not be judged, by the words of Ansible, ssh and sudo."""

from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils import unjudged

SSH = "unreachable: ssh: "


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("Missing sudo password", "-K"),
        ("sudo: a password is required", "-K"),
        ("Timeout (12s) waiting for privilege escalation prompt:", "-K"),
        ("Incorrect sudo password", "right password"),
        ("nobody is not in the sudoers file.", "visudo"),
        ("unreachable: Host key verification failed.", "ssh-keyscan"),
        ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @", "ssh-keygen -R"),
        ("unreachable: sre@192.0.2.1: Permission denied (publickey,password).", "--private-key"),
        ("unreachable: Received disconnect: Too many authentication failures", "--private-key"),
        ("to use the 'ssh' connection type with passwords, you must install the sshpass program", "-k for a password"),
        ("WARNING: UNPROTECTED PRIVATE KEY FILE!", "chmod 600"),
        ("Attempting to decrypt but no vault secrets found.", "--vault-password-file"),
        ("Decryption failed (no vault secrets were found that could decrypt)", "--ask-vault-pass"),
        ("Attempt to use undecryptable variable", "--vault-password-file"),
        ("'bmc_user' is undefined", "ansible-inventory --host"),
        (SSH + "Could not resolve hostname gpu-1: Name or service not known", "ansible_host"),
        (SSH + "connect to host vault-1 port 22: Connection refused", "power and an address"),
        (SSH + "connect to host 192.0.2.1 port 22: Connection timed out", "power and an address"),
        ("timeout: the machine took the question and had not answered after 60 s", "what hangs"),
        ("the machine has no Python 3", "Python 3.9"),
        ("no result arrived", "power and an address"),
        (None, "power and an address"),
        ("unknown profile 'hgx_h10'; did you mean hgx_h100?", "Correct what the message names"),
    ],
)
def test_advice(said: str | None, advice: str) -> None:
    assert advice in unjudged.advice(said)


def test_the_words_of_the_last_task_that_failed() -> None:
    hostvars = {
        "a": {"__verify_result": {"failed": True, "msg": "Task failed: Missing sudo password"}},
        "b": {"__verify_result": {"verdict": "ready"}},
        "c": {"__deploy_planned": {"failed": False}, "__deploy_result": {"unreachable": True, "msg": "gone\nfor good"}},
        "d": {"__verify_result": {"failed": True}},
    }
    assert unjudged.words([*hostvars, "e"], hostvars) == {
        "a": "Missing sudo password",
        "c": "unreachable: gone for good",
        "d": "the task failed and gave no message",
    }
