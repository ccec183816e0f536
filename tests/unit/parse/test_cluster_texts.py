"""Exporter pages, the kubelet's files and Slurm's answers: as they are, and damaged."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.muster.fleet.plugins.module_utils.parse import kubelet, prometheus, slurm


def test_page_of_metrics():
    page = prometheus.read('# TYPE a gauge\na{x="1",y="} 2"} 5\na{x="2"} NaN 1795000000\nb 1e3 # {id="1"} 2\n', ["a"])
    assert page.names == {"a", "b"}
    assert [sample.labels for sample in page.samples["a"]] == ['{x="1",y="} 2"}', '{x="2"}']
    assert page.samples["a"][0].value == 5
    assert math.isnan(page.samples["a"][1].value)


@pytest.mark.parametrize("text", ["a 1", "a 1\nb", "a one\n", "\n", "", "# HELP a\n", "a \u0661\n", "a{x=1} \n"])
def test_page_that_is_none(text):
    assert prometheus.read(text, ["a"]) is None


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("gpu:8", {"gpu": 8}),
        ("gpu:h100:8(S:0-1)", {"gpu": 8}),
        ("gpu:nvidia_h100_80gb_hbm3:4(S:0,1),gpu:a100:4", {"gpu": 8}),
        ("gpu:h100:8(S:0-1),shard:h100:64(S:0-1)", {"gpu": 8, "shard": 64}),
        ("(null)", {}),
        ("gpu::8", None),
        (None, None),
    ],
)
def test_gres(text, counts):
    assert slurm.gres(text) == counts


def test_controllers():
    said = slurm.controllers("Slurmctld(primary) at a is UP\nSlurmctld(backup) at b is DOWN\nother\n")
    assert [(one["role"], one["up"]) for one in said] == [("primary", True), ("backup", False)]


def test_settings_without_their_end_are_none():
    assert slurm.config("PreemptType = preempt/qos\nSlurmctld(primary) at a is UP\n") == {"PreemptType": "preempt/qos"}
    assert slurm.config("Epilog = (null)\n\nSlurmctld(primary) at a is UP\n") == {"Epilog": "none"}
    assert slurm.config("PreemptType = preempt/qos\n") == {}


def test_accounts():
    text = "root||||\na||cpu=1||\na|person|||\nb||||\n"
    assert slurm.without_limit(text, []) == ["b"]
    assert slurm.without_limit(text, ["a"]) == []
    assert slurm.without_limit(text, ["c"]) == ["c"]
    assert slurm.without_limit("", ["a"]) is None


def test_kubelet_configuration_as_yaml_and_json():
    text = "authentication:\n  anonymous:\n    enabled: false  # safe\n  webhook: {enabled: true}\n"
    found = kubelet.config(text + "kind: KubeletConfiguration\nreadOnlyPort: 0\ndns:\n- 10.96.0.10\n")
    assert found["authentication.anonymous.enabled"] == "false"
    assert found["readOnlyPort"] == "0"
    assert kubelet.config(text) == {}
    document = '{"kind": "KubeletConfiguration", "authentication": {"anonymous": {"enabled": true}}, "list": [1]}'
    assert kubelet.config(document)["authentication.anonymous.enabled"] == "true"


@given(st.text())
def test_nothing_raises(text):
    prometheus.read(text, ["a"])
    kubelet.config(text)
    kubelet.registered(text)
    slurm.config(text)
    slurm.controllers(text)
    slurm.words(text)
    slurm.gres(text)
    slurm.number(text)
    slurm.without_limit(text, ["a"])
