# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An attestation is valid only when its text, its signer, its evidence and its dates all are; else it says why."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
import yaml

from ansible_collections.muster.fleet.plugins.plugin_utils import attestations, signing
from ansible_collections.muster.fleet.plugins.plugin_utils.attestations import beside_inventory
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput

from .signatures import NOW, SITE, allow, new_key, put, statement

DAY = datetime.timedelta(days=1)


class Store:
    """A directory with one attestation of Alice's, who may sign, as may Bob; Mallory may not."""

    def __init__(self, place: Path):
        self.keys = {who: new_key(place, who) for who in ("alice", "bob", "mallory")}
        self.signers = place / "allowed_signers"
        allow(self.signers, "alice", self.keys["alice"])
        allow(self.signers, "bob", self.keys["bob"])
        self.directory = place / "attestations"
        self.directory.mkdir()
        self.evidence = self.directory / "floor.pdf"
        self.evidence.write_text("1,600 kg")
        self.file = put(self.directory / "floor.yml", statement(self.evidence), self.keys["alice"])
        self.signature = self.directory / "floor.yml.sig"

    def again(self, key="alice", namespace=signing.ATTESTATION, **changed):
        put(self.file, statement(self.evidence, **changed), self.keys[key], namespace)

    def read(self, now=NOW):
        return attestations.read(self.directory, self.signers, now, SITE)["items"]["piqc:0.1"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_a_good_one_is_valid_and_tells_all(store: Store) -> None:
    found = attestations.read(store.directory, store.signers, NOW, SITE)
    assert found["source"] == str(store.directory)
    item = found["items"]["piqc:0.1"]
    assert item["valid"] is True
    assert item["reason"] is None
    assert (item["who"], item["role"]) == ("alice", "Facility Manager")
    assert (item["when"], item["expires"]) == ("2026-11-20T08:00:00Z", "2027-11-20")
    assert item["file"] == str(store.file)


def _text(store: Store) -> None:
    store.file.write_text(store.file.read_text().replace("carries", "holds"))


def _moved_evidence(store: Store) -> None:
    store.evidence.rename(store.directory / "elsewhere.pdf")


NOT_VALID = {
    "no signature": (lambda s: s.signature.unlink(), "it is not signed"),
    "changed text": (_text, "its text is not the one that was signed"),
    "a blank more": (lambda s: s.file.write_text(s.file.read_text() + "\n"), "its text is not the one that was signed"),
    "damaged signature": (lambda s: s.signature.write_text("-----BEGIN"), "its signature is damaged"),
    "empty signature": (lambda s: s.signature.write_text(""), "its signature is damaged"),
    "binary signature": (lambda s: s.signature.write_bytes(b"\x00\xff" * 99), "its signature is damaged"),
    "by another allowed person": (lambda s: s.again("bob"), "it is signed by bob, not by alice"),
    "by a stranger": (lambda s: s.again("mallory"), "it is signed by a key that"),
    "in the name of a stranger": (lambda s: s.again(who="mallory"), "it is signed by alice, not by mallory"),
    "in the name of all": (lambda s: s.again(who="*"), "it is signed by alice, not by *"),
    "for another purpose": (lambda s: s.again(namespace="file"), "another purpose than muster-attestation"),
    "a go-live signature": (lambda s: s.again(namespace=signing.GO_LIVE), "another purpose than muster-attestation"),
    "no allowed signers": (lambda s: s.signers.unlink(), "there is no file of allowed signers"),
    "nobody allowed": (lambda s: s.signers.write_text(""), "it is signed by a key that"),
    "expired": (lambda s: s.again(expires="2026-11-22"), "it expired on 2026-11-22"),
    "from the future": (lambda s: s.again(when="2026-11-23T13:00:00Z"), "it is dated in the future"),
    "changed evidence": (lambda s: s.evidence.write_text("900 kg"), "is not the file that was attested"),
    "no evidence": (_moved_evidence, "its evidence floor.pdf is not there"),
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_VALID)
def test_what_cannot_be_relied_on_is_not_valid_and_says_why(store: Store, case: str) -> None:
    spoil, reason = NOT_VALID[case]
    assert store.read()["valid"] is True, "it was not valid to begin with"
    spoil(store)
    item = store.read()
    assert item["valid"] is False
    assert reason in item["reason"]


def test_without_ssh_keygen_nothing_is_valid(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing-here"))
    assert store.read()["reason"] == signing.NO_TOOL
    with pytest.raises(BadInput, match="ssh-keygen is not installed"):
        signing.sign(b"", str(store.keys["alice"]), signing.ATTESTATION)


def test_an_ssh_keygen_that_hangs_proves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tool = tmp_path / "ssh-keygen"
    tool.write_text("#!/bin/sh\nexec sleep 60\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(signing, "TIMEOUT_S", 0.2)
    assert "ssh-keygen gave no answer" in store.read()["reason"]


def test_the_day_of_expiry_still_counts(store: Store) -> None:
    store.again(expires="2026-11-24")
    assert [store.read(NOW + days * DAY)["valid"] for days in range(3)] == [True, True, False]


def test_a_key_may_be_kept_from_signing_attestations(store: Store) -> None:
    store.signers.write_text("")
    allow(store.signers, "alice", store.keys["alice"], 'namespaces="muster-golive"')
    assert "alice is not allowed to sign for muster-attestation" in store.read()["reason"]


def test_an_address_is_evidence_that_is_not_asked(store: Store) -> None:
    store.again(evidence={"url": "https://dms.example.org/4711"})
    assert store.read()["valid"] is True


def test_an_encrypted_key_is_an_error_and_no_prompt(tmp_path: Path) -> None:
    key = new_key(tmp_path, "carol", "a passphrase")
    with pytest.raises(BadInput, match="key-carol: cannot sign: "):
        signing.sign(b"text", str(key), signing.ATTESTATION)
    with pytest.raises(BadInput, match="there is no signing key"):
        signing.sign(b"text", str(tmp_path / "none"), signing.ATTESTATION)


MALFORMED = {
    "not YAML": (lambda c: "item: [", r"floor.yml:\d+: not YAML"),
    "nothing": (lambda c: "", "floor.yml:1: an attestation is one mapping"),
    "a list": (lambda c: "- 1\n- 2\n", "floor.yml:1: an attestation is one mapping"),
    "unknown key": (lambda c: {**c, "expire": "2027-01-01"}, "floor.yml:1: attestation: unknown key 'expire'"),
    "evidence as text": (lambda c: {**c, "evidence": "floor.pdf"}, "evidence is a mapping, not str"),
    "no hash": (lambda c: {**c, "evidence": {"file": "floor.pdf"}}, "evidence: sha256 is missing"),
    "short hash": (lambda c: {**c, "evidence": {"file": "f", "sha256": "abc"}}, "sha256 has 64 hexadecimal digits"),
    "file and url": (lambda c: {**c, "evidence": {"file": "f", "url": "u"}}, "a file or a url, one of them"),
    "no such day": (lambda c: {**c, "expires": "2027-02-30"}, "expires is a date"),
    "never": (lambda c: {**c, "expires": "never"}, "expires is a date"),
    "a time before all time": (lambda c: {**c, "when": "0001-01-01T00:00:00+14:00"}, "no time that a calendar has"),
    "no such time": (lambda c: {**c, "when": "yesterday"}, "when is a time"),
    "a number for a name": (lambda c: {**c, "who": 7}, "who is text, not 7"),
    "an item without a list": (lambda c: {**c, "item": "floor"}, "item is like piqc:0.1, not 'floor'"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_cannot_be_understood_is_an_error(store: Store, case: str) -> None:
    spoil, message = MALFORMED[case]
    content = spoil(statement(store.evidence))
    store.file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    with pytest.raises(BadInput, match=message):
        store.read()


@pytest.mark.parametrize("field", attestations.FIELDS)
def test_every_field_is_required(store: Store, field: str) -> None:
    content = statement(store.evidence)
    del content[field]
    store.file.write_text(yaml.safe_dump(content))
    with pytest.raises(BadInput, match=rf"floor.yml:1: attestation: {field} is missing"):
        store.read()


def test_an_item_has_one_attestation(store: Store) -> None:
    put(store.directory / "again.yml", statement(store.evidence), store.keys["alice"])
    with pytest.raises(BadInput, match=r"floor.yml: piqc:0.1 is attested in .*again.yml too"):
        store.read()


def test_a_directory_that_is_not_there_is_an_error(store: Store, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="none: not a directory"):
        attestations.read(tmp_path / "none", store.signers, NOW)


class TestBesideTheInventory:
    """Files of people lie where Ansible does not take them for lists of hosts."""

    def beside(self, *sources: Path, given: str | None = None) -> str:
        variables = {"ansible_inventory_sources": [str(source) for source in sources], "inventory_dir": "/from/host"}
        return str(beside_inventory(given, "golive.yml", variables))

    def test_what_was_given_comes_first(self, tmp_path: Path) -> None:
        assert self.beside(tmp_path, given="/else/x.yml") == "/else/x.yml"

    def test_a_file_has_its_directory(self, tmp_path: Path) -> None:
        (tmp_path / "hosts.yml").write_text("")
        assert self.beside(tmp_path / "hosts.yml") == str(tmp_path / "golive.yml")

    def test_a_directory_has_a_neighbour(self, tmp_path: Path) -> None:
        (tmp_path / "a01").mkdir()
        assert self.beside(Path(f"{tmp_path}/a01/")) == str(tmp_path / "a01-site" / "golive.yml")

    def test_a_list_of_hosts_is_no_place(self, tmp_path: Path) -> None:
        assert self.beside(Path("a,b")) == "/from/host/golive.yml"
