# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""No check of the catalogue passes on nothing: nothing answers, the machine has none of it, the profile names nothing.

A check is run as it stands against each of these. What passes all the same is listed here with the reason why "none"
is an answer that somebody gave, and the collector is shown to give no such answer when it could not look.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lab"))

from builder.__main__ import healthy
from builder.node import NODES
from builder.node import PROFILES as RACK

from ansible_collections.muster.fleet.plugins.module_utils import host as h
from ansible_collections.muster.fleet.plugins.module_utils.collect import node as collect_node
from ansible_collections.muster.fleet.plugins.module_utils.collect.together import collect
from ansible_collections.muster.fleet.plugins.module_utils.judge.engine import Ground, judge_check
from ansible_collections.muster.fleet.plugins.module_utils.judge.paths import look
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue, profiles
from ansible_collections.muster.fleet.plugins.plugin_utils.schema import facts as fact_schema
from ansible_collections.muster.fleet.plugins.plugin_utils.schema import profile as profile_schema

AT = "2026-11-18T06:30:00Z"
CHECKS = [check for check in catalogue.checks() if not check["id"].startswith("reach.")]
CLASSES = sorted({node.klass for node in NODES})
NAMES = profiles.names()

# Lists of what is wrong, made of something that was looked at as a whole: an empty one says that nothing is.
FINDINGS = {
    "firmware.system.placeholders",
    "host.cpu.frequency.limited_policies",
    "host.cpu.offline",
    "host.environment.harmful",
    "host.kernel.taints",
    "host.processes.stuck",
    "log.crash_records",
    "log.notes",
    "security.accounts.shared_uids",
    "security.accounts.uid_0",
    "security.accounts.without_password",
    "security.permissions.readable_by_all",
    "security.permissions.writable_by_all",
    "service.failed_units",
    "storage.missing_mounts",
    "storage.unmounted",
}
# Numbers of which zero is a reading like any other.
READINGS = {
    "gpu.pci_count",  # of a machine that should have no accelerator
    "host.limits.files_open_percent",
    "host.limits.threads_percent",
    "host.load.per_thread",
    "host.memory.hardware_corrupted_bytes",
    "host.memory.swap_total_bytes",
    "host.processes.zombies",
    "security.audit.lost",
    "security.sshd.max_auth_tries",
    "security.sudo.rules_without_password",
    "time.offset_s",
}


