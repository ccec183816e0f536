# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Images from scratch, made without an engine: layers, a configuration and a manifest are files with digests."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def digest_of(blob: bytes) -> str:
    """Return the name that a registry knows a blob by."""
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


@dataclass(frozen=True)
class Image:
    """An image as a registry holds it."""

    manifest: bytes
    blobs: tuple[bytes, ...]

    @property
    def digest(self) -> str:
        """The digest that pins this image."""
        return digest_of(self.manifest)


def layer(files: Mapping[str, bytes | str], executable: tuple[str, ...] = ()) -> bytes:
    """Return the tar of a layer with these files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            body = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.size, entry.mode = len(body), 0o755 if name in executable else 0o644
            tar.addfile(entry, io.BytesIO(body))
    return out.getvalue()


def image(layers: list[bytes], config: dict[str, Any], architecture: str = "amd64") -> Image:
    """Return the image of these layers; ``config`` is the engine's: Entrypoint, Env, StopSignal, Healthcheck, ..."""
    packed = [gzip.compress(each, compresslevel=1, mtime=0) for each in layers]
    described = {
        "architecture": architecture,
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [digest_of(each) for each in layers]},
    }
    settings = json.dumps(described, sort_keys=True).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "size": len(settings), "digest": digest_of(settings)},
        "layers": [{"mediaType": LAYER, "size": len(each), "digest": digest_of(each)} for each in packed],
    }
    return Image(json.dumps(manifest, sort_keys=True).encode(), (settings, *packed))
