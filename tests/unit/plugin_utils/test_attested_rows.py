# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What people attest is judged by real signatures: only what is signed, in force and by the right role passes."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils import golive_findings, site, site_rows
from ansible_collections.muster.fleet.plugins.plugin_utils import run as runs
from ansible_collections.muster.fleet.plugins.plugin_utils.attested_rows import Papers
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput
from ansible_collections.muster.fleet.tests.unit.plugin_utils.signatures import SITE, allow, new_key, put, statement

AT = "2026-11-23T12:00:00Z"
META = {"run_id": "r", "started": AT, "finished": AT, "collection_version": "1"}
LAYOUT = "site.attest.rack_layout"
ROLE = "data centre engineer"


class Site:
    """A site whose evidence nobody named, and one attestation, by somebody whose key is known."""

    def __init__(self, place: Path):
        self.place = place
        self.attestations, self.signers = place / "attestations", place / "allowed_signers"
        self.attestations.mkdir()
        (place / "evidence.yml").write_text("")
        (self.attestations / "proof.txt").write_text("measured")
        self.key = new_key(place, "alice")
        allow(self.signers, "alice", self.key)

    def attest(self, name: str = "a.yml", signed: bool = True, **changed: Any) -> None:
        said = statement(self.attestations / "proof.txt", role=ROLE, **changed)
        put(self.attestations / name, said, self.key if signed else None)

    def judged(self) -> dict[str, Any]:
        return site_rows.judged(str(self.place), AT, Papers(self.attestations, self.signers, site=SITE))

    def row(self, check: str = LAYOUT) -> dict[str, Any]:
        return next(row for row in self.judged()["fleet"] if row["id"] == check)


@pytest.fixture(name="here")
def here_fixture(tmp_path: Path) -> Site:
    """A site."""
    return Site(tmp_path)


def test_each_definition_is_answered_and_what_is_attested_passes(here: Site) -> None:
    here.attest()
    judged = here.judged()
    wanted = [entry["id"] for entry in site.definitions() if entry["kind"] == "attestation"]
    rows = {row["id"]: row for row in judged["fleet"] if row["id"] in wanted}
    assert len(rows) == len(wanted) == judged["site"]["attestations"]["items"]
    assert judged["site"]["attestations"]["valid"] == 1
    assert [name for name, row in rows.items() if row["status"] == "pass"] == [LAYOUT]
    found = rows[LAYOUT]
    assert (found["severity"], found["phase"], found["hosts"], found["reason"]) == ("major", 0, [], None)
    assert found["observed"] == "alice (data centre engineer), 2026-11-20 to 2027-11-20"
    assert found["expected"] == "by a data centre engineer, at most 365 days old"
    assert found["source"] == f"attestation {here.attestations}/a.yml"
    others = [row for name, row in rows.items() if name != LAYOUT]
    assert {row["status"] for row in others} == {"unknown"}
    assert all("nobody attests it in " in row["reason"] for row in others)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"signed": False}, "a.yml: it is not signed"),
        ({"expires": "2026-11-22"}, "it expired on 2026-11-22"),
        ({"when": "2026-12-24"}, "it is dated in the future"),
        ({"who": "mallory"}, "mallory"),
        ({"when": "2025-11-01", "expires": "2029-01-01"}, "it is 387 days old, at most 365 are allowed"),
        ({"evidence": {"file": "gone.txt", "sha256": "0" * 64}}, "its evidence gone.txt is not there"),
        ({"role": "intern"}, "alice signs as intern, a data centre engineer has to"),
    ],
)
def test_what_cannot_be_relied_on_is_unknown_with_the_reason(here: Site, changed: dict[str, Any], said: str) -> None:
    proof = here.attestations / "proof.txt"
    signed = changed.pop("signed", True)
    text = statement(proof) | {"role": ROLE} | changed
    put(here.attestations / "a.yml", text, here.key if signed else None)
    found = here.row()
    assert found["status"] == "unknown"
    assert said in found["reason"]
    assert said in found["message"]


def test_a_changed_text_is_unknown(here: Site) -> None:
    here.attest()
    path = here.attestations / "a.yml"
    path.write_text(path.read_text().replace("carries", "carried"))
    assert here.row()["status"] == "unknown"


def test_without_allowed_signers_nothing_is_valid(here: Site) -> None:
    here.attest()
    here.signers.unlink()
    assert "there is no file of allowed signers" in here.row()["reason"]


def test_a_directory_that_is_not_there_attests_nothing_and_a_named_one_is_an_error(here: Site) -> None:
    gone = here.place / "gone"
    rows = site_rows.judged(str(here.place), AT, Papers(gone, here.signers))["fleet"]
    assert f"nobody attests it in {gone}" in next(row for row in rows if row["id"] == LAYOUT)["reason"]
    with pytest.raises(BadInput, match="there is no such directory of attestations"):
        site_rows.judged(str(here.place), AT, Papers(gone, here.signers, named=True))


def test_a_malformed_attestation_is_an_error_with_file_and_line(here: Site) -> None:
    (here.attestations / "b.yml").write_text("item: piqc:0.1\n")
    with pytest.raises(BadInput, match=r"b\.yml:1: attestation: statement is missing"):
        here.judged()


def test_an_attestation_can_be_waived_and_a_missing_one_keeps_the_run_from_green(here: Site) -> None:
    run = runs.assemble([], [], META | here.judged())
    assert LAYOUT in {entry["id"] for entry in golive_findings.findings_of(run)}
    until = datetime.date.fromisoformat(AT[:10]) + datetime.timedelta(days=9)
    waiver = f"- {{check: {LAYOUT}, owner: o, reason: leased hall, expires: {until}}}\n"
    (here.place / "waivers.yml").write_text(waiver)
    assert here.row()["status"] == "waived"
