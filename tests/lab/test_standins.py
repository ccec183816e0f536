# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every shipped hardware profile calls a healthy machine of its kind ready, and so a first real rack."""

from __future__ import annotations

import dataclasses
import functools
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "lab"))

from builder import smbios
from builder.__main__ import healthy
from builder.firmware import MACHINES
from builder.node import NODES, Node
from builder.recording import Recording
from builder.service_answers import put_units_named
from builder.standins import STANDINS

from ansible_collections.muster.fleet.plugins.module_utils.collect import node as collect_node
from ansible_collections.muster.fleet.plugins.module_utils.collect.together import collect
from ansible_collections.muster.fleet.plugins.module_utils.judge.engine import Ground, judge
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue, profiles

AT = "2026-11-18T06:30:00Z"
CHECKS = [check for check in catalogue.checks() if not check["id"].startswith("reach.")]
FIRST = {node.klass: node for node in reversed(NODES)}
NAMES = profiles.names()
each = pytest.mark.parametrize("name", NAMES)


@functools.cache
def standin(name: str) -> tuple[Node, Recording]:
    klass, change = STANDINS[name]
    recording = healthy(FIRST[klass])
    change(FIRST[klass], recording)
    return FIRST[klass], recording


def judged(
    name: str, recording: Recording, baseline: str | None = None, places: tuple[Path, ...] = ()
) -> dict[str, Any]:
    profile = catalogue.profile(name, places, baseline)
    wanted = collect_node.wanted(profile["values"])
    asked = recording.copy()
    names = [name for unit in wanted["service"]["units"] for name in unit["name"].split("|")]
    put_units_named(standin(name)[0] if name in STANDINS else FIRST["hgx_h100"], asked, names)
    facts = collect(Replay([asked.document]), collect_node.COLLECTORS, wanted, 60)
    return judge(CHECKS, Ground(facts, profile, AT))


def wrong(found: dict[str, Any]) -> list[str]:
    return [f"{row['id']}: {row['message']}" for row in found["results"] if row["status"] in ("fail", "unknown")]


def test_every_shipped_profile_has_a_healthy_machine() -> None:
    assert set(STANDINS) == set(NAMES)


@each
def test_a_healthy_machine_is_ready(name: str) -> None:
    found = judged(name, standin(name)[1])
    assert (found["verdict"], wrong(found)) == ("ready", [])
    assert {row["id"] for row in found["results"] if row["status"] == "pass"} > {"host.processes.zombies"}


@each
def test_a_healthy_machine_is_ready_without_recommendations(name: str) -> None:
    found = judged(name, standin(name)[1], "none")
    assert (found["verdict"], wrong(found)) == ("ready", [])


# --- a first real rack: healthy, and nothing of it as the simulated one has it -------------------------------------

SYSTEMS = {"ubuntu": ("24.04", "6.8.0-101-generic"), "rhel": ("9.6", "5.14.0-570.58.1.el9_6.x86_64")}


def elsewhere(name: str, system: str) -> Recording:
    """Return the healthy machine of a profile as another maker and another site would have it."""
    node, recording = standin(name)
    other = recording.copy()
    version, kernel = SYSTEMS[system]
    other.identity(kernel=kernel)
    family = "ID_LIKE=debian" if system == "ubuntu" else 'ID_LIKE="fedora"'
    other.file("/etc/os-release", f'NAME="Some Linux"\nID={system}\n{family}\nVERSION_ID="{version}"\n')
    known = node_kernel(other)
    other.document["files"] = {path.replace(known, kernel): text for path, text in other.document["files"].items()}
    other.edit("/proc/cmdline", known, kernel)
    other.link("/boot/vmlinuz", f"vmlinuz-{kernel}")
    machine = dataclasses.replace(
        MACHINES[node.klass], product="PowerEdge XE9680", manufacturer="Dell Inc.", bios_vendor="Dell Inc.",
        bios_version="2.7.4", dimm_configured=5600, dimm_rated=5600, tpm=False,
    )  # fmt: skip
    other.file("/sys/firmware/dmi/tables/DMI", smbios.table(node, machine))
    other.file("/sys/firmware/dmi/tables/smbios_entry_point", smbios.entry_point(smbios.table(node, machine)))
    other.file("/sys/devices/virtual/dmi/id/product_name", "PowerEdge XE9680\n")
    other.file("/sys/devices/virtual/dmi/id/bios_version", "2.7.4\n")
    other.remove("/sys/class/tpm/tpm0")
    other.remove("/sys/firmware/acpi/tables/TPM2")
    for call, entry in other.document["commands"].items():
        if call.startswith("lldpcli"):
            entry["stdout"] = entry["stdout"].replace("leaf-", "tor7-r12-")
    for path in ("vm/swappiness", "vm/zone_reclaim_mode", "kernel/panic_on_oops", "net/core/rmem_max"):
        if f"/proc/sys/{path}" in other.document["files"]:
            other.file(f"/proc/sys/{path}", "1\n")
    _choices(other, system)
    return other


def _choices(other: Recording, system: str) -> None:
    """Change what a site chooses beyond its system: no engine, no exporter, its own clock, shell and drivers."""
    other.document["http"] = {}
    other.document["tcp"] = {}
    other.link("/etc/localtime", "/usr/share/zoneinfo/Europe/Berlin")
    other.command("sshd -T", other.output("sshd -T").replace("x11forwarding no", "x11forwarding yes"))
    other.file("/etc/sudoers.d/91-site", "%operators ALL=(ALL) NOPASSWD: ALL\nbackup ALL=(ALL) NOPASSWD: ALL\n")
    kept = [line for line in other.text("/proc/modules").splitlines(True) if not line.startswith("nvidia_peermem")]
    other.file("/proc/modules", "".join(kept))
    for call in list(other.document["commands"]):
        if call.startswith("dpkg-query") and system == "rhel":
            other.document["commands"][call] = None
    virtual = [path for path in other.document["files"] if path.endswith("/sriov_numvfs")]
    for path in virtual[:1]:
        other.file(path, "4\n")


def node_kernel(recording: Recording) -> str:
    return str(recording.text("/proc/cmdline").split("vmlinuz-")[1].split(" ")[0])


@pytest.mark.parametrize("system", sorted(SYSTEMS))
@each
def test_a_first_real_rack_is_not_called_broken(name: str, system: str) -> None:
    found = judged(name, elsewhere(name, system))
    grave = [row for row in found["results"] if row["status"] in ("fail", "unknown")]
    assert [row["message"] for row in grave if not row["threshold_from"].startswith("baseline recommended")] == []
    assert [row["message"] for row in grave if row["severity"] == "critical"] == []
    assert found["verdict"] in ("ready", "degraded")


def test_a_site_that_states_its_choices_is_held_to_them(tmp_path: Path) -> None:
    """The same machine, and a site that says what the simulated rack says: every choice that differs is named."""
    asked = tmp_path / "a01.yml"
    asked.write_text(
        "name: a01\nextends: hgx_h100\nhost: {os_versions: ['22.04'], sysctl: {vm.swappiness: 10}}\n"
        "nic: {lldp: {required: true, switches: ^leaf-}}\nfirmware: {tpm_version: '2.0'}\n",
        encoding="utf-8",
    )
    found = judged("a01", elsewhere("hgx_h100", "ubuntu"), places=(tmp_path,))
    said = {row["id"]: row["threshold_from"] for row in found["results"] if row["status"] == "fail"}
    assert said == {
        "host.os.version": "site a01", "host.sysctl": "site a01", "lldp.neighbour.switch": "site a01",
        "firmware.tpm.present": said["firmware.tpm.present"],
    }  # fmt: skip
