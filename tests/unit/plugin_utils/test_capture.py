# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A captured profile holds what all golden hosts show, lists the rest, and loads again as what was shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.muster.fleet.plugins.action.capture import _before, _captured, _told
from ansible_collections.muster.fleet.plugins.plugin_utils import capture, catalogue, rundir
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput

EXTENDS = {"name": "generic", "values": {"gpu": {"vendor": "any"}, "host": {"numa_balancing": False}}, "sources": {}}
HEAD = {
    "name": "ours", "title": "Ours", "extends": "generic", "run": "r1", "hosts": ["a", "b"], "simulated": False,
    "not_ready": [],
}  # fmt: skip


def check(subject: str, key: str, operator: str = "eq", **more: Any) -> dict[str, Any]:
    return {"id": f"x.{key}", "subject": subject, "expect": {operator: f"profile.{key}"}, **more}


def captured(checks: list[dict[str, Any]], **facts: Any) -> capture.Captured:
    return capture.capture(checks, facts, EXTENDS)


SOCKETS = check("host.cpu.sockets", "host.cpu_sockets")
WIDTH = check("gpu.devices[*].width", "gpu.pcie_width")


def host(sockets: Any, **more: Any) -> dict[str, Any]:
    return {"host": {"cpu": {"sockets": sockets}, **more}}


def gpus(*widths: Any, vendor: str = "nvidia") -> dict[str, Any]:
    return {"gpu": {"vendor": vendor, "devices": [{"label": f"GPU {n}", "width": w} for n, w in enumerate(widths)]}}


def test_what_all_show_is_taken() -> None:
    assert captured([SOCKETS], a=host(2), b=host(2)) == ({"host.cpu_sockets": 2}, {}, [])


def test_what_they_do_not_agree_on_is_listed_and_not_averaged() -> None:
    assert captured([SOCKETS], a=host(2), b=host(4)) == ({}, {"host.cpu_sockets": {"a": "2", "b": "4"}}, [])


@pytest.mark.parametrize("missing", [None, "N/A", ""])
def test_a_host_that_shows_nothing_agrees_with_nobody(missing: Any) -> None:
    found = captured([SOCKETS], a=host(2), b=host(missing))
    assert found.differ == {"host.cpu_sockets": {"a": "2", "b": "shows no value"}}


def test_items_of_one_host_must_agree_too() -> None:
    assert captured([WIDTH], a=gpus(16, 16), b=gpus(16, 8)).differ == {"gpu.pcie_width": {"a": "16", "b": "16, 8"}}


def test_one_and_true_are_not_the_same() -> None:
    assert captured([SOCKETS], a=host(1), b=host(True)).agreed == {}
    assert captured([SOCKETS], a=host(1.0), b=host(True)).agreed == {}
    assert captured([SOCKETS], a=host(2), b=host(2.0)).agreed == {"host.cpu_sockets": 2}


def test_what_nobody_shows_is_left_out() -> None:
    assert captured([SOCKETS], a=host(None), b=host(None)) == ({}, {}, [])


def test_what_the_extended_profile_states_is_not_repeated() -> None:
    law = check("host.balancing", "host.numa_balancing")
    both = {"host": {"balancing": False}}
    assert captured([law], a=both, b=both) == ({}, {}, ["host.numa_balancing"])


def test_limits_and_lists_of_wishes_are_not_captured() -> None:
    limits = [check("host.cpu.sockets", "host.sockets_min", "ge"), check("host.cpu.sockets", "host.x[item.name]")]
    assert list(capture.keys(limits)) == []


def test_checks_of_another_vendor_have_no_say() -> None:
    vendor = check("gpu.vendor", "gpu.vendor")
    other = check("gpu.devices[*].width", "gpu.lanes", applies={"profile": "gpu.vendor", "eq": "amd"})
    assert captured([vendor, other], a=gpus(16), b=gpus(16)).agreed == {"gpu.vendor": "nvidia"}


def test_a_list_can_be_counted() -> None:
    law = check("gpu.devices", "gpu.count", "count")
    assert captured([law], a=gpus(16, 16), b=gpus(16, 16)).agreed == {"gpu.count": 2}


