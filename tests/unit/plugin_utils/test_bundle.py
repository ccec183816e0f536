"""The parcel runs on a bare interpreter, and whatever comes back instead of an answer is named."""

from __future__ import annotations

import json
import marshal
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from ansible import constants as C

from ansible_collections.muster.fleet.plugins.plugin_utils import bundle

MINIMAL = {
    "muster_recording": 1,
    "simulated": True,
    "closed": True,
    "identity": {"hostname": "n", "uid": 0, "now": 1.0},
}

CODES = ("", bundle.BYTECODE)


def interpreters():
    """Return the interpreters of this machine that the parcel must run on, oldest first."""
    found = {}
    for minor in range(9, 15):
        named = shutil.which(f"python3.{minor}")
        pyenv = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python3.{minor}"))
        path = str(pyenv[0]) if pyenv else named
        if path and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            found[f"3.{minor}"] = path
    return found or {"this": sys.executable}


def send(python, request, stdin=None):
    done = subprocess.run(
        ["/bin/sh", "-c", bundle.command(python)],
        input=stdin or bundle.parcel(request), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout.decode(), done.stderr.decode(), done.returncode


def parts(program):
    """Return the two parts of a program, unpacked: importer and modules."""
    found = []
    while program:
        length, program = program.split(b"\n", 1)
        found.append(zlib.decompress(program[: int(length)]))
        program = program[int(length) :]
    return found[0].decode(), found[1]


@pytest.mark.parametrize("version", sorted(interpreters(), key=lambda name: (len(name), name)))
def test_parcel_runs_on_a_bare_interpreter(version):
    request = {"replay": [MINIMAL], "domains": ["host", "time", "nic"], "deadline_s": 20}
    answer = bundle.unpack(*send(interpreters()[version], request))
    assert set(answer["facts"]) == {"host", "time", "nic"}
    assert answer["simulated"] is True
    broken = [e for facts in answer["facts"].values() for e in facts["errors"] if e["source"].endswith("collector")]
    assert broken == []


def test_all_collectors_answer_from_an_empty_machine():
    answer = bundle.unpack(*send(sys.executable, {"replay": [MINIMAL], "deadline_s": 20}))
    broken = {
        domain: entry
        for domain, facts in answer["facts"].items()
        for entry in facts["errors"]
        if entry["source"].endswith("collector")
    }
    assert broken == {}


def test_login_banner_does_no_harm():
    stdout, stderr, rc = send(sys.executable, {"replay": [MINIMAL], "domains": ["time"], "deadline_s": 5})
    assert bundle.unpack("Welcome!\nMUSTER\n" + stdout + "\nBye\n", stderr, rc)["simulated"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (("MUSTER-NO-PYTHON\n", "", 127), "has no Python 3"),
        (("MUSTER-OLD-PYTHON:3.8.18\n", "", 127), "has Python 3.8.18; the collectors need 3.9 or newer"),
        (("", "Segmentation fault\n", 139), "exit code 139.*Segmentation fault"),
        (("", "", 0), "the last thing said was: nothing"),
        (("MUSTER1:!!!\n", "", 0), "arrived broken"),
        (("MUSTER1:AAAA\n", "", 0), "arrived broken"),
    ],
)
def test_no_answer_is_named(said, reason):
    with pytest.raises(bundle.NoAnswer, match=reason):
        bundle.unpack(*said)


def test_no_interpreter_on_the_machine():
    with pytest.raises(bundle.NoAnswer, match="no Python 3"):
        bundle.unpack(*send("/no/such/python3", {}))


def test_old_interpreter_says_so():
    """The importer is run by whatever is there, so it must come to its own complaint on any Python 3."""
    text = zlib.decompress(bundle.program().split(b"\n", 1)[1]).decode()
    head = "import sys; b = sys.stdin.buffer\n"
    head += text[: text.index("BYTECODE =")].replace("< (3, 9)", "< (99, 9)")
    done = subprocess.run([sys.executable, "-c", head], input=b"x" * 500_000, capture_output=True, check=False)
    with pytest.raises(bundle.NoAnswer, match=r"the machine has Python 3\.\d+"):
        bundle.unpack(done.stdout.decode(), done.stderr.decode(), done.returncode)


def test_recording_of_another_schema_is_refused_by_the_node():
    with pytest.raises(bundle.NoAnswer, match="schema version 9"):
        bundle.unpack(*send(sys.executable, {"replay": [dict(MINIMAL, muster_recording=9)], "deadline_s": 5}))


