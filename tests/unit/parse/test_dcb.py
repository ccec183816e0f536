from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.parse import dcb


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([False, False, False, True, False, False, False, False], [3]),
        (["off", "off", "off", "on"], [3]),
        ([0, 1, 0, 1], [1, 3]),
        ([False] * 8, []),
    ],
)
def test_lossless_priorities(values, expected):
    assert dcb.pfc_priorities({"pfc_cap": 8, "prio_pfc": values}) == expected


@pytest.mark.parametrize("document", [None, {}, [], "x", {"prio_pfc": None}, {"prio_pfc": []}, {"prio_pfc": "on"}])
def test_no_answer_is_not_lossy(document):
    assert dcb.pfc_priorities(document) is None


def test_trust():
    assert dcb.trust({"dscp_prio": [[26, 3]]}) == "dscp"
    assert dcb.trust({}) == "pcp"
    assert dcb.trust(None) is None
    assert dcb.trust(["dscp_prio"]) is None
