"""What people write is refused with file, line and field when it is wrong."""

from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue, files, profiles
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput

CHECK = """\
- id: site.mount
  title: The scratch file system is mounted
  what: scratch
  phase: 3
  severity: major
  subject: storage.mounts[*].target
  expect: {eq: /scratch}
  covers: []
  source: site
  why: Jobs write there.
  fix: Mount it.
"""


@pytest.fixture(name="own")
def own_directory(tmp_path):
    directory = tmp_path / "checks"
    directory.mkdir()

    def write(text, name="site.yml"):
        (directory / name).write_text(text)
        return directory

    return write


def test_own_checks_are_added_and_take_the_place_of_shipped_ones(own):
    shipped = {check["id"] for check in catalogue.checks()}
    assert {check["id"] for check in catalogue.checks([own(CHECK)])} == shipped | {"site.mount"}
    name = sorted(shipped)[0]
    merged = catalogue.checks([own(CHECK.replace("site.mount", name))])
    assert next(check for check in merged if check["id"] == name)["title"] == "The scratch file system is mounted"


def test_an_override_changes_only_what_it_says(own):
    before = next(check for check in catalogue.checks() if check["id"] == "gpu.pcie.width")
    merged = catalogue.checks([own("- {override: gpu.pcie.width, severity: minor}\n")])
    assert next(check for check in merged if check["id"] == "gpu.pcie.width") == {**before, "severity": "minor"}
    assert len(merged) == len(catalogue.checks())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{override: gpu.pcie.widht, severity: minor}", "no check 'gpu.pcie.widht'; did you mean gpu.pcie.width?"),
        ("{override: [], severity: minor}", r"no check \[\]"),
        ("{override: gpu.pcie.width, id: gpu.pcie.width}", "it has an id already"),
        ("{override: gpu.pcie.width, severity: bad}", "severity 'bad' is none of"),
        ("{override: gpu.pcie.width, wat: x}", "unknown key 'wat'"),
    ],
)
def test_bad_overrides_are_refused(own, text, complaint):
    with pytest.raises(BadInput, match=rf"site\.yml:1: .*{complaint}"):
        catalogue.checks([own(f"- {text}\n")])


@pytest.mark.parametrize(
    ("old", "new", "line", "complaint"),
    [
        ("  severity: major\n", "", 1, "severity is missing"),
        ("severity: major", "severity: bad", 1, "severity 'bad' is none of"),
        ("phase: 3", "phase: 13", 1, "phase 13 is not a number from 0 to 12"),
        ("what: scratch", "wat: scratch", 1, "unknown key 'wat'"),
        ("{eq: /scratch}", "{equals: /scratch}", 1, "unknown operator 'equals'"),
        ("{eq: /scratch}", "[]", 1, "expect is a mapping"),
        ("{eq: /scratch}", "{in: []}", 1, "in: an empty list asks for nothing"),
        ("{eq: /scratch}", "{matches: '.*'}", 1, "matches everything, even nothing"),
        ("{eq: /scratch}", "{eq: profil.storage.scratch}", 1, "profil.storage.scratch: refers to nothing"),
        ("subject: storage.mounts[*].target\n  expect: {eq: /scratch}", "using: [a]", 1, "no registered function"),
        ("what: scratch", "what: scratch\n  where: {target: {equals: x}}", 1, "where: unknown operator 'equals'"),
        ("{eq: /scratch}", "{matches: '('}", 1, "not a regular expression"),
        ("subject: storage.mounts[*].target", "subject: 'storage['", 1, "not a path"),
        ("subject: storage.mounts[*].target\n  expect: {eq: /scratch}", "using: nothing", 1, "no registered function"),
        ("covers: []", "covers: [5.2]", 1, "covers is a list of seed items"),
        ("id: site.mount", "id: Site", 1, "id is lower-case words"),
        ("what: scratch", "what: scratch\n  what: twice", 4, "'what' stands twice"),
        ("what: scratch", "what: 'scratch", None, "not YAML"),
        ("what: scratch", "what: scratch\n  applies: {gpu: x}", 1, "applies asks one profile or fact path"),
    ],
)
def test_bad_checks_are_refused(own, old, new, line, complaint):
    assert old in CHECK
    with pytest.raises(BadInput, match=complaint) as refusal:
        catalogue.checks([own(CHECK.replace(old, new))])
    assert f"site.yml:{line}" in str(refusal.value) if line else "site.yml" in str(refusal.value)