def passing(facts: Mapping[str, Any], profile: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    ground = Ground(facts, profile, AT)
    for check in CHECKS:
        if any(row["status"] == "pass" for row in judge_check(check, ground)):
            yield check


def blank(declared: Mapping[str, Any], number: Any) -> Any:
    """Return a fact as a machine would give it that has none of it."""
    if declared.get("type") == "list":
        return []
    if declared.get("type") == "dict":
        return {name: blank(part, number) for name, part in (declared.get("contains") or {}).items()}
    return number if declared.get("type") in ("int", "float") else None


def none_of_it(number: Any) -> dict[str, Any]:
    """Return the facts of such a machine, which says that it is a physical one: many checks ask that first."""
    facts = {domain: blank(declared, number) for domain, declared in fact_schema.documented().items()}
    facts["host"]["virtualization"] = {"kind": "physical"}
    return facts


def is_finding(subject: str) -> bool:
    return subject in FINDINGS or subject.startswith("log.found.")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_passes_on_a_machine_that_has_none_of_it(name: str) -> None:
    profile = catalogue.profile(name)
    for check in passing(none_of_it(None), profile):
        assert is_finding(check["subject"]) or check["subject"] == "host.virtualization.kind", check["id"]
    for check in passing(none_of_it(0), profile):
        known = is_finding(check["subject"]) or check["subject"] in READINGS
        assert known or check["subject"] == "host.virtualization.kind", check["id"]


class Mute(h.Host):
    """A machine that gives one and the same answer to everything: a refusal, or a text that says nothing.

    Its directories are empty and its files hold nothing but, at most, the end of a line.
    """

    def __init__(self, state: str, text: bytes = b"", rc: int = 0):
        self.state, self.text, self.rc = state, text, rc

    def identity(self) -> dict[str, Any]:
        return {"hostname": "mute", "now": 1795000000, "uid": 0, "python": "3.9"}

    def read(self, path: str, *unused: Any, **more: Any) -> h.Read:
        return h.Read(self.state, self.text if self.text == b"\n" else b"")

    def names(self, path: str) -> h.Names:
        return h.Names(self.state, [])

    def link(self, path: str) -> None:
        return None

    def stat(self, path: str) -> None:
        return None

    def space(self, path: str) -> None:
        return None

    def run(self, argv: Any, *unused: Any, **more: Any) -> h.Command:
        return h.Command(list(argv), self.state, self.rc if self.state == h.OK else None, self.text)

    def nvml(self, *unused: Any, **more: Any) -> h.Nvml:
        return h.Nvml(self.state)

    def tcp(self, *unused: Any, **more: Any) -> h.Reply:
        return h.Reply(h.TIMEOUT if self.state == h.OK else self.state)

    def http(self, *unused: Any, **more: Any) -> h.Reply:
        return h.Reply(self.state, 200 if self.state == h.OK else None, self.text)


MUTE = {
    "absent": Mute(h.ABSENT),
    "denied": Mute(h.DENIED),
    "timeout": Mute(h.TIMEOUT),
    "failed": Mute(h.FAILED),
    "unrecorded": Mute(h.UNRECORDED),
    "empty": Mute(h.OK),
    "blank": Mute(h.OK, b"\n"),
    "not available": Mute(h.OK, b"N/A\n"),
    "empty list": Mute(h.OK, b"[]\n"),
    "empty mapping": Mute(h.OK, b"{}\n"),
    "null": Mute(h.OK, b"null\n"),
    "exit code 1": Mute(h.OK, b"", 1),
    "exit code 127": Mute(h.OK, b"command not found\n", 127),
}


# Where the good answer is an empty directory, or a file with an empty line in it.
EMPTY_IS_GOOD = {
    "log.crash_records": {name for name in MUTE if MUTE[name].state == h.OK},
    "host.cpu.offline": {"blank"},
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("answer", MUTE)
def test_nothing_passes_where_nothing_answers(answer: str, name: str) -> None:
    profile = catalogue.profile(name)
    facts = collect(MUTE[answer], collect_node.COLLECTORS, collect_node.wanted(profile["values"]), 60)
    good = {subject for subject, answers in EMPTY_IS_GOOD.items() if answer in answers}
    assert {check["subject"] for check in passing(facts, profile)} <= good
    assert {path: look(facts, path) for path in FINDINGS - good} == dict.fromkeys(FINDINGS - good)


@pytest.fixture(scope="module")
def seen() -> dict[str, dict[str, Any]]:
    """Return the facts of a healthy machine of each class."""
    found = {}
    for klass in CLASSES:
        recording = healthy(next(node for node in NODES if node.klass == klass))
        wanted = collect_node.wanted(catalogue.profile(klass, [RACK])["values"])
        found[klass] = collect(Replay([recording.document]), collect_node.COLLECTORS, wanted, 60)
    return found


@pytest.mark.parametrize("klass", CLASSES)
def test_nothing_passes_that_nobody_named(klass: str, seen: Mapping[str, Any]) -> None:
    """On a healthy machine, each key of its profile names nothing in turn: whatever is held against it is not asked."""
    profile = catalogue.profile(klass, [RACK])
    for path, declared in profile_schema.keys().items():
        if not declared.type.startswith(("list", "entries")):
            continue
        emptied = {**profile, "values": with_nothing(profile["values"], path.split("."))}
        for check in CHECKS:
            if any(key == path for key in fact_schema.profile_keys(check)):
                rows = judge_check(check, Ground(seen[klass], emptied, AT))
                exact = f"profile.{path}" in (check["expect"].get(word) for word in ("eq", "subset_of"))
                assert exact or all(row["status"] != "pass" for row in rows), f"{path}: {check['id']}"


def with_nothing(values: Any, names: list[str]) -> dict[str, Any]:
    below = with_nothing((values or {}).get(names[0]), names[1:]) if len(names) > 1 else []
    return {**(values or {}), names[0]: below}
