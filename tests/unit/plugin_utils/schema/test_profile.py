# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A profile says what is declared and nothing else: all that is misspelt or mistyped is refused, with its line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.muster.fleet.plugins.module_utils.collect.node import wanted
from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue, profile_files
from ansible_collections.muster.fleet.plugins.plugin_utils.files import PROFILES, BadInput
from ansible_collections.muster.fleet.plugins.plugin_utils.schema import facts, profile
from ansible_collections.muster.fleet.plugins.plugin_utils.schema.values import Declaration

HEAD = "name: mine\nextends: generic\n"
KEYS = profile.keys()
SHIPPED = sorted(PROFILES.rglob("*.yml"))


def loaded(tmp_path: Path, text: str) -> dict[str, Any]:
    (tmp_path / "mine.yml").write_text(HEAD + text, encoding="utf-8")
    return catalogue.profile("mine", [tmp_path])


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(BadInput) as caught:
        loaded(tmp_path, text)
    return str(caught.value)


def nested(path: str, value: Any) -> str:
    """Return a profile's text that states one key."""
    tree: Any = value
    for name in reversed(path.split(".")):
        tree = {name: tree}
    return yaml.safe_dump(tree)


def sample(declared: Declaration) -> Any:
    """Return a value that a key may hold."""
    if declared.choices:
        return declared.choices[0]
    scalars = {"boolean": True, "integer": 7, "number": 0.5, "text": "a", "version": "1.2", "pattern": "^a$", "any": 1,
               "address": "10.0.0.1:22", "server": "https://a.example:8443"}  # fmt: skip
    if declared.type in ("entries", "record"):
        fields = {name: _of(kind.rstrip("!"), scalars) for name, kind in (declared.fields or {}).items()}
        return [fields] if declared.type == "entries" else {"any name": fields} if declared.keys else fields
    return _of(declared.type, scalars)


def _of(kind: str, scalars: dict[str, Any]) -> Any:
    if kind.startswith("list of "):
        return [scalars[kind.removeprefix("list of ")]]
    return {"a": scalars[kind.removeprefix("mapping of ")]} if kind.startswith("mapping of ") else scalars[kind]


@pytest.mark.parametrize("path", sorted(KEYS))
class TestEveryKey:
    def test_is_taken_with_a_value_of_its_type(self, path: str, tmp_path: Path) -> None:
        assert loaded(tmp_path, nested(path, sample(KEYS[path])))
        assert loaded(tmp_path, nested(path, {"value": sample(KEYS[path]), "source": "us"}))["sources"][path] == "us"

    def test_is_switched_off_by_null(self, path: str, tmp_path: Path) -> None:
        assert loaded(tmp_path, nested(path, None))

    def test_is_refused_misspelt_and_the_right_one_is_named(self, path: str, tmp_path: Path) -> None:
        said = refusal(tmp_path, nested(f"{path}s", sample(KEYS[path])))
        assert f"{path}s: unknown key" in said
        assert "did you mean" in said
        assert f"mine.yml:{len(HEAD.splitlines()) + len(path.split('.'))}: " in said

    def test_is_refused_in_another_section(self, path: str, tmp_path: Path) -> None:
        assert "unknown key" in refusal(tmp_path, nested(f"extra.{path}", sample(KEYS[path])))

    def test_is_refused_as_one_word_with_dots(self, path: str, tmp_path: Path) -> None:
        assert "unknown key" in refusal(tmp_path, yaml.safe_dump({path: sample(KEYS[path])}))

    def test_is_refused_with_a_value_of_another_type(self, path: str, tmp_path: Path) -> None:
        wrong: Any = 5 if KEYS[path].type in ("boolean", "entries", "record") else {"x": []}
        wrong = 5 if KEYS[path].type.startswith(("list", "mapping")) else wrong
        assert f" {path}" in refusal(tmp_path, nested(path, wrong))

    def test_is_refused_with_a_misspelt_source(self, path: str, tmp_path: Path) -> None:
        said = refusal(tmp_path, nested(path, {"value": sample(KEYS[path]), "sorce": "us"}))
        assert "did you mean source?" in said

    def test_is_read_by_a_check_or_a_collector(self, path: str, tmp_path: Path) -> None:
        """A key that nobody reads is a wish that nobody judges."""
        read = {key for check in catalogue.checks() for key in facts.profile_keys(check)}
        asked = wanted(loaded(tmp_path, nested(path, sample(KEYS[path])))["values"])
        assert any(key == path or key.startswith(f"{path}.") for key in read) or asked != wanted(
            loaded(tmp_path, nested(path, None))["values"]
        )


