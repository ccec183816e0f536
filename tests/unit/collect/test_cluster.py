"""What surrounds a machine: exporters, endpoints, paths, the kubelet and Slurm; whole, broken, and not asked for."""

from __future__ import annotations

import http.server
import json
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "lab"))

from builder import cluster_answers as answers
from builder.__main__ import healthy
from builder.cluster_faults import FAULTS, KUBERNETES, SITE, SLURM, WATCHED
from builder.node import NODES

from ansible_collections.muster.fleet.plugins.module_utils import host as h
from ansible_collections.muster.fleet.plugins.module_utils.collect import cluster
from ansible_collections.muster.fleet.plugins.module_utils.replay import Replay

NODE = next(node for node in NODES if node.klass == "hgx_h100")
ASKED = {path.partition(".")[2]: value for asks in (KUBERNETES, SLURM, SITE, WATCHED) for path, value in asks.items()}
EXPORTERS = [
    {"name": "node", "at": "127.0.0.1:9100", "families": ["node_load1", "node_boot_time_seconds|node_time_seconds"]},
    {"name": "dcgm", "at": "127.0.0.1:9400", "per_device": ["DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED"]},
]
WANTED = cluster.wanted({"cluster": {**ASKED, "exporters": EXPORTERS}})


def look(change=None, wanted=None):
    recording = healthy(NODE)
    if change:
        change(recording)
    return cluster.collect(Replay([recording.document]), WANTED if wanted is None else wanted)


def test_nothing_is_asked_of_a_machine_whose_profile_names_nothing():
    class Deaf(h.Host):
        def __getattribute__(self, name):
            raise AssertionError(f"{name} was asked")

    found = cluster.collect(Deaf(), cluster.wanted({"cluster": {"paths": [], "slurm": None}}))
    assert {key: value for key, value in found.items() if value} == {"counts": dict.fromkeys(found["counts"], 0)}


def test_healthy():
    found = look()
    assert found["errors"] == []
    assert found["counts"] == {
        "encrypted": 3, "with_text": 1, "of_devices": 1, "workload_series": 1, "queue_series": 1,
        "with_families": 2, "with_collectors": 1, "with_alerts": 1,
    }  # fmt: skip
    assert [one["answers"] for one in found["exporters"]] == [True, True]
    assert [one["missing"] for one in found["exporters"]] == [[], []]
    assert [one["devices"] for one in found["exporters"]] == [None, 8]
    assert [one["status"] for one in found["endpoints"]] == [200, 200, 401, 200]
    assert {one["label"]: one["open"] for one in found["paths"]} == {
        "name registry.rack.example": True, "path database": True, "path switches": False,
    }  # fmt: skip
    assert found["kubelet"]["settings"]["read_only_port"] == "0"
    assert found["kubelet"]["certificate_days"] == 210
    assert found["kubelet"]["resources"][0]["devices"] == 8
    assert found["slurm"]["controllers_up"] == 2
    assert found["slurm"]["node"]["states"] == ["IDLE"]
    assert (found["slurm"]["node"]["gpus"], found["slurm"]["node"]["cpus_seen"]) == (8, 224)
    assert found["slurm"]["settings"]["accounting_enforce"] == ["associations", "limits", "qos", "safe"]
    assert found["slurm"]["accounts_without_quota"] == []
    assert found["log_forwarders"][0]["connections"] == 1
    (prometheus,) = found["prometheus"]
    assert (prometheus["targets"], prometheus["alert_rules"], prometheus["alertmanagers"]) == (2, 2, 1)
    assert [prometheus[name] for name in ("targets_down", "alerts_missing", "workload_missing")] == [[], [], []]


