# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks a registry for the digest of a tag, where the engine cannot (Podman)."""

from __future__ import annotations

import base64
import glob
import json
import re
import urllib.error
import urllib.request
from typing import Any, Dict, Mapping, Optional, Tuple
from urllib.parse import urlencode

from . import StepFailed

TYPES = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.list.v2",
        "docker.distribution.manifest.v2",
    )
)
ANSWER_S = 30
CONFIGURATION = ("/etc/containers/registries.conf", "/etc/containers/registries.conf.d/*.conf")
LOCAL = re.compile(r"(localhost|127\.[0-9.]+|\[::1\])(:\d+)?")


def digest(image: str, tag: str, login: Optional[Mapping[str, str]]) -> str:
    """Return the digest that a tag stands for; raise :class:`StepFailed`."""
    registry, path = place(image)
    scheme = "http" if LOCAL.fullmatch(registry) or insecure(registry) else "https"
    url = f"{scheme}://{registry}/v2/{path}/manifests/{tag}"
    try:
        answer = _asked(url, {"Accept": TYPES}, login)
    except urllib.error.HTTPError as error:
        reasons = {401: "the login was refused", 403: "the login was refused", 404: "there is no such tag"}
        raise StepFailed(
            f"{image}:{tag}: {reasons.get(error.code, f'HTTP {error.code}')} (asked {registry})"
        ) from error
    except (OSError, ValueError) as error:
        raise StepFailed(f"{image}:{tag}: the registry {registry} does not answer: {error}") from error
    found = answer.get("Docker-Content-Digest")
    if not found:
        raise StepFailed(f"{image}:{tag}: the registry {registry} tells no digest")
    return str(found)


def place(image: str) -> Tuple[str, str]:
    """Split an image's name into registry and path."""
    first, unused, rest = image.partition("/")
    if rest and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return "registry-1.docker.io", image if rest else f"library/{image}"


def insecure(registry: str) -> bool:
    """Whether this machine is told to speak to a registry without TLS (``insecure = true`` in registries.conf)."""
    for pattern in CONFIGURATION:
        for path in sorted(glob.glob(pattern)):
            with open(path, encoding="utf-8", errors="replace") as handle:
                for section in handle.read().split("[[registry]]")[1:]:
                    named = re.search(r'^\s*(?:location|prefix)\s*=\s*"([^"/]+)', section, re.M)
                    if named and named.group(1) == registry and re.search(r"^\s*insecure\s*=\s*true", section, re.M):
                        return True
    return False


def _asked(url: str, headers: Dict[str, str], login: Optional[Mapping[str, str]]) -> Any:
    """HEAD with the login or the token that the registry asks for."""
    try:
        return _head(url, headers)
    except urllib.error.HTTPError as error:
        demanded = error.headers.get("WWW-Authenticate") or ""
        if error.code != 401 or not demanded:
            raise
    if demanded.lower().startswith("basic") and login:
        return _head(url, dict(headers, Authorization=_basic(login)))
    return _head(url, dict(headers, Authorization=f"Bearer {_token(demanded, login)}"))


def _head(url: str, headers: Dict[str, str]) -> Any:
    request = urllib.request.Request(url, headers=headers, method="HEAD")
    with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
        return answer.headers


def _token(demanded: str, login: Optional[Mapping[str, str]]) -> str:
    asked = dict(re.findall(r'(\w+)="([^"]*)"', demanded))
    if "realm" not in asked:
        raise ValueError("it asks for a login in a way that is not known here")
    query = urlencode({key: asked[key] for key in ("service", "scope") if key in asked})
    headers = {"Authorization": _basic(login)} if login else {}
    with urllib.request.urlopen(
        urllib.request.Request(f"{asked['realm']}?{query}", headers=headers), timeout=ANSWER_S
    ) as answer:
        told = json.loads(answer.read(1 << 20))
    return str(told.get("token") or told.get("access_token") or "")


def _basic(login: Mapping[str, str]) -> str:
    return "Basic " + base64.b64encode(f"{login['username']}:{login['password']}".encode()).decode("ascii")