@pytest.mark.parametrize("path", sorted(profile.sections()))
@pytest.mark.parametrize("value", [None, [], "all", 3])
def test_section_that_holds_no_keys_is_refused(path: str, value: Any, tmp_path: Path) -> None:
    """An empty section would take away everything that is stated below it."""
    assert f"{path}: is a section" in refusal(tmp_path, nested(path, value))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("storage: {used_percent_maximum: 80}", "storage.used_percent_maximum: unknown key; did you mean used_"),
        ("gpu: {pcie_widht: 8}", "gpu.pcie_widht: unknown key; did you mean pcie_width?"),
        ("nic: {fabrik: {count: 9}}", "nic.fabrik: unknown key; did you mean fabric?"),
        ("gpuu: {count: 9}", "gpuu: unknown key; did you mean gpu?"),
        ("extend: hgx_h100", "extend: unknown key; did you mean extends?"),
        ("gpu: {count: eight}", "gpu.count: 'eight': a whole number"),
        ("gpu: {count: -1}", "gpu.count: -1: a whole number from 0"),
        ("gpu: {count: true}", "gpu.count: True: a whole number"),
        ("gpu: {temperature_max_c: .nan}", "a number from 0 is expected"),
        ("gpu: {cuda_min: 12.2}", "gpu.cuda_min: 12.2: a text is expected (in quotes"),
        ("gpu: {model: '['}", "gpu.model: '[': not a regular expression"),
        ("gpu: {model: ''}", "this one is empty"),
        ("gpu: {model: '.*'}", "gpu.model: '.*': it matches everything, even nothing"),
        ("nic: {fabric: {device: 'mlx5|'}}", "nic.fabric.device: 'mlx5|': it matches everything"),
        ("gpu: {vendor: nvidai}", "gpu.vendor: 'nvidai' is none of any, none, nvidia, amd, gaudi; did you"),
        ("storage: {used_percent_max: 800}", "storage.used_percent_max: 800 is more than 100 percent"),
        ("security: {ssh_root_login: [no]}", "security.ssh_root_login: in its list: False: a text is expected"),
        ("cluster: {endpoints: [{name: a, att: b}]}", "entry 1: att: unknown key; did you mean at?"),
        ("cluster: {endpoints: [{name: a}]}", "entry 1: at is missing"),
        ("cluster: {exporters: {name: a}}", "a list of entries is expected"),
        ("cluster: {slurm: {accunts: [a]}}", "cluster.slurm.accunts: unknown key; did you mean accounts?"),
        ("cluster: {kubelet: {resources: {nvidia.com/gpu: eight}}}", "cluster.kubelet.resources.nvidia.com/gpu"),
        ("firmware: {machines: {X1: {dims: 3}}}", "firmware.machines.X1.dims: unknown key; did you mean dimms?"),
        ("sources: {gpuu: us}", "sources.gpuu: no such key or section; did you mean gpu?"),
        ("sources: {gpu: ''}", "sources.gpu: a text is expected"),
        ("sources: [gpu]", "sources is a mapping of paths to texts"),
    ],
)  # fmt: skip
def test_refusal_names_file_line_and_key(text: str, complaint: str, tmp_path: Path) -> None:
    said = refusal(tmp_path, text)
    assert complaint in said
    assert said.startswith(f"{tmp_path}/mine.yml:3: ")


