# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Profiles in layers: hardware, baseline, site; which of them has a value, where it stands, how one is taken back."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.judge.engine import Ground, judge_check
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue, profiles
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput

AT = "2026-11-18T06:30:00Z"
WIDTH = {
    "id": "a.width", "title": "t", "what": "width", "phase": 5, "severity": "major", "covers": [], "source": "us",
    "why": "w", "fix": "f", "subject": "gpu.width", "expect": {"eq": "profile.gpu.pcie_width"},
}  # fmt: skip
CHECKS = catalogue.checks()
Write = Callable[..., Path]


@pytest.fixture
def own(tmp_path: Path) -> Write:
    """Write a file of a site's directory of profiles, and return the directory."""

    def write(text: str, name: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


def layer_of(profile: dict[str, Any], path: str) -> Any:
    here: Any = profile["layers"]
    for part in path.split("."):
        here = here[part]
    return here


def test_a_class_is_hardware_and_what_is_recommended() -> None:
    found = catalogue.profile("hgx_h200")
    assert layer_of(found, "gpu.memory_min_bytes") == "hardware hgx_h200"
    assert layer_of(found, "pci.nvswitch_width") == "hardware hgx_h100"
    assert layer_of(found, "gpu.vendor") == "hardware nvidia"
    assert layer_of(found, "host.cpu_governor") == "baseline recommended"
    assert found["baseline"] == "recommended"


def test_a_site_lies_over_both_and_says_so(own: Write) -> None:
    place = own("name: a01\nextends: hgx_h100\ngpu: {count: 4}\nhost: {cpu_governor: powersave}\n", "a01.yml")
    found = catalogue.profile("a01", [place])
    assert (found["values"]["gpu"]["count"], layer_of(found, "gpu.count")) == (4, "site a01")
    assert "gpu.count" not in found["sources"], "the data sheet does not say what the site says"
    assert (found["values"]["host"]["cpu_governor"], layer_of(found, "host.cpu_governor")) == ("powersave", "site a01")
    assert layer_of(found, "gpu.model") == "hardware hgx_h100"


def test_a_site_may_keep_the_name_of_its_hardware(own: Write) -> None:
    place = own("name: hgx_h100\nextends: hgx_h100\ngpu: {count: 4}\n", "hgx_h100.yml")
    assert catalogue.profile("hgx_h100", [place])["values"]["gpu"]["count"] == 4
    other = catalogue.profile("hgx_h200", [place])
    assert other["values"]["gpu"]["count"] == 8, "what hardware extends is hardware"


@pytest.mark.parametrize(
    ("text", "asked", "name"),
    [
        ("", None, "recommended"),
        ("baseline: none\n", None, "none"),
        ("baseline: ours\n", None, "ours"),
        ("baseline: ours\n", "none", "none"),
        ("", "ours", "ours"),
    ],
)
def test_the_baseline_is_chosen_by_name(own: Write, text: str, asked: str | None, name: str) -> None:
    own("name: ours\ntitle: Ours\nhost: {cpu_governor: ondemand}\n", "baseline/ours.yml")
    found = catalogue.profile("a01", [own(f"name: a01\nextends: hgx_h100\n{text}", "a01.yml")], asked)
    governor = {"recommended": "performance", "none": None, "ours": "ondemand"}[name]
    assert (found["baseline"], found["values"]["host"]["cpu_governor"]) == (name, governor)
    assert layer_of(found, "host.cpu_governor") == f"baseline {name}"
    assert found["values"]["gpu"]["count"] == 8, "hardware stays what it is"


def test_a_baseline_extends_another_and_speaks_of_machines(own: Write) -> None:
    place = own(
        "name: ours\nextends: recommended\nhost: {zombies_max: 5}\nwhen:\n"
        "  - machine: {gpu.vendor: [amd, gaudi]}\n    host: {zombies_max: 6}\n"
        "  - machine: {hardware: hgx_h100}\n    host: {zombies_max: 7}\n",
        "baseline/ours.yml",
    )
    zombies = {name: catalogue.profile(name, [place], "ours")["values"]["host"]["zombies_max"] for name in
               ("cpu_only", "mi300x", "hgx_h100", "hgx_h200")}  # fmt: skip
    assert zombies == {"cpu_only": 5, "mi300x": 6, "hgx_h100": 7, "hgx_h200": 7}
    assert catalogue.profile("cpu_only", [place], "ours")["values"]["time"]["stratum_max"] == 10


def test_a_profile_that_extends_nothing_stands_alone(own: Write) -> None:
    place = own("name: bare\ngpu: {vendor: any}\n", "bare.yml")
    assert catalogue.profile("bare", [place])["values"] == {"gpu": {"vendor": "any"}}
    assert "zombies_max" in catalogue.profile("bare", [place], "recommended")["values"]["host"]


def test_every_value_is_known_by_file_and_line(own: Write) -> None:
    place = own("name: a01\nextends: hgx_h100\ngpu:\n  count: {value: 4,\n    source: x}\n  mig: null\n", "a01.yml")
    (site,) = [layer for layer in profiles.layers("a01", [place]) if layer.kind == profiles.SITE]
    path = place / "a01.yml"
    assert site.stated == [
        profiles.Stated(("gpu", "count"), 4, "x", f"{path}:4", "site a01"),
        profiles.Stated(("gpu", "mig"), None, None, f"{path}:6", "site a01"),
    ]


def test_lines_are_those_of_the_shipped_files_too() -> None:
    for layer in profiles.layers("hgx_h100"):
        for stated in layer.stated if layer.name != "baseline none" else []:
            file, number = stated.where.rsplit(":", 1)
            line = Path(file).read_text(encoding="utf-8").splitlines()[int(number) - 1]
            assert stated.path[-1] in line, stated


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "name: a01\nextends: hgx_h10\n",
            r"unknown profile 'hgx_h10' \(extended by a01, .*a01.yml\); did you mean hgx_h",
        ),
        ("name: a01\nextends: hgx_h100\nbaseline: recomended\n", "baseline 'recomended'; did you mean recommended"),
        ("name: a01\nextends: hgx_h100\nbaseline: off\n", r"a01.yml:3: baseline is a text, this is False; write none"),
        ("name: a01\nextends: [hgx_h100]\n", "a01.yml:2: extends is a text"),
        ("name: a02\n", "a01.yml:1: name is 'a02', the file says 'a01'"),
        ("- a\n- b\n", "a profile is one mapping"),
        ("name: a01\nextends: a01\n", "unknown profile 'a01'"),
        ("name: a01\nsources: [x]\n", "a01.yml:2: sources is a mapping"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(own: Write, text: str, problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        catalogue.profile("a01", [own(text, "a01.yml")])


@pytest.mark.parametrize("when", ["{}", "[gpu]", "[{host: {smt: true}}]", "[{machine: {}}]", "[{machine: {1: a}}]"])
def test_a_baseline_says_of_which_machines_it_speaks(own: Write, when: str) -> None:
    with pytest.raises(BadInput, match=r"ours.yml:2: when is a list of mappings, each with a machine it is for"):
        catalogue.profile("hgx_h100", [own(f"name: ours\nwhen: {when}\n", "baseline/ours.yml")], "ours")


def test_a_message_names_the_layer() -> None:
    row = judge_check(WIDTH, Ground({"gpu": {"width": 8}}, catalogue.profile("hgx_h200"), AT))[0]
    assert row["message"] == "width is 8, expected 16 (hardware hgx_h200)"
    assert row["threshold_from"].startswith("hardware hgx_h200: PCIe Gen5 x16, MLPerf")


def test_what_a_site_takes_back_is_not_asked_for(own: Write) -> None:
    place = own("name: a01\nextends: hgx_h100\ngpu: {pcie_width: null}\n", "a01.yml")
    row = judge_check(WIDTH, Ground({"gpu": {"width": 8}}, catalogue.profile("a01", [place]), AT))[0]
    assert (row["status"], row["reason"]) == ("not_applicable", "site a01 asks for no gpu.pcie_width")


@pytest.mark.parametrize("name", profiles.names())
def test_data_sheets_and_recommendations_do_not_mix(name: str) -> None:
    """What a board is stands in hardware, what is recommended in a baseline; an empty default is neither."""
    found = profiles.layers(name)
    hardware = {each.path for layer in found if layer.kind == profiles.HARDWARE for each in layer.stated if each.value}
    advice = {each.path for layer in found if layer.kind == profiles.BASELINE for each in layer.stated if each.source}
    assert advice
    assert hardware & advice == set()


def unasked(profile: dict[str, Any], checks: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the checks that call it a gap that a profile states nothing."""
    rows = [judge_check(check, Ground({}, profile, AT))[0] for check in checks]
    return [(row["id"], row["reason"]) for row in rows if row["status"] == "unknown" and "states no" in row["reason"]]


def without(profile: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Return a profile whose site takes one value back."""
    changed = {**profile, "values": copy.deepcopy(profile["values"]), "layers": copy.deepcopy(profile["layers"])}
    for tree, value in ((changed["values"], None), (changed["layers"], "site a01")):
        for part in path[:-1]:
            tree = tree[part]
        tree[path[-1]] = value
    return changed


@pytest.mark.parametrize("name", profiles.names())
def test_whatever_is_recommended_can_be_taken_back(name: str) -> None:
    """Key by key and as a whole: a check that needs it does not apply any more, and that is no gap."""
    whole = catalogue.profile(name)
    assert unasked(whole, CHECKS) == []
    assert unasked(catalogue.profile(name, [], "none"), CHECKS) == []
    texts = {check["id"]: json.dumps(check) for check in CHECKS}
    for path, stated in profiles.laid(profiles.layers(name)).items():
        if stated.layer == "baseline recommended":
            concerned = [check for check in CHECKS if f"{'.'.join(path)}" in texts[check["id"]]]
            assert unasked(without(whole, path), concerned) == [], path
