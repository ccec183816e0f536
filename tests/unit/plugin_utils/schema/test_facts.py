# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A check that reads what no collector gives, or no profile may say, is refused when it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.muster.fleet.plugins.plugin_utils import catalogue, fleet
from ansible_collections.muster.fleet.plugins.plugin_utils.files import BadInput
from ansible_collections.muster.fleet.plugins.plugin_utils.schema import facts

CHECKS = {check["id"]: check for check in [*catalogue.checks(), *fleet.checks()]}
HEAD = {"id": "site.a", "title": "T", "what": "w", "phase": 3, "severity": "minor", "covers": [], "source": "us"}
WIDTH = {"subject": "gpu.devices[*].pcie.width", "expect": {"eq": 16}}


def refusal(tmp_path: Path, **more: Any) -> str:
    check = {**HEAD, "why": "w", "fix": "f", **WIDTH, **more}
    (tmp_path / "site.yml").write_text(yaml.safe_dump([check]), encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        catalogue.checks([tmp_path])
    return str(caught.value)


def broken(value: Any) -> Iterator[Any]:
    """Yield a check's expectation or condition with each of its references misspelt in turn."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from ({**value, key: wrong} for wrong in broken(part))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from ([*value[:number], wrong, *value[number + 1 :]] for wrong in broken(part))
    elif isinstance(value, str) and value.split(".")[0] in ("profile", "fact") and "[" not in value:
        yield f"{value}zz"


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_shipped_check_reads_what_there_is(name: str) -> None:
    check = {key: value for key, value in CHECKS[name].items() if value is not None}
    assert list(facts.path_problems(check)) == []


@pytest.mark.parametrize("name", sorted(name for name, check in CHECKS.items() if check.get("subject")))
def test_misspelt_path_of_any_check_is_seen(name: str) -> None:
    check = {key: value for key, value in CHECKS[name].items() if value is not None}
    domain = {**check, "subject": f"x{check['subject']}"}
    assert list(facts.path_problems(domain)), "a domain that nobody collects"
    for key in ("expect", "where", "applies"):
        for wrong in broken(check.get(key, {})):
            assert list(facts.path_problems({**check, key: wrong})), f"{key}: {wrong}"
    if "[" not in check["subject"].split(".")[-1] and not _free(check["subject"]):
        assert list(facts.path_problems({**check, "subject": f"{check['subject']}zz"}))


def _free(subject: str) -> bool:
    """Say whether a subject leads into a mapping whose keys are free."""
    return not list(facts.path_problems({"subject": subject.rsplit(".", 1)[0] + ".anything", "expect": {}}))


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"subject": "gpu.devices[*].pcie.widht"}, "no collector gives widht; did you mean width?"),
        ({"subject": "gpux.devices"}, "no facts of a domain 'gpux'; did you mean gpu?"),
        ({"subject": "host.uptime_s.seconds"}, "host.uptime_s holds nothing further"),
        ({"subject": "host.uptime_s[*]"}, "host.uptime_s is no list"),
        ({"expect": {"eq": "profile.gpu.pcie_widht"}}, "profile.gpu.pcie_widht: a profile has no such key; did you"),
        ({"expect": {"eq": "fact.gpu.cuont"}}, "no collector gives cuont"),
        ({"where": {"vendro": "nvidia"}}, "where: vendro: nothing of that name stands beside the value"),
        ({"applies": {"profile": "gpu.vendro", "eq": "amd"}}, "applies: profile.gpu.vendro: a profile has no such key"),
        ({"applies": {"fact": "gpu.devcies", "defined": True}}, "applies: fact gpu.devcies: no collector gives"),
        ({"expect": {"eq": "item.pcie.widht"}}, "item pcie.widht"),
    ],
)  # fmt: skip
def test_refusal_names_file_line_check_and_path(more: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    said = refusal(tmp_path, **more)
    assert said.startswith(f"{tmp_path}/site.yml:1: site.a: ")
    assert complaint in said
