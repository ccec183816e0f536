# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes ``ansible_collections.muster.fleet`` importable, wherever the checkout lies and whatever it is called.

Ansible finds a collection by the folders around it. The checkout is therefore linked into a tree of that
shape; the tree lies outside the checkout, because build tools would otherwise follow the link into itself.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
TREE = Path(tempfile.mkdtemp(prefix="muster-tests-"))  # each xdist worker has its own

(TREE / "ansible_collections" / "muster").mkdir(parents=True)
(TREE / "ansible_collections" / "muster" / "fleet").symlink_to(CHECKOUT, target_is_directory=True)
sys.path.insert(0, str(TREE))
os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(TREE)  # a collection installed for this user must not be tested instead


def pytest_unconfigure() -> None:
    """Remove the tree; the link goes, what it points at stays."""
    shutil.rmtree(TREE, ignore_errors=True)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The root of this checkout."""
    return CHECKOUT


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The folder of recordings from real machines, which are not part of the project: skips where it is absent."""
    folder = Path(os.environ.get("MUSTER_FIXTURES") or CHECKOUT.parent / "shared" / "fixtures")
    if not folder.is_dir():
        pytest.skip(f"no recordings of real machines at {folder}: set MUSTER_FIXTURES to the folder that holds them")
    return folder
