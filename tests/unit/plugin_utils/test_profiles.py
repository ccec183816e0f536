# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The shipped profiles: each class is there, states where its numbers are from, and differs where the machines do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue, profiles
from ansible_collections.muster.fleet.plugins.plugin_utils.files import PROFILES

NAMES = profiles.names()
SITE = Path(__file__).resolve().parents[3] / "inventories" / "lab-site" / "profiles"
WANTED = {"hgx_h100", "hgx_h200", "dgx_b200", "gb200_tray", "mi300x", "mi325x", "gaudi3", "cpu_only", "generic"}
BUILT_ON = {"hgx_h200": "hgx_h100", "dgx_b200": "hgx_h100", "mi325x": "mi300x"}


def numbers(tree: Any, path: str = "") -> Any:
    """Yield (path, source or None) of every number that a file states itself."""
    if isinstance(tree, dict) and "value" in tree and set(tree) <= {"value", "source"}:
        if isinstance(tree["value"], (int, float)) and not isinstance(tree["value"], bool):
            yield path, tree.get("source")
    elif isinstance(tree, dict):
        for key, part in tree.items():
            yield from numbers(part, f"{path}.{key}")
    elif isinstance(tree, (int, float)) and not isinstance(tree, bool):
        yield path, None


def test_every_class_is_there() -> None:
    assert set(NAMES) >= WANTED


@pytest.mark.parametrize("name", sorted(BUILT_ON))
def test_a_class_builds_on_the_nearest_one_and_has_its_sections(name: str) -> None:
    raw = yaml.safe_load((PROFILES / "hardware" / f"{name}.yml").read_text(encoding="utf-8"))
    assert raw["extends"] == BUILT_ON[name]
    assert set(catalogue.profile(name)["values"]) == set(catalogue.profile(BUILT_ON[name])["values"])


@pytest.mark.parametrize("name", sorted(BUILT_ON))
def test_every_number_says_where_it_is_from(name: str) -> None:
    raw = yaml.safe_load((PROFILES / "hardware" / f"{name}.yml").read_text(encoding="utf-8"))
    assert [path for path, source in numbers(raw) if not source] == []


def stated(tree: Any, path: str = "") -> Any:
    """Yield the path of every value that asks for something."""
    if isinstance(tree, dict):
        for key, part in tree.items():
            yield from stated(part, f"{path}.{key}" if path else str(key))
    elif tree not in (None, []):
        yield path


@pytest.mark.parametrize("name", NAMES)
def test_every_value_of_every_class_has_a_source(name: str) -> None:
    profile = catalogue.profile(name)
    sources = profile["sources"]
    assert [
        path
        for path in stated(profile["values"])
        if not any(path == known or path.startswith(f"{known}.") for known in sources)
    ] == []
    assert all(len(source) > 3 for source in sources.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_default_source_is_about_something_that_the_class_states(name: str) -> None:
    raw = yaml.safe_load((PROFILES / "hardware" / f"{name}.yml").read_text(encoding="utf-8"))
    for path in raw.get("sources", {}):
        here: Any = raw
        for part in path.split("."):
            assert part in here, f"{name}: sources names {path}, which it does not state"
            here = here[part]


def test_a_value_with_a_source_of_its_own_keeps_it() -> None:
    sources = catalogue.profile("hgx_h100", [SITE])["sources"]
    assert sources["gpu.count"] == "HGX H100 8-GPU baseboard"
    assert sources["gpu.fabric"].startswith("a healthy HGX H100 node")
    assert sources["gpu.persistence"].startswith("how a node that is given out whole")
    assert sources["firmware.machines.SIM-HGX-H100.dimms"].startswith("the simulated rack")


@pytest.mark.parametrize(
    ("name", "model", "other"),
    [
        ("hgx_h200", "NVIDIA H200", "NVIDIA H200 NVL"),
        ("hgx_h200", "NVIDIA H200", "NVIDIA H100 80GB HBM3"),
        ("dgx_b200", "NVIDIA B200", "NVIDIA GB200"),
        ("mi325x", "AMD Instinct MI325X", "AMD Instinct MI300X"),
    ],
)
def test_a_class_knows_its_own_accelerator(name: str, model: str, other: str) -> None:
    import re

    pattern = catalogue.profile(name)["values"]["gpu"]["model"]
    assert re.search(pattern, model)
    assert not re.search(pattern, other)


def test_a_value_can_be_taken_back() -> None:
    """NVLink 5 switches are no PCI functions: the check of the class it builds on must not apply."""
    assert catalogue.profile("hgx_h100")["values"]["pci"]["nvswitch_count"] == 4
    assert catalogue.profile("dgx_b200")["values"]["pci"]["nvswitch_count"] is None


@pytest.mark.parametrize(("small", "big"), [("hgx_h100", "hgx_h200"), ("hgx_h200", "dgx_b200"), ("mi300x", "mi325x")])
def test_memory_tells_the_classes_apart(small: str, big: str) -> None:
    sizes = [catalogue.profile(name)["values"]["gpu"]["memory_min_bytes"] for name in (small, big)]
    assert sizes[1] > sizes[0] * 1.1
