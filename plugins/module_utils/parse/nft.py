# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``nft -j list chains`` and ``nft -j list chain``: what becomes of a packet that comes in, never a rule's contents."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

REFUSALS = ("drop", "reject")


def _entries(document: Any, kind: str) -> List[Dict[str, Any]]:
    listed = document.get("nftables") if isinstance(document, dict) else None
    found = [entry.get(kind) for entry in listed or [] if isinstance(entry, dict)]
    return [entry for entry in found if isinstance(entry, dict)]


def base_chains(document: Any) -> Optional[List[Dict[str, Any]]]:
    """Return the chains that filter packets (not NAT): family, table, name, hook, policy; ``None`` if it is no list."""
    if not isinstance(document, dict) or not isinstance(document.get("nftables"), list):
        return None
    return [
        {key: str(chain.get(key)) for key in ("family", "table", "name", "hook", "policy")}
        for chain in _entries(document, "chain")
        if chain.get("type") == "filter" and chain.get("policy")
    ]


def rules(document: Any) -> Tuple[int, bool]:
    """Return how many rules a chain has, and whether one drops, rejects or hands over to another chain."""
    found = _entries(document, "rule")
    statements = [part for rule in found for part in rule.get("expr") or [] if isinstance(part, dict)]
    hands_over = any(key in part for part in statements for key in REFUSALS + ("jump", "goto"))
    return len(found), hands_over


def iptables(text: str) -> Optional[Dict[str, Any]]:
    """Return ``iptables -S INPUT``: policy, number of rules, and whether one does anything but accept."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    policies = [words[2].lower() for words in lines if words[:2] == ["-P", "INPUT"] and len(words) > 2]
    if not policies:
        return None
    added = [words for words in lines if words[0] == "-A"]
    targets = [words[words.index("-j") + 1] for words in added if "-j" in words[:-1]]
    return {"policy": policies[0], "rules": len(added), "filters": any(target != "ACCEPT" for target in targets)}
