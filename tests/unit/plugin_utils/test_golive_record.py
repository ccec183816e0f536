# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record is signed, never says APPROVE otherwise, and no longer holds once anything it rests on has changed."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.muster.fleet.plugins.plugin_utils import golive, golive_input, golive_record, signing
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput
from ansible_collections.muster.fleet.tests.unit.plugin_utils.ceremony import LEAD, NOW, RUN_ID, SITE, Place

DAY = datetime.timedelta(days=1)


@pytest.fixture(name="built", scope="module")
def built_fixture(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("golive")).build()


@pytest.fixture(name="place")
def place_fixture(built: Place, tmp_path: Path) -> Place:
    return built.copy(tmp_path)


def make(place: Place, now: datetime.datetime = NOW, who: str = LEAD, key: Any = ...) -> golive_record.Made:
    places = golive_record.Places(place.run, place.attestations, place.signers, place.wish, SITE)
    key = place.keys[LEAD] if key is ... else key
    return golive_record.make(places, golive_record.Terms(24, 2), now, who, str(key) if key else None)


def kept(place: Place, **options: Any) -> dict[str, Any]:
    made = make(place, **options)
    golive_record.keep(made, place.record)
    return made.record


def check(place: Place, now: datetime.datetime = NOW) -> list[str]:
    return golive_record.check(place.record, place.signers, now)[1]


def test_an_approval_is_signed_and_holds(place: Place) -> None:
    record = kept(place)
    assert (record["decision"], record["reasons"], record["signed_by"]) == ("APPROVE", [], LEAD)
    assert check(place) == []
    assert check(place, NOW + 3 * DAY) == [], "that a run grows old does not undo a decision"
    assert "DECISION: APPROVE" in place.record.with_suffix(".md").read_text()


def test_it_names_the_hash_of_everything_it_rests_on(place: Place) -> None:
    rests_on = {entry["what"]: entry for entry in kept(place)["rests_on"]}
    assert len([what for what in rests_on if what.startswith("golive:")]) == 5
    assert {"run", "decisions", "rollback plan", *golive_input.ATTESTED} <= set(rests_on)
    for entry in rests_on.values():
        assert signing.sha256(place.run.parent / entry["file"]) == entry["sha256"]


def test_the_key_itself_is_in_no_record(place: Place) -> None:
    kept(place)
    secret = place.keys[LEAD].read_text().splitlines()[1]
    for path in place.run.parent.iterdir():
        assert secret not in path.read_text()


@pytest.mark.parametrize("options", [{"key": None}, {"who": ""}], ids=["no key", "nobody"])
def test_without_a_key_it_is_never_approved(place: Place, options: dict[str, Any]) -> None:
    record = kept(place, **options)
    assert record["decision"] == "REJECT"
    assert any("the record is not signed" in reason for reason in record["reasons"])
    assert not golive_record.signature_of(place.record).exists()
    assert check(place)


@pytest.mark.parametrize("who", ["who-1", "stranger"])
def test_a_signature_that_nobody_will_believe_is_no_approval(place: Place, who: str) -> None:
    record = kept(place, who=who)
    assert record["decision"] == "REJECT"
    assert "not signed in a way that can be verified" in record["reasons"][0]


def test_one_who_may_only_attest_cannot_sign_the_decision(place: Place) -> None:
    record = kept(place, who="ops", key=place.keys["ops"])
    assert "the key of ops is not allowed to sign for muster-golive" in record["reasons"][0]


def test_a_wrong_key_path_is_an_error(place: Place) -> None:
    with pytest.raises(BadInput, match="there is no signing key"):
        make(place, key=place.place / "none")


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _forge(place: Place) -> None:
    """Let somebody who may only attest put their own name and signature under the record."""
    record = json.loads(place.record.read_text()) | {"signed_by": "ops"}
    place.record.write_text(json.dumps(record))
    signature = signing.sign(place.record.read_bytes(), str(place.keys["ops"]), signing.GO_LIVE)
    golive_record.signature_of(place.record).write_bytes(signature)