def test_one_id_twice_names_both_places(own):
    with pytest.raises(BadInput, match=r"site.yml:12: site.mount: the id is taken at .*site.yml:1"):
        catalogue.checks([own(CHECK + CHECK)])


def test_directory_that_is_not_there(tmp_path):
    with pytest.raises(BadInput, match="not a directory"):
        catalogue.checks([tmp_path / "none"])


def test_unknown_profile_suggests_one():
    with pytest.raises(BadInput, match="unknown profile 'hgx_h10'; did you mean hgx_h100"):
        catalogue.profile("hgx_h10")


def test_profiles_extend_and_keep_their_sources(own):
    directory = own("name: a\nextends: b\ngpu: {count: {value: 8, source: vendor page}}\n", "a.yml")
    own("name: b\ngpu: {vendor: nvidia, count: 4}\nnic: {ports_min: 1}\n", "b.yml")
    found = catalogue.profile("a", [directory])
    assert found["values"] == {"gpu": {"vendor": "nvidia", "count": 8}, "nic": {"ports_min": 1}}
    assert found["sources"] == {"gpu.count": "vendor page"}


def test_profiles_in_a_circle_are_refused(own):
    directory = own("name: a\nextends: b\n", "a.yml")
    own("name: b\nextends: a\n", "b.yml")
    with pytest.raises(BadInput, match="a > b > a"):
        catalogue.profile("a", [directory])


@pytest.mark.parametrize("name", profiles.names())
def test_shipped_profiles_load(name):
    assert catalogue.profile(name)["values"]["gpu"]["vendor"] in ("nvidia", "amd", "gaudi", "none", "any")


WAIVER = "- check: gpu.pcie.width\n  owner: jo\n  reason: riser ordered\n  expires: 2027-01-31\n"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("  owner: jo\n", "", "w.yml:1: waiver of gpu.pcie.width: owner is missing"),
        ("owner: jo", "owner: [jo]", "w.yml:1: waiver of gpu.pcie.width: owner is a text"),
        ("owner: jo", "owner: jo\n  item:", "w.yml:1: waiver of gpu.pcie.width: item is a text, not None"),
        ("owner: jo", "owner: jo\n  item: 3", "w.yml:1: waiver of gpu.pcie.width: item is a text, not 3"),
        ("2027-01-31", "soon", "expires is a date"),
        ("gpu.pcie.width", "gpu.none", "there is no such check"),
        ("owner", "owner_", "unknown key 'owner_'"),
        ("owner: jo", "owner: jo\n  hosts: gpu-*", "hosts is a list"),
    ],
)
def test_bad_waivers_are_refused(tmp_path, old, new, complaint):
    path = tmp_path / "w.yml"
    path.write_text(WAIVER.replace(old, new))
    with pytest.raises(BadInput, match=complaint):
        catalogue.waivers(path, ["gpu.pcie.width"])


def test_waivers_are_read(tmp_path):
    path = tmp_path / "w.yml"
    path.write_text(WAIVER)
    (waiver,) = catalogue.waivers(path, ["gpu.pcie.width"])
    assert (waiver["expires"], waiver["hosts"], waiver["item"]) == ("2027-01-31", ["*"], None)


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    files.write(tmp_path / "a" / "f", "one")
    with pytest.raises(BadInput, match="cannot be written"):
        files.write(tmp_path / "a" / "f" / "below", "two")
    assert (tmp_path / "a" / "f").read_text() == "one"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["f"]
