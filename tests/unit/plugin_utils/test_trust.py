# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who may say what at a go-live: the bytes that were signed, for this site, by more than one person."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.muster.fleet.plugins.plugin_utils import (
    attestations,
    golive,
    golive_input,
    golive_record,
    golive_text,
    signing,
    whole,
)
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput

from .ceremony import LEAD, Place
from .signatures import NOW, SITE, allow, new_key, put, statement

ITEM = "themisdb:readiness-assessment.8"
ROLES = list(golive_input.ROLES)


@pytest.fixture(name="built", scope="module")
def built_fixture(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("golive")).build()


@pytest.fixture(name="place")
def place_fixture(built: Place, tmp_path: Path) -> Place:
    return built.copy(tmp_path)


def decide(place: Place, site: str | None = SITE, **decisions: Any) -> dict[str, Any]:
    """Decide after these decisions were changed (``None`` takes one away); keep the record and return it."""
    known = {**yaml.safe_load(place.wish.read_text()), **decisions}
    place.wish.write_text(yaml.safe_dump({key: value for key, value in known.items() if value is not None}))
    places = golive_record.Places(place.run, place.attestations, place.signers, place.wish, site)
    made = golive_record.make(places, golive_record.Terms(24, 2), NOW, LEAD, str(place.keys[LEAD]))
    golive_record.keep(made, place.record)
    return made.record


def check(place: Place) -> list[str]:
    return golive_record.check(place.record, place.signers, NOW)[1]


# read once


def swapped(monkeypatch: pytest.MonkeyPatch, path: Path, other: bytes) -> list[Path]:
    """Let somebody put other bytes in a file's place as soon as it was opened once."""
    seen: list[Path] = []
    usual = os.open

    def opened(name: Any, *more: Any, **options: Any) -> int:
        handle = usual(name, *more, **options)
        if os.path.realpath(name) == str(path) and not seen:
            seen.append(path)
            fresh = path.with_name("fresh")
            fresh.write_bytes(other)
            fresh.replace(path)
        return handle

    monkeypatch.setattr(os, "open", opened)
    return seen


