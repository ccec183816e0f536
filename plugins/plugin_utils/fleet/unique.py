# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Identities that no two hosts may share."""

from __future__ import annotations

import re

from ...module_utils.judge.operators import say
from .rows import FAIL, PASS, Check, Row, found, row
from .samples import Member, Value

# What makers leave in fields that nobody filled in: it is no identity, so two of them are not the same thing.
BLANK = re.compile(
    r"^(?:[0f\W_]+|x+|0?123456789.*|none|null|default string|empty|invalid|no asset.*|no dimm|serial|oem"
    r"|not (?:specified|provided|present|settable|applicable)|to be filled.*"
    r"|(?:system|chassis|base board) serial number|03000200-0400-0500-0006-000700080009)$",
    re.IGNORECASE,
)


def judge(check: Check, shown: list[tuple[Member, Value]]) -> list[Row]:
    """No value stands on two hosts; what stands twice on one host is for the checks of single hosts."""
    owners: dict[str, dict[str, list[str]]] = {}
    asked = {member.name: member for member, unused in shown}
    ignored = [re.compile(pattern) for pattern in check["options"]["ignore"]]
    for member, value in shown:
        text = say(value.value).strip()
        if not BLANK.match(text) and not any(pattern.search(text) for pattern in ignored):
            owners.setdefault(text.lower(), {}).setdefault(member.name, []).append(value.item or "")
    shared: dict[tuple[str, ...], list[str]] = {}
    for text, holders in owners.items():
        if len(holders) > 1:
            shared.setdefault(tuple(sorted(holders)), []).append(text)
    rows = []
    for hosts, texts in shared.items():
        things = {host: [item for text in texts for item in owners[text][host]] for host in hosts}
        more = f" and {len(texts) - 1} more" if len(texts) > 1 else ""
        what = f"{check['what']} {texts[0]}{more} is on {len(hosts)} hosts, expected on one"
        rows.append(found(check, FAIL, things, list(asked.values()), what, observed=texts[0], expected="no two alike"))
    hit = {host for hosts in shared for host in hosts}
    if asked and len(asked) > len(hit):
        said = f"{check['what']}: {len(owners)} different on {len(asked)} hosts"
        rows.append(row(check, PASS, said, items=len(asked) - len(hit)))
    return rows