def test_items_that_the_profile_means_are_taken() -> None:
    law = check("gpu.devices[*].width", "gpu.pcie_width", where={"label": {"matches": "profile.gpu.main"}})
    extends = {"name": "g", "values": {"gpu": {"main": "0$"}}, "sources": {}}
    assert capture.capture([law], {"a": gpus(16, 8), "b": gpus(16, 4)}, extends).agreed == {"gpu.pcie_width": 16}
    assert capture.capture([law], {"a": gpus(16, 8), "b": gpus(16, 4)}, EXTENDS).agreed == {}


STATE = check("nic.ports[*].width", "nic.width", where={"layer": "profile.nic.layer"})
COUNTED = check("nic.count", "nic.count")
ACTIVE = check("nic.ports[*].state", "nic.state", where={"layer": "profile.nic.layer"},
               applies={"profile": "nic.count", "defined": True})  # fmt: skip


def ports(*layers: str) -> dict[str, Any]:
    listed = [{"label": f"p{n}", "layer": layer, "width": 16, "state": "up"} for n, layer in enumerate(layers)]
    return {"nic": {"count": len(layers), "ports": listed}}


def test_what_says_which_items_are_meant_is_taken_where_all_are_alike() -> None:
    found = captured([STATE, COUNTED, ACTIVE], a=ports("IB", "IB"), b=ports("IB", "IB"))
    assert found.agreed == {"nic.layer": "IB", "nic.count": 2, "nic.width": 16, "nic.state": "up"}


def test_a_key_that_asks_for_items_nobody_can_name_is_not_taken() -> None:
    """A count of ports would switch on checks of which ports are up, and which are meant is not known."""
    found = captured([STATE, COUNTED, ACTIVE], a=ports("IB", "Ethernet"), b=ports("IB", "Ethernet"))
    assert found.agreed == {}
    assert found.differ == {"nic.layer": {"a": '"IB", "Ethernet"', "b": '"IB", "Ethernet"'}}


class TestFile:
    def test_it_loads_again_with_sources(self, tmp_path: Path) -> None:
        found = capture.Captured(
            {"host.cpu_sockets": 2, "nic.fabric.mtu": 9000, "nic.fabric.pfc_priorities": [3]}, {}, []
        )
        (tmp_path / "ours.yml").write_text(capture.text(HEAD, found))
        profile = catalogue.profile("ours", [tmp_path])
        assert profile["values"]["host"]["cpu_sockets"] == 2
        assert profile["values"]["nic"]["fabric"]["pfc_priorities"] == [3]
        assert profile["values"]["gpu"]["vendor"] == "any", "what it extends lies below it"
        assert profile["sources"]["nic.fabric.mtu"] == "captured from 2 hosts, run r1"

    @pytest.mark.parametrize(
        "evil", ['x\n"gpu: {vendor: amd}', "a\u2028b: c", "{{ lookup('pipe', 'id') }}", "# no", "\x00"]
    )
    def test_what_a_machine_shows_cannot_leave_its_line(self, evil: str) -> None:
        found = captured([SOCKETS], a=host(evil), b=host(evil))
        assert yaml.safe_load(capture.text(HEAD, found))["host"]["cpu_sockets"]["value"] == evil
        listed = captured([SOCKETS], a=host(evil), b=host(2))
        assert set(yaml.safe_load(capture.text(HEAD, listed))) == {"name", "title", "extends"}

    def test_simulated_hosts_are_told(self) -> None:
        text = capture.text({**HEAD, "simulated": True}, capture.Captured({"a.b": 1}, {}, []))
        assert "# SIMULATED" in text
        assert "captured from 2 SIMULATED hosts" in text