def test_what_names_nothing_is_answered_nothing():
    """An exporter without families and a Prometheus without alerts are asked for one thing: that they answer."""
    found = look(
        wanted={
            "exporters": [{"name": "node", "at": "127.0.0.1:9100"}, {"name": "dcgm", "at": "127.0.0.1:9400"}],
            "prometheus": [{"name": "main", "at": answers.PROMETHEUS}],
            "endpoints": [{"name": "portal", "at": answers.SERVERS["portal"]}],
            "kubelet": {},
        }
    )
    assert [(one["answers"], one["missing"], one["implausible"]) for one in found["exporters"]] == [
        (True, None, None)
    ] * 2
    assert [one["failed_collectors"] for one in found["exporters"]] == [[], None]
    (prometheus,) = found["prometheus"]
    assert (prometheus["answers"], prometheus["alerts_missing"], prometheus["workload_missing"]) == (True, None, None)
    assert {name: count for name, count in found["counts"].items() if count} == {"encrypted": 1, "with_collectors": 1}


def test_prometheus_without_targets_and_rules_has_none_that_is_well():
    (found,) = look(lambda recording: answers.put_prometheus(recording, down="all", lost="all"))["prometheus"]
    assert (found["targets"], found["targets_down"], found["alert_rules"], found["alerts_unhealthy"]) == (
        0,
        None,
        0,
        None,
    )


def test_no_body_enters_the_facts():
    assert "connected" not in json.dumps(look())


def test_a_page_that_was_cut_off_says_nothing():
    def cut(recording):
        page = recording.document["http"]["http://127.0.0.1:9400 /metrics"]
        page["body"] = page["body"][:-20]

    exporter = look(cut)["exporters"][1]
    assert {exporter[name] for name in ("answers", "devices", "implausible", "failed_collectors")} == {None}
    assert exporter["missing"] is None


@pytest.mark.parametrize("body", ["", "hello\n", "<html>\n", "a 1\nb \u0661\n", "# HELP a\n", "\x00\x01\n"])
def test_a_page_that_holds_no_metrics_says_nothing(body):
    exporter = look(lambda recording: recording.http("http://127.0.0.1:9100", "/metrics", body))["exporters"][0]
    assert (exporter["answers"], exporter["missing"]) == (None, None)


@pytest.mark.parametrize(
    ("state", "open_"), [("ok", True), ("failed", False), ("timeout", False), ("unrecorded", None), ("denied", None)]
)
def test_path(state, open_):
    found = look(lambda recording: recording.document["tcp"].update({answers.DATABASE: {"state": state}}))
    assert next(one for one in found["paths"] if one["kind"] == "open")["open"] is open_


@pytest.mark.parametrize("section", ["paths", "forbidden_paths"])
@pytest.mark.parametrize("to", ["no-such-host.invalid:443", "127.0.0.1:99999", "127.0.0.1:0"])
def test_a_path_that_nobody_was_asked_about_is_neither_open_nor_closed(section, to):
    found = cluster.collect(h.Host(), {section: [{"name": "bmc", "to": to}]})
    assert [one["open"] for one in found["paths"]] == [None]
    assert [error["source"] for error in found["errors"]] == [f"tcp {to}"]


@pytest.mark.parametrize("rc", [1, 3])
def test_a_resolver_that_fails_is_not_a_name_that_is_unknown(rc):
    found = look(lambda recording: recording.command(f"getent ahosts {answers.NAME}", "", rc=rc))
    assert next(one for one in found["paths"] if one["kind"] == "name")["open"] is None


def test_same_names_do_not_hide_each_other():
    paths = [{"name": "a", "to": answers.DATABASE}, {"name": "a", "to": "10.0.0.1:1"}]
    found = look(wanted={"paths": paths, "forbidden_paths": [{"name": "a", "to": answers.DATABASE}]})
    assert len(found["paths"]) == 3


def test_an_entry_that_cannot_be_looked_at_stays_with_nothing_known():
    found = look(wanted={"paths": [{"name": "a", "to": "no port"}]})
    assert found["paths"] == [{"label": "open path a to no port"}]
    assert "ValueError" in found["errors"][0]["reason"]