def test_what_is_extended_is_read_as_closely(tmp_path: Path) -> None:
    (tmp_path / "below.yml").write_text("name: below\nextends: generic\ngpu:\n  count: 8\n  cuont: 9\n")
    (tmp_path / "mine.yml").write_text("name: mine\nextends: below\n")
    with pytest.raises(BadInput, match=r"below\.yml:5: gpu\.cuont: unknown key; did you mean count\?"):
        catalogue.profile("mine", [tmp_path])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_profile_says_nothing_that_is_not_declared(path: Path) -> None:
    assert profile_files.read(path, path.parent.name)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("gpu: {cuont: 3}", "own.yml:2: gpu.cuont: unknown key; did you mean count?"),
        (
            "when:\n- machine: {gpu.vendro: amd}\n  gpu: {ecc: true}",
            "own.yml:3: when.0.machine.gpu.vendro: no such",
        ),
        (
            "when:\n- machine: {gpu.vendor: amd}\n  gpu: {eec: true}",
            "own.yml:4: when.0.gpu.eec: unknown key; did",
        ),
        ("baseline: none", "own.yml:2: baseline: unknown key"),
    ],
)
def test_baseline_is_read_as_closely(text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "baseline").mkdir()
    (tmp_path / "baseline" / "own.yml").write_text(f"name: own\n{text}\n", encoding="utf-8")
    (tmp_path / "mine.yml").write_text("name: mine\nextends: hgx_h100\nbaseline: own\n", encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        catalogue.profile("mine", [tmp_path])
    assert complaint in str(caught.value)


def described(tmp_path: Path, machine: str) -> None:
    """Load a profile whose baseline is for machines that ``machine`` describes."""
    (tmp_path / "baseline").mkdir(exist_ok=True)
    text = f"name: own\nwhen:\n- machine: {machine}\n  gpu: {{ecc: true}}\n"
    (tmp_path / "baseline" / "own.yml").write_text(text, encoding="utf-8")
    (tmp_path / "mine.yml").write_text("name: mine\nextends: hgx_h100\nbaseline: own\n", encoding="utf-8")
    catalogue.profile("mine", [tmp_path])


@pytest.mark.parametrize(
    ("machine", "complaint"),
    [
        ("{gpu.vendor: nvida}", "gpu.vendor: 'nvida' is none of"),
        ("{gpu.vendor: nvida}", "did you mean nvidia?"),
        ("{gpu.vendor: [amd, nvida]}", "did you mean nvidia?"),
        ("{gpu.vendor: null}", "gpu.vendor: a value is expected, not null"),
        ("{gpu.vendor: [amd, null]}", "gpu.vendor: a value is expected, not null"),
        ("{gpu.vendor: []}", "gpu.vendor: an empty list"),
        ("{gpu.vendor: {value: amd}}", "gpu.vendor: {'value': 'amd'}: a text is expected"),
        ('{gpu.count: "8"}', "gpu.count: '8': a whole number"),
        ("{gpu.count: true}", "gpu.count: True: a whole number"),
        ("{gpu.count: [4, eight]}", "gpu.count: 'eight': a whole number"),
        ("{gpu.compute_capability: 9.0}", "gpu.compute_capability: 9.0: a text is expected"),
        ("{time.daemons: [5]}", "time.daemons: 5: a text is expected"),
        ("{cluster.paths: [a]}", "cluster.paths: no machine can be described by it"),
        ("{hardware: hgx_h10}", "did you mean hgx_h100?"),
        ("{hardware: [hgx_h100, mi300xx]}", "did you mean mi300x?"),
        ("{hardware: null}", "hardware: a value is expected, not null"),
        ("{hardwear: hgx_h100}", "hardwear: no such key; did you mean hardware?"),
    ],
)
def test_machine_of_a_baseline_is_described_by_values_that_there_are(
    machine: str, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput) as caught:
        described(tmp_path, machine)
    assert str(caught.value).startswith(f"{tmp_path}/baseline/own.yml:3: when.0.machine.")
    assert complaint in str(caught.value)


@pytest.mark.parametrize("path", sorted(path for path in KEYS if KEYS[path].type not in ("entries", "record")))
def test_machine_of_a_baseline_is_held_against_the_declaration_of_every_key(path: str, tmp_path: Path) -> None:
    if not KEYS[path].type.startswith("mapping"):
        described(tmp_path, yaml.safe_dump({path: sample(KEYS[path])}, default_flow_style=True).strip())
    for wrong in ({"x": []}, None, [None]):
        with pytest.raises(BadInput, match=rf"own\.yml:3: when\.0\.machine\.{path}"):
            described(tmp_path, yaml.safe_dump({path: wrong}, default_flow_style=True).strip())


def test_machine_of_a_baseline_may_be_hardware_of_the_site(tmp_path: Path) -> None:
    (tmp_path / "hardware").mkdir()
    (tmp_path / "hardware" / "our_board.yml").write_text("name: our_board\nextends: generic\n", encoding="utf-8")
    described(tmp_path, "{hardware: [our_board, hgx_h100]}")
    with pytest.raises(BadInput, match=r"did you mean our_board\?"):
        described(tmp_path, "{hardware: our_bord}")


ADDRESSES = ["10.0.0.1:22", "db-1.example.org:5432", "db.example.org.:1", "h_1:65535", "[::1]:80", "[fe80::1%eth0]:80"]
NO_ADDRESSES = [
    *("10.0.0.1", "10.0.0.1:", ":22", "10.0.0.1:0", "10.0.0.1:99999", "10.0.0.1:65536", "10.0.0.1:ssh", "10.0.0.1:-1"),
    *("::1:80", "[::1]", "[::g]:80", "[10.0.0.1:80", "10.0.0.300:22", "1.2.3:22", "a b:22", "a..b:22", "-a:22"),
    *("a:22/path", "http://a:22", "user@a:22", "a,b:22", f"{'a' * 64}:22", "a:22\n", "a:\u0662\u0662", " a:22"),
    *("[10.0.0.1]:22", "", None, 22, ["a:22"]),
]
SERVERS = [*ADDRESSES, "http://a.example", "https://10.0.0.1:8443", "http://[::1]:80", "https://[::1]"]
NO_SERVERS = [
    *(one for one in NO_ADDRESSES if one not in ("http://a:22",)),
    *("http://", "https://a:99999", "http://a:0", "http://a/path", "http://a:80/", "ftp://a:21", "a.example"),
    *("http://http://a:80", "http:/a:80", "http://user:secret@a:80", "/run/docker.sock"),
]
KINDS = {"address": (ADDRESSES, NO_ADDRESSES), "server": (SERVERS, NO_SERVERS)}
PLACES = [
    (path, field, kind.rstrip("!"))
    for path, declared in KEYS.items()
    for field, kind in (declared.fields or {}).items()
    if kind.rstrip("!") in KINDS
]


def place_of(path: str, field: str, value: Any) -> str:
    fields = {name: "a" for name, kind in (KEYS[path].fields or {}).items() if kind.endswith("!")}
    return nested(path, [{**fields, field: value}])


@pytest.mark.parametrize(("path", "field", "kind"), PLACES, ids=[f"{path}.{field}" for path, field, _ in PLACES])
def test_place_on_the_network_is_one(path: str, field: str, kind: str, tmp_path: Path) -> None:
    good, bad = KINDS[kind]
    for value in good:
        assert loaded(tmp_path, place_of(path, field, value))
    for value in bad:
        said = refusal(tmp_path, place_of(path, field, value))
        assert said.startswith(f"{tmp_path}/mine.yml:4: {path}: entry 1: {field}")


def test_every_place_that_is_asked_over_the_network_is_declared_as_one() -> None:
    named = {(path, field) for path in KEYS for field in KEYS[path].fields or {} if field in ("at", "to")}
    assert named == {(path, field) for path, field, unused in PLACES}


class TestOwn:
    """A site's own checks expect what no declared key says."""

    CHECK = (
        "- {id: site.beds, title: T, what: w, phase: 3, severity: minor, covers: [], source: us, why: w, fix: f,\n"
        "   subject: host.uptime_s, expect: {ge: profile.own.uptime_s}}\n"
    )

    def read(self, tmp_path: Path) -> Iterator[str]:
        (tmp_path / "checks").mkdir(exist_ok=True)
        (tmp_path / "checks" / "site.yml").write_text(self.CHECK, encoding="utf-8")
        return (key for check in catalogue.checks([tmp_path / "checks"]) for key in facts.profile_keys(check))

    def test_value_that_a_check_reads_is_taken(self, tmp_path: Path) -> None:
        values = loaded(tmp_path, "own: {uptime_s: 60}\n")["values"]
        profile.refuse_unread(values, self.read(tmp_path))
        assert values["own"] == {"uptime_s": 60}

    def test_value_that_no_check_reads_is_refused(self, tmp_path: Path) -> None:
        values = loaded(tmp_path, "own: {uptime: {value: 60, source: us}}\n")["values"]
        with pytest.raises(BadInput, match=r"own\.uptime: no check reads it; did you mean own\.uptime_s\?"):
            profile.refuse_unread(values, self.read(tmp_path))