class TestRefusals:
    @pytest.fixture
    def options(self, tmp_path: Path) -> dict[str, Any]:
        directory = rundir.RunDirectory(str(tmp_path), "r1")
        for name in ("a", "b", "silent"):
            record = {"name": name, "simulated": False, "verdict": "ready"}
            directory.keep(record, None if name == "silent" else host(2))
        for name, check in (("broken", "gpu.count.minimum"), ("hung", "gpu.driver.state")):
            row = {"id": check, "status": "fail", "severity": "critical", "message": f"{name}: 0 GPUs"}
            record = {"name": name, "simulated": False, "verdict": "not_ready", "results": [row]}
            directory.keep(record, {**host(2), "gpu": {"pci_count": 0}})
        directory.keep({"name": "lab", "simulated": True, "verdict": "ready"}, host(2))
        return {"name": "ours", "title": None, "extends": "generic", "dest": "profiles/ours.yml", "hosts": ["a", "b"],
                "report_dir": str(tmp_path), "run_id": "r1", "check_dirs": [], "profile_dirs": [],
                "allow_single": False, "allow_simulated": False, "allow_not_ready": False}  # fmt: skip

    def test_two_real_hosts_are_enough(self, options: dict[str, Any]) -> None:
        said, text = _captured(options)
        assert (said["hosts"], said["not_ready"], said["simulated"]) == (["a", "b"], [], False)
        assert "cpu_sockets: {value: 2" in text

    @pytest.mark.parametrize(
        ("more", "problem"),
        [
            ({"hosts": ["a"]}, "1 golden hosts: what one machine shows may be its own fault"),
            ({"hosts": ["a", "a"]}, "1 golden hosts"),
            ({"hosts": []}, "0 golden hosts"),
            ({"hosts": [], "allow_single": True}, "no host: gave no facts"),
            ({"hosts": ["a", "silent"]}, "silent: gave no facts in run r1"),
            ({"hosts": ["a", "gone"]}, "gone: gave no facts in run r1"),
            ({"hosts": ["a", "lab"]}, "lab: simulated"),
            ({"run_id": "r0"}, "r0: there is no such run"),
            ({"extends": "generik"}, "unknown profile 'generik'"),
            ({"name": "Ours!"}, "a profile's name is"),
            ({"name": None}, "capture_name is not set"),
            ({"hosts": ["a", "broken"]}, r"run r1: broken \(broken: 0 GPUs\): not ready, .*allow_not_ready"),
            ({"dest": "profiles/theirs.yml"}, "names its file"),
        ],
    )
    def test_what_is_refused(self, options: dict[str, Any], more: dict[str, Any], problem: str) -> None:
        with pytest.raises(BadInput, match=problem):
            _captured({**options, **more})

    def test_what_broken_hosts_show_of_a_part_that_failed_is_not_written(self, options: dict[str, Any]) -> None:
        """Two hosts that lost their GPUs agree on a count of 0; that must never become what is wanted."""
        said, text = _captured({**options, "hosts": ["broken", "hung"], "allow_not_ready": True})
        assert (said["not_ready"], said["left_out"]) == (["broken", "hung"], ["gpu.count"])
        assert "gpu" not in yaml.safe_load(text)
        assert yaml.safe_load(text)["host"]["cpu_sockets"]["value"] == 2, "the parts that passed are taken"
        assert "#   gpu.count:\n#     broken: 0\n#     hung: 0" in text
        assert "# Not ready in that run: broken." in text

    def test_what_was_written_is_told(self, options: dict[str, Any]) -> None:
        said, unused = _captured({**options, "hosts": ["a", "broken"], "allow_not_ready": True})
        line = _told(Path("/p/ours.yml"), said, True, False)
        assert line.startswith(f"capture: wrote /p/ours.yml: {said['values']} values from a, broken (run r1)")
        assert line.endswith("NOT READY in that run: broken")
        assert _told(Path("/p/ours.yml"), said, True, True).startswith("capture: would write /p/ours.yml")

    def test_what_is_allowed_when_told(self, options: dict[str, Any]) -> None:
        assert _captured({**options, "hosts": ["a"], "allow_single": True})[0]["hosts"] == ["a"]
        assert _captured({**options, "hosts": ["a", "lab"], "allow_simulated": True})[0]["simulated"]

    def test_a_file_that_a_person_wrote_is_kept(self, tmp_path: Path) -> None:
        path = tmp_path / "ours.yml"
        assert _before(path, False) == ""
        path.write_text("name: ours\n")
        with pytest.raises(BadInput, match="was not captured"):
            _before(path, False)
        assert _before(path, True) == "name: ours\n"
        path.write_text(capture.text(HEAD, capture.Captured({}, {}, [])))
        assert capture.MARK in _before(path, False)
