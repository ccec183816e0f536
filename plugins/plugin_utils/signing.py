# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""SSH signatures (``ssh-keygen -Y``) over what people state, each with the reason when it cannot be relied on.

A private key is only ever named by its path; nobody is asked for a passphrase: an encrypted key comes from ssh-agent,
by the path of its public half.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import whole
from .files import BadInput

ATTESTATION = "muster-attestation"
GO_LIVE = "muster-golive"
TIMEOUT_S = 20
EVIDENCE_LIMIT = 8 << 30  # bytes; the document of ten thousand machines has a sixth of that
NO_TOOL = "ssh-keygen is not installed here, so nothing can be signed or verified"


def sign(text: bytes, key: str, namespace: str) -> bytes:
    """Return the signature of ``text``; raise ``BadInput`` when the key at this path cannot make one."""
    path = Path(key).expanduser()
    if not path.is_file():
        raise BadInput(f"{path}: there is no signing key")
    done = _keygen(["sign", "-n", namespace, "-f", str(path)], text)
    if done.returncode != 0 or not done.stdout:
        raise BadInput(f"{path}: cannot sign: {_last_line(done.stderr)}")
    return done.stdout


def flaw(text: bytes, signature: bytes | None, signers: Path, who: str, namespace: str) -> str | None:
    """Return why this is not the signature of ``who`` over ``text``, or nothing when it is."""
    if signature is None:
        return "it is not signed"
    if not signers.is_file():
        return f"{signers}: there is no file of allowed signers"
    with tempfile.NamedTemporaryFile(prefix="muster-", suffix=".sig") as file:
        file.write(signature)
        file.flush()
        try:
            return _flaw(text, file.name, str(signers), who, namespace)
        except BadInput as error:
            return str(error)


def _flaw(text: bytes, signature: str, signers: str, who: str, namespace: str) -> str | None:
    """Ask first whether the signature fits the text at all, so that a wrong signer is told from a changed text."""
    fits = _keygen(["check-novalidate", "-n", namespace, "-s", signature], text)
    if fits.returncode != 0:
        return _misfit(_text(fits.stderr), namespace)
    known = _keygen(["verify", "-n", namespace, "-s", signature, "-f", signers, "-I", who], text)
    if known.returncode == 0:
        return None
    by = _keygen(["find-principals", "-s", signature, "-f", signers], b"")
    names = ", ".join(_text(by.stdout).split("\n")) if by.returncode == 0 else ""
    if not names:
        return f"it is signed by a key that {signers} does not allow"
    if who in names.split(", "):
        return f"the key of {who} is not allowed to sign for {namespace} now"
    return f"it is signed by {names}, not by {who}"


def _misfit(said: str, namespace: str) -> str:
    if "namespace" in said:
        return f"its signature was made for another purpose than {namespace}"
    if "incorrect signature" in said:
        return "its text is not the one that was signed"
    return f"its signature is damaged: {_last_line(said.encode())}"


def key_of(signature: bytes | None) -> str | None:
    """Return the SHA-256 of the public key in a signature (PROTOCOL.sshsig): one key is one person, by any name."""
    lines = [line for line in (signature or b"").splitlines() if not line.startswith(b"-----")]
    try:
        blob = base64.b64decode(b"".join(lines), validate=True)
        length = int.from_bytes(blob[10:14], "big")
        key = blob[14 : 14 + length]
    except ValueError:
        return None
    return hashlib.sha256(key).hexdigest() if blob[:6] == b"SSHSIG" and len(key) == length > 0 else None


def hashed(path: Path) -> str:
    """Return the SHA-256 of a regular file in hexadecimal; raise ``OSError`` for anything else.

    What is read ends where the file ended when it was opened; one that grows meanwhile, or has no size, is refused.
    """
    digest = hashlib.sha256()
    with whole.opened(path) as (handle, size):
        if size > EVIDENCE_LIMIT:
            raise OSError(f"{path}: has more than {EVIDENCE_LIMIT >> 30} GiB")
        left = size + 1
        while piece := os.read(handle, min(1 << 20, left)):
            digest.update(piece)
            left -= len(piece)
        if left != 1:
            raise OSError(f"{path}: changes while it is read")
    return digest.hexdigest()


def sha256(path: Path) -> str | None:
    """Return the SHA-256 of a regular file in hexadecimal, or nothing when it cannot be read."""
    try:
        return hashed(path)
    except OSError:
        return None


def content(path: Path, limit: int = whole.LIMIT) -> bytes | None:
    """Return what a regular file holds, or nothing when it cannot be read or has more than ``limit`` bytes."""
    try:
        return whole.content(path, limit)
    except OSError:
        return None


def _keygen(arguments: list[str], text: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run ``ssh-keygen -Y`` without a terminal to ask at; ``BadInput`` when it is missing or does not come back."""
    tool = shutil.which("ssh-keygen")
    if tool is None:
        raise BadInput(NO_TOOL)
    environment = {**os.environ, "SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"}
    try:
        return subprocess.run(
            [tool, "-Y", *arguments],
            input=text,
            env=environment,
            capture_output=True,
            check=False,
            timeout=TIMEOUT_S,
            start_new_session=True,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadInput(f"ssh-keygen gave no answer: {error}") from error


def _text(said: bytes) -> str:
    return said.decode(errors="replace").strip()


def _last_line(said: bytes) -> str:
    lines = [line.strip() for line in _text(said).replace("Enter passphrase:", "\n").splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(("Could not verify", "Signing data"))] or ["no reason given"]
    return lines[0][:200]
