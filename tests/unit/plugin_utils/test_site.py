# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Definitions of evidence and attestations say all that they must."""

from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.plugin_utils import site
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput

GOOD = {"id": "site.a", "title": "t", "covers": ["piqc:0.2"], "phase": 0, "severity": "major", "max_age_days": 1,
        "why": "w", "fix": "f", "reads": "r"}  # fmt: skip


def write(directory, *definitions):
    (directory / "evidence.yml").write_text("\n".join(f"- {definition}" for definition in definitions))
    (directory / "attestations.yml").write_text("")
    return directory


def test_each_box_is_asked_once():
    boxes = [item for definition in site.definitions() for item in definition["covers"] if item.startswith("piqc:")]
    assert len(boxes) == len(set(boxes))


def test_phase_is_that_of_the_box():
    for definition in site.definitions():
        assert f"piqc:{definition['phase']}." in definition["covers"][0], definition["id"]


def test_definitions_tell_their_kind(tmp_path):
    assert site.definitions(write(tmp_path, GOOD)) == [{**GOOD, "kind": "evidence"}]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"id": "Site A"}, "id is"),
        ({"severity": "grave"}, "severity is 'grave'"),
        ({"phase": 13}, "phase is 13"),
        ({"covers": []}, "covers is"),
        ({"covers": ["piqc"]}, "covers is"),
        ({"max_age_days": 0}, "max_age_days is 0"),
        ({"max_age_days": "a year"}, "max_age_days is"),
        ({"match": "("}, "match is"),
        ({"role": "owner"}, "a definition of evidence says"),
    ],
)
def test_a_definition_that_cannot_be_used_is_refused(tmp_path, wrong, said):
    with pytest.raises(BadInput, match=said):
        site.definitions(write(tmp_path, {**GOOD, **wrong}))


def test_an_id_stands_once(tmp_path):
    with pytest.raises(BadInput, match=r"evidence.yml:2: the id is taken"):
        site.definitions(write(tmp_path, GOOD, GOOD))