def test_parcel_stays_small():
    """A ping costs 173 kB a host; the parcel must stay well below, or its point is lost."""
    assert len(bundle.parcel({"wanted": {}})) < 150_000


def test_text_is_cut_and_not_rewritten():
    """What a newer Python would write from the syntax tree, an older one on the node could not read."""
    source = '''"""Doc
string."""
import re  # why
# alone
def f(a: int) -> str:
    """Doc."""
    return f"{a['x']}" + "# no comment"
class C:
    """Doc."""
'''
    bare = bundle._bare(source)
    assert "Doc" not in bare
    assert "why" not in bare
    assert "alone" not in bare
    assert """return f"{a['x']}" + "# no comment\"""" in bare
    space = {}
    exec(compile(bare, "bare", "exec"), space)
    assert space["f"]({"x": 5}) == "5# no comment"


def test_program_is_kept_for_later_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(C.config, "get_config_value", lambda name: str(tmp_path))
    first = bundle.program.__wrapped__()
    monkeypatch.setattr(bundle, "_program", lambda texts, bytecode: b"made anew")
    assert bundle.program.__wrapped__() == first
    monkeypatch.setattr(bundle, "IMPORTER", bundle.IMPORTER + "# changed")
    assert bundle.program.__wrapped__() == b"made anew"


def test_program_is_made_where_nothing_can_be_kept(monkeypatch):
    monkeypatch.setattr(C.config, "get_config_value", lambda name: "/proc/none")
    assert bundle.program.__wrapped__() == bundle.program()


def test_recording_travels_back_and_gives_the_same_facts():
    request = {"domains": ["host", "storage"], "deadline_s": 20, "record": "here"}
    live = bundle.unpack(*send(sys.executable, request))
    again = bundle.unpack(*send(sys.executable, {**request, "record": None, "replay": [live["recording"]]}))

    def bare(facts):
        return json.loads(
            json.dumps({name: {k: v for k, v in value.items() if k != "took_ms"} for name, value in facts.items()})
        )

    assert bare(again["facts"]) == bare(live["facts"])


def test_bytecode_gives_the_same_answer_as_source():
    """Compiled here, read by the same kind of Python: nothing but the time it takes may differ."""
    request = {"replay": [MINIMAL], "deadline_s": 20}
    told = [bundle.unpack(*send(sys.executable, request, bundle.parcel(request, bytecode=kind))) for kind in CODES]
    bare = [
        {name: {k: v for k, v in f.items() if k != "took_ms"} for name, f in each["facts"].items()} for each in told
    ]
    assert bare[0] == bare[1]
    assert {each["bytecode"] for each in told} == {bundle.BYTECODE}


def test_other_python_refuses_bytecode_and_says_so():
    parcel = bundle.program.__wrapped__("00000000") + b"0\n"
    with pytest.raises(bundle.OtherPython):
        bundle.unpack(*send(sys.executable, {}, parcel))


@pytest.mark.parametrize("kind", CODES)
def test_what_goes_to_a_child_of_the_node_is_text_in_both_kinds(kind):
    """NVML is asked by a child of the node's own, which is given its program as text."""
    importer, program = parts(bundle.program(kind))
    show = (
        "from muster_node import nvml_probe as p\nprint(len(p._source(p.nvml_calls)), len(p._source(p.nvml_child)))\n"
    )
    head = importer.split("from muster_node import remote")[0] + show
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import sys;b=sys.stdin.buffer;exec(sys.argv[1])", head],
        input=bundle._part(program) + bundle._part(b""), capture_output=True, check=False,
    )  # fmt: skip
    assert done.stderr == b""
    assert all(int(length) > 1000 for length in done.stdout.split())


def test_bytecode_tells_what_broke_without_lines():
    """A traceback must still print: its last line is what the user is told."""
    code = bundle._placeless(compile("def f():\n    return 1 / 0\nf()", "<muster>", "exec"))
    show = "import sys, marshal, traceback\ntry:\n exec(marshal.loads(sys.stdin.buffer.read()))\nexcept Exception:\n"
    show += " traceback.print_exc()"
    done = subprocess.run([sys.executable, "-c", show], input=marshal.dumps(code), capture_output=True, check=False)
    assert done.stderr.decode().strip().endswith("ZeroDivisionError: division by zero")