@pytest.mark.parametrize(
    ("text", "known"),
    [("", None), ("{}", None), ("[]", None), ('{"Data": {"RegisteredDevices": null}}', 0), ('{"Data": 1}', None)],
)
def test_checkpoint(text, known):
    found = look(lambda recording: recording.file(answers.CHECKPOINT, text))
    assert found["kubelet"]["resources"][0]["devices"] == known


def test_kubelet_without_its_files():
    def gone(recording):
        for path in [path for path in recording.document["files"] if path.startswith(answers.KUBELET_ROOT)]:
            recording.document["files"][path] = None

    found = look(gone)["kubelet"]
    assert set(found["settings"].values()) == {f"{answers.KUBELET_ROOT}/config.yaml", None}
    assert (found["plugin_sockets"], found["resources"][0]["devices"]) == (None, None)


def test_settings_of_slurm_that_were_cut_off_are_unknown():
    def cut(recording):
        recording.command("scontrol show config", answers.settings()[:400])

    found = look(cut)["slurm"]["settings"]
    assert {value for name, value in found.items() if name != "source"} == {None}


@pytest.mark.parametrize("body", ["", "[]", "null", '{"status": "error"}', '{"status": "success", "data": []}', "{"])
def test_prometheus_that_is_not_understood_says_nothing(body):
    def spoil(recording):
        for key in recording.document["http"]:
            if key.startswith(answers.PROMETHEUS + " /api"):
                recording.document["http"][key]["body"] = body

    (found,) = look(spoil)["prometheus"]
    told = ("targets_down", "alert_rules", "alerts_missing", "alerts_unhealthy", "alertmanagers", "workload_missing")
    assert {found[name] for name in told} == {None}


def test_a_forwarder_that_does_not_run_has_no_connection():
    def stop(recording):
        recording.file(f"/proc/{answers.FORWARDER_PID}/comm", "sleep\n")

    assert [look(stop)["log_forwarders"][0][name] for name in ("running", "connections")] == [False, 0]


def test_a_forwarder_whose_sockets_cannot_be_seen_is_unknown():
    def deny(recording):
        for path in [
            path for path in recording.document["links"] if path.startswith(f"/proc/{answers.FORWARDER_PID}/fd")
        ]:
            del recording.document["links"][path]
        for path in [
            path for path in recording.document["files"] if path.startswith(f"/proc/{answers.FORWARDER_PID}/fd")
        ]:
            del recording.document["files"][path]
        recording.refuse(f"/proc/{answers.FORWARDER_PID}/fd")

    assert look(deny)["log_forwarders"][0]["connections"] is None


def test_another_nodes_entry_is_none_of_ours():
    found = look(lambda recording: recording.command(f"scontrol -o show node {NODE.name}", "NodeName=other State=IDLE"))
    assert found["slurm"]["node"] is None


def test_every_fault_changes_the_facts():
    plain = look()
    for fault in FAULTS:
        if NODE.klass in fault.classes and fault.profile:
            assert look(lambda recording, fault=fault: fault.apply(NODE, recording)) != plain, fault.name


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = {"/metrics": (200, b'up{a="1"} 1\n'), "/health": (503, b"no")}
        status, body = known.get(self.path, (404, b""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *unused):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()


def test_a_live_machine_is_asked_over_tcp(server):
    wanted = {
        "exporters": [{"name": "up", "at": server, "families": ["up", "down"]}],
        "endpoints": [{"name": "health", "at": server, "path": "/health"}],
        "paths": [{"name": "self", "to": server}],
        "names": ["localhost"],
    }
    found = cluster.collect(h.Host(), wanted)
    assert (found["exporters"][0]["answers"], found["exporters"][0]["missing"]) == (True, ["down"])
    assert (found["endpoints"][0]["answers"], found["endpoints"][0]["status"]) == (True, 503)
    assert [one["open"] for one in found["paths"]] == [True, True]


def test_a_server_without_tls_is_no_https(server):
    answer = h.Host().http("/metrics", f"https://{server}")
    assert (answer.state, answer.status) == (h.FAILED, None)
