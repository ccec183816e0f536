from __future__ import annotations

import json

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.parse import kfd


def test_properties():
    text = "simd_count 1216\nname\nlocation_id 1280\nmax_waves <script>\nhive_id 12297829382473034410\n"
    assert kfd.properties(text) == {"simd_count": 1216, "location_id": 1280, "hive_id": 12297829382473034410}
    assert kfd.properties(None) == kfd.properties("\ufffd\n\n") == {}


@pytest.mark.parametrize(
    ("node", "address"),
    [
        ({"location_id": 0x0500, "domain": 0}, "0000:05:00.0"),
        ({"location_id": 0xC603, "domain": 2}, "0002:c6:00.0"),  # a partition counts functions up
        ({"location_id": 0}, None),
        ({}, None),
    ],
)
def test_address(node, address):
    assert kfd.address(node) == address


def test_error_counts():
    assert kfd.error_counts("ue: 1\nce: 7\nde: 0\n") == {"corrected": 7, "uncorrected": 1, "deferred": 0}
    assert kfd.error_counts("ue: 0\nce: 0") == {"corrected": 0, "uncorrected": 0, "deferred": None}
    assert set(kfd.error_counts("Query not supported").values()) == set(kfd.error_counts(None).values()) == {None}


def test_bad_pages():
    text = "0x00000001 : 0x00001000 : R\n0x00000002 : 0x00001000 : P\n0x00000003 : 0x00001000 : P\ngarbage\n"
    assert kfd.bad_pages(text) == {"retired": 1, "pending": 2, "unreservable": 0}
    assert kfd.bad_pages("") == {"retired": 0, "pending": 0, "unreservable": 0}
    assert set(kfd.bad_pages(None).values()) == {None}


def test_recorded_mi210_server(fixtures):
    lines = (fixtures / "amd" / "kfd-mi210-xgmi.tree.jsonl").read_text().splitlines()
    tree = {entry["path"]: entry.get("data", "") for entry in map(json.loads, lines)}
    nodes = [
        kfd.properties(text) for path, text in tree.items() if path.count("/") == 8 and path.endswith("/properties")
    ]
    gpus = [node for node in nodes if kfd.is_gpu(node)]
    assert len(gpus) == 8
    assert len({kfd.address(node) for node in gpus}) == 8


def test_counts_of_unknown_kinds():
    assert kfd.unknown_counts("ue: 1\nce: 2\nde: 0\n") == kfd.unknown_counts(None) == []
    assert kfd.unknown_counts("ue: 0\nmoonlit: 3\nother: 0\n") == ["moonlit: 3"]


def test_page_with_an_unknown_mark_may_be_of_any_kind():
    text = "0x00000001 : 0x00001000 : R\n0x00000002 : 0x00001000 : Q\n"
    assert kfd.bad_pages(text) == {"retired": 1, "pending": None, "unreservable": None}