TAMPERED: dict[str, tuple[Callable[[Place], Any], str]] = {
    "record": (lambda p: _edit(p.record, "Rack a01", "Rack a02"), "the record cannot be relied on: its text"),
    "signature gone": (lambda p: golive_record.signature_of(p.record).unlink(), "it is not signed"),
    "signature damaged": (lambda p: golive_record.signature_of(p.record).write_text("x"), "its signature is damaged"),
    "signed by another": (_forge, "the key of ops is not allowed to sign for muster-golive"),
    "signer struck off": (lambda p: p.signers.write_text(""), "signed by a key that"),
    "run": (lambda p: _edit(p.run, '"gpu-1"', '"gpu-9"'), "run: run.json has changed"),
    "run gone": (lambda p: p.run.unlink(), "run: run.json is not there any more"),
    "sign-off": (
        lambda p: _edit(p.attestations / "qa-engineer.yml", "So it is", "So be it"),
        "qa-engineer.yml has changed",
    ),
    "sign-off gone": (lambda p: (p.attestations / "qa-engineer.yml").unlink(), "qa-engineer.yml is not there any more"),
    "sign-off unsigned": (
        lambda p: (p.attestations / "qa-engineer.yml.sig").unlink(),
        "sign-off QA Engineer: not valid",
    ),
    "attestation": (lambda p: _edit(p.attestations / "a2.yml", "So it is", "So be it"), "a2.yml has changed"),
    "decisions": (lambda p: _edit(p.wish, "who-0", "who-1"), "decisions: ../../inventory/golive.yml has changed"),
    "plan": (lambda p: (p.inventory / "rollback.md").write_text(""), "rollback plan: ../../inventory/rollback.md has"),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_it_does_not_hold_once_anything_was_tampered_with(place: Place, case: str) -> None:
    spoil, said = TAMPERED[case]
    kept(place)
    assert check(place) == []
    spoil(place)
    changes = check(place)
    assert any(said in change for change in changes), changes


def test_sign_offs_expire_under_a_record(place: Place) -> None:
    kept(place)
    last = datetime.datetime(2026, 12, 1, 23, 59, tzinfo=datetime.timezone.utc)
    assert check(place, last) == []
    assert len([change for change in check(place, last + DAY) if "it expired on 2026-12-01" in change]) == 8


def test_a_signed_approval_that_its_own_files_do_not_bear_out_does_not_hold(place: Place) -> None:
    decisions = yaml.safe_load(place.wish.read_text())
    decisions["risks"]["security"]["accepted"] = False
    place.wish.write_text(yaml.safe_dump(decisions))
    record = kept(place) | {"decision": "APPROVE", "reasons": []}
    place.record.write_text(json.dumps(record))
    signature = signing.sign(place.record.read_bytes(), str(place.keys[LEAD]), signing.GO_LIVE)
    golive_record.signature_of(place.record).write_bytes(signature)
    assert check(place) == ["the security risk is not accepted"]


def test_a_rejection_never_holds(place: Place) -> None:
    (place.attestations / "qa-engineer.yml").unlink()
    assert kept(place)["decision"] == "REJECT"
    assert check(place) == ["its decision was REJECT"]


def test_the_whole_may_move(place: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    kept(place)
    elsewhere = tmp_path_factory.mktemp("archive") / "a01"
    place.place.rename(elsewhere)
    record, signers = elsewhere / "reports" / RUN_ID / place.record.name, elsewhere / "inventory" / "allowed_signers"
    assert golive_record.check(record, signers, NOW)[1] == []


def test_runs_may_lie_on_another_disk(place: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("disk") / "deeper" / "reports"
    elsewhere.parent.mkdir()
    (place.place / "reports").rename(elsewhere)
    (place.place / "reports").symlink_to(elsewhere)
    evidence = {"file": str(elsewhere / RUN_ID / "run.json"), "sha256": signing.sha256(place.run)}
    for number, role in enumerate(golive_input.ROLES):
        name, item = f"{golive.slug(role)}.yml", golive.signoff_item(RUN_ID, role)
        place.attest(name, item, f"who-{number}", role, evidence)
    assert kept(place)["decision"] == "APPROVE"
    assert check(place) == []


def test_deciding_again_changes_nothing_until_something_has_changed(place: Place) -> None:
    kept(place)
    assert golive_record.is_kept(make(place, NOW + DAY / 4), place.record)
    (place.attestations / "qa-engineer.yml.sig").unlink()
    made = make(place, NOW + DAY / 4)
    assert not golive_record.is_kept(made, place.record)
    assert made.record["decision"] == "REJECT"


def test_a_damaged_signature_is_made_anew(place: Place) -> None:
    kept(place)
    golive_record.signature_of(place.record).write_text("x")
    assert not golive_record.is_kept(make(place, NOW + DAY / 4), place.record)


BAD_RUNS = {
    "not JSON": ("{", "cannot be read"),
    "a list": ("[]", "is not one JSON object"),
    "another schema": ('{"schema_version": 2}', "has schema version 2, this release reads 1"),
    "half a run": ('{"schema_version": 1}', "is not the document of a run: run_id"),
    "hosts without results": (
        '{"schema_version": 1, "run_id": "x", "verdict": "ready", "hosts": {"a": {}}, "fleet": [], "catalogue": {}}',
        "document of a run: expected_hosts, hosts",
    ),
}


@pytest.mark.parametrize("case", BAD_RUNS)
def test_what_is_no_run_is_an_error(place: Place, case: str) -> None:
    text, said = BAD_RUNS[case]
    place.run.write_text(text)
    with pytest.raises(BadInput, match=said):
        make(place)


def test_runs_are_found_by_id_directory_and_file(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    base = str(place.place / "reports")
    monkeypatch.chdir(place.place)
    for named in (None, "", RUN_ID, f"reports/{RUN_ID}", f"reports/{RUN_ID}/run.json"):
        assert golive_record.find_run(base, named) == place.run
    with pytest.raises(BadInput, match="there is no such finished run"):
        golive_record.find_run(base, "nightly")
    with pytest.raises(BadInput, match="holds no finished run"):
        golive_record.find_run(str(place.inventory), None)


BAD_RECORDS = [
    "[]",
    "{",
    '{"schema_version": 9}',
    '{"schema_version": 1, "rests_on": [{}], "reasons": [], "signoffs": []}',
]


@pytest.mark.parametrize("text", BAD_RECORDS)
def test_what_is_no_record_is_an_error(place: Place, text: str) -> None:
    place.record.write_text(text)
    with pytest.raises(BadInput, match=r"golive-.*\.json: "):
        check(place)


def edited(place: Place, **changed: Any) -> None:
    place.wish.write_text(yaml.safe_dump({**yaml.safe_load(place.wish.read_text()), **changed}))


MALFORMED = {
    "unknown key": ({"risk": {}}, "golive.yml:1: unknown key 'risk'"),
    "unknown area": ({"risks": {"legal": {"accepted": True}}}, "risks: unknown key 'legal'"),
    "accepted by nobody": ({"risks": {"security": {"accepted": True}}}, "risks: security: by is missing"),
    "accepted in words": ({"risks": {"security": {"accepted": "maybe"}}}, "accepted is true or false, not 'maybe'"),
    "unknown severity": (
        {"issues": [{"title": "x", "severity": "bad", "status": "open"}]},
        "issues: 1: severity is one of",
    ),
    "unknown status": (
        {"issues": [{"title": "x", "severity": "low", "status": "gone"}]},
        "issues: 1: status is one of",
    ),
    "no workaround": ({"issues": [{"title": "x", "severity": "low", "status": "workaround"}]}, "resolution is missing"),
    "issues in words": ({"issues": "none"}, "issues is a list, not str"),
    "nobody signs": ({"signoffs": []}, "somebody has to sign off"),
    "sign-off without role": ({"signoffs": [{"who": ["x"]}]}, "signoffs: 1: role is missing"),
    "who in words": ({"signoffs": [{"role": "QA", "who": "x"}]}, "signoffs: 1: who is a list"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_decisions_that_cannot_be_understood_are_an_error(place: Place, case: str) -> None:
    changed, said = MALFORMED[case]
    edited(place, **changed)
    with pytest.raises(BadInput, match=said):
        make(place)


def test_decisions_that_nobody_wrote_down_are_an_error(place: Place) -> None:
    place.wish.unlink()
    with pytest.raises(BadInput, match=r"golive\.yml"):
        make(place)


def test_an_empty_file_of_decisions_is_an_error(place: Place) -> None:
    place.wish.write_text("")
    with pytest.raises(BadInput, match="is one mapping of title, risks"):
        make(place)


def test_by_default_the_five_roles_of_the_checklist_sign_off(place: Place) -> None:
    place.wish.write_text("issues: []\n")
    assert [entry["role"] for entry in golive_input.read(place.wish)["signoffs"]] == list(golive_input.ROLES)