def test_a_text_that_is_swapped_for_the_signed_one_is_not_valid(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place.attestations / "a2.yml"
    genuine = path.read_bytes()
    forged = genuine.replace(b"So it is", b"So be it")
    path.write_bytes(forged)
    seen = swapped(monkeypatch, path, genuine)
    found = attestations.read(place.attestations, place.signers, NOW, SITE)["items"][ITEM]
    assert seen
    assert (found["valid"], found["statement"]) == (False, "So be it")
    assert found["sha256"] == hashlib.sha256(forged).hexdigest()


def test_the_hash_is_of_the_bytes_that_were_verified(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place.attestations / "a2.yml"
    genuine = path.read_bytes()
    assert swapped(monkeypatch, path, b"item: x") == []
    found = attestations.read(place.attestations, place.signers, NOW, SITE)["items"][ITEM]
    assert (found["valid"], found["sha256"]) == (True, hashlib.sha256(genuine).hexdigest())


@pytest.mark.parametrize("name", ["inventory/golive.yml", "inventory/rollback.md"])
def test_the_record_names_what_was_read_and_not_what_lies_there_later(
    place: Place, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place.place / name
    genuine = path.read_bytes()
    places = golive_record.Places(place.run, place.attestations, place.signers, place.wish, SITE)
    seen = swapped(monkeypatch, path, b"title: another\n")
    made = golive_record.make(places, golive_record.Terms(24, 2), NOW, "", None)
    assert seen
    (entry,) = [entry for entry in made.record["rests_on"] if entry["file"].endswith(path.name)]
    assert entry["sha256"] == hashlib.sha256(genuine).hexdigest()


def test_an_old_record_is_decided_again_on_the_files_that_were_hashed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is right while it is hashed, another one while it is read again."""
    assert decide(place)["decision"] == golive.APPROVE
    assert check(place) == []
    seen = swapped(monkeypatch, place.wish, place.wish.read_bytes() + b"sole_signer: who-1\n")
    changes = check(place)
    assert seen
    assert any("has changed while it was looked at" in change for change in changes), changes


# regular files, bounded


@pytest.mark.parametrize("name", ["a2.yml", "a2.yml.sig"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "endless"])
def test_what_is_no_regular_file_attests_nothing_and_is_not_waited_for(place: Place, name: str, kind: str) -> None:
    path = place.attestations / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "endless":
        path.touch()
        os.truncate(path, whole.LIMIT + 1)
    else:
        path.symlink_to("/dev/zero")
    started = time.monotonic()
    if name.endswith(".sig"):
        assert attestations.read(place.attestations, place.signers, NOW, SITE)["items"][ITEM]["valid"] is False
    else:
        with pytest.raises(BadInput, match=r"a2\.yml"):
            attestations.read(place.attestations, place.signers, NOW, SITE)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("evidence", ["/dev/zero", "/dev/stdin", "/proc/self/maps", "pipe", "folder", "/proc/kmsg"])
def test_evidence_is_a_regular_file_of_a_known_size(place: Place, evidence: str) -> None:
    if evidence == "pipe":
        os.mkfifo(place.attestations / "pipe")
    (place.attestations / "folder").mkdir()
    place.attest("a2.yml", ITEM, "ops", "Operator", {"file": evidence, "sha256": "0" * 64})
    started = time.monotonic()
    found = attestations.read(place.attestations, place.signers, NOW, SITE)["items"][ITEM]
    assert time.monotonic() - started < 20
    assert "cannot be read" in found["reason"]


@pytest.mark.parametrize("plan", ["/dev/zero", "pipe", "/dev/null"])
def test_a_plan_is_a_regular_file(place: Place, plan: str) -> None:
    os.mkfifo(place.inventory / "pipe")
    assert f"there is no rollback plan: {plan} is not there or empty" in decide(place, rollback=plan)["reasons"]


# for this site


def test_another_sites_attestation_counts_nothing_here(place: Place) -> None:
    assert decide(place)["decision"] == golive.APPROVE
    record = decide(place, site="fra-2")
    assert record["decision"] == golive.REJECT
    assert len([reason for reason in record["reasons"] if f"given for site {SITE}, this is fra-2" in reason]) == 8
    assert record["site"] == "fra-2"


def test_a_site_without_a_name_has_no_attestations(place: Place) -> None:
    record = decide(place, site=None)
    assert record["decision"] == golive.REJECT
    assert "muster_site does not say that this is it" in record["reasons"][0]


def test_the_site_is_in_the_signed_text(place: Place) -> None:
    path = place.attestations / "a2.yml"
    path.write_text(path.read_text().replace(SITE, "fra-2"))
    found = attestations.read(place.attestations, place.signers, NOW, "fra-2")["items"][ITEM]
    assert found["reason"] == "its text is not the one that was signed"


def test_an_attestation_of_an_earlier_release_is_read_and_says_what_it_lacks(place: Place) -> None:
    said = yaml.safe_load((place.attestations / "a2.yml").read_text())
    del said["site"]
    put(place.attestations / "a2.yml", said, place.keys["ops"])
    found = attestations.read(place.attestations, place.signers, NOW, SITE)["items"][ITEM]
    assert (found["valid"], found["who"]) == (False, "ops")
    assert found["reason"] == "it names no site, so it may have been given for another: attest it again"


def test_a_sign_off_without_a_site_is_bound_by_its_run(place: Place) -> None:
    path = place.attestations / "qa-engineer.yml"
    said = yaml.safe_load(path.read_text())
    del said["site"]
    put(path, said, place.keys["who-1"])
    assert decide(place)["decision"] == golive.APPROVE


@pytest.mark.parametrize("site", ["", 7, ["muc-1"], None])
def test_a_site_is_text(tmp_path: Path, site: Any) -> None:
    (tmp_path / "proof").write_text("x")
    put(tmp_path / "a.yml", statement(tmp_path / "proof", site=site), None)
    with pytest.raises(BadInput, match=r"a\.yml:1: site is text"):
        attestations.parse(tmp_path / "a.yml")


# more than one person


def all_by(place: Place, who: str) -> None:
    for role in ROLES:
        place.sign(role, who)


def test_one_person_does_not_sign_off_in_every_role(place: Place) -> None:
    all_by(place, "who-0")
    record = decide(place)
    assert record["reasons"] == [
        "who-0 signed off in every role: a second person has to, or sole_signer names the one who may"
    ]


def test_one_key_is_one_person_by_any_name(place: Place) -> None:
    """Somebody whom the file of signers knows by five names."""
    for number in range(1, 5):
        place.keys[f"who-{number}"] = place.keys["who-0"]
        allow(place.signers, f"who-{number}", place.keys["who-0"], 'namespaces="muster-attestation"')
    place.sign_all()
    assert any("signed off in every role" in reason for reason in decide(place)["reasons"])


@pytest.mark.parametrize(("alone", "decision"), [("who-0", "APPROVE"), ("who-1", "REJECT"), ("*", "REJECT")])
def test_a_site_names_who_may_sign_alone_and_the_record_shows_it(place: Place, alone: str, decision: str) -> None:
    all_by(place, "who-0")
    record = decide(place, sole_signer=alone)
    assert record["decision"] == decision
    assert record["sole_signer"] == alone
    shown = golive_text.markdown(record), " ".join(golive_text.console(record, "golive.json"))
    assert all("One person may sign in every role" in text for text in shown)


def test_two_people_are_enough(place: Place) -> None:
    all_by(place, "who-0")
    place.sign("QA Engineer", "who-1")
    assert decide(place)["decision"] == golive.APPROVE


# no approval that nobody gave


@pytest.mark.parametrize("left", golive_input.APPROVALS)
def test_an_approval_that_is_not_asked_for_refuses_until_it_is_struck_out_by_name(place: Place, left: str) -> None:
    signoffs = [{"role": role} for role in ROLES if role not in golive_input.APPROVALS[left]]
    risks = {area: {"accepted": True, "by": LEAD} for area in golive_input.AREAS}
    record = decide(place, signoffs=signoffs, risks=risks)
    assert record["decision"] == golive.REJECT
    assert any(f"{left} approval is unknown: no sign-off is required of" in reason for reason in record["reasons"])
    record = decide(place, not_required={left: "we are three people"})
    assert record["decision"] == golive.APPROVE
    assert check(place) == []
    (row,) = [row for row in record["approvals"] if row["status"] == "not_required"]
    assert row["detail"] == "not required here: we are three people"
    assert "we are three people" in golive_text.markdown(record)
    assert any("we are three people" in line for line in golive_text.console(record, "golive.json"))


def test_what_is_struck_out_and_signed_all_the_same_counts(place: Place) -> None:
    (place.attestations / "security-engineer.yml").unlink()
    assert decide(place, not_required={"Security": "by phone"})["decision"] == golive.REJECT


@pytest.mark.parametrize("item", golive_input.ATTESTED)
def test_an_attestation_of_the_checklist_is_struck_out_by_name_alone(place: Place, item: str) -> None:
    for path in place.attestations.glob("a*.yml"):
        if attestations.parse(path)["item"] == item:
            path.unlink()
    assert any(item in reason for reason in decide(place, attested=[])["reasons"])
    assert decide(place, attested=[], not_required={item: "stateless"})["decision"] == golive.APPROVE


@pytest.mark.parametrize(
    ("struck", "said"),
    [
        ({"Securty": "x"}, "not_required: unknown key 'Securty'"),
        ({"Security": ""}, "Security: the reason is text"),
        ({"Security": True}, "Security: the reason is text"),
        (["Security"], "not_required is a mapping"),
    ],
)
def test_what_is_struck_out_is_known_and_says_why(place: Place, struck: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        decide(place, not_required=struck)


def test_one_sign_off_and_nothing_else_approves_nothing(place: Place) -> None:
    """One role, no attestation, risks accepted by names that nobody verified, all by one key."""
    everybody = {"accepted": True, "by": "somebody else"}
    place.sign("Deployment Engineer", "who-0")
    risks = dict.fromkeys(golive_input.AREAS, everybody)
    reasons = decide(place, attested=[], signoffs=[{"role": "Deployment Engineer"}], risks=risks)["reasons"]
    for said in ("Security approval", "Operations approval", "Business approval", "signed off in every role",
                 "risk is accepted by somebody else, unverified"):  # fmt: skip
        assert any(said in reason for reason in reasons), said


# who accepts a risk


@pytest.mark.parametrize(
    ("by", "fine"), [("who-3", True), (LEAD, True), ("ops", False), ("Who-3", False), ("j.doe", False)]
)
def test_a_risk_is_accepted_by_somebody_who_signed(place: Place, by: str, fine: bool) -> None:
    risks = yaml.safe_load(place.wish.read_text())["risks"]
    reasons = decide(place, risks={**risks, "security": {"accepted": True, "by": by}})["reasons"]
    assert reasons == ([] if fine else [f"the security risk is accepted by {by}, unverified: they signed nothing here"])


def test_a_sign_off_that_is_not_valid_verifies_nobody(place: Place) -> None:
    (place.attestations / "deployment-engineer.yml.sig").unlink()
    reasons = decide(place)["reasons"]
    assert len([reason for reason in reasons if "accepted by who-0, unverified" in reason]) == 4


def test_keys_are_told_apart(tmp_path: Path) -> None:
    one, two = new_key(tmp_path, "a"), new_key(tmp_path, "b")
    signatures = [signing.sign(text, str(key), "x") for key in (one, two) for text in (b"1", b"2")]
    keys = [signing.key_of(signature) for signature in signatures]
    assert keys[0] == keys[1] != keys[2] == keys[3]
    for damaged in (None, b"", b"-----BEGIN", b"\x00\xff" * 9, signatures[0][:60], b"U1NIU0lH"):
        assert signing.key_of(damaged) is None
