# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is a text that a machine in the C locale writes, and what is not."""

from __future__ import annotations

import pytest

from ansible_collections.muster.fleet.plugins.module_utils.parse.plain import not_plain


@pytest.mark.parametrize("text", ["", "a\tb\r\n\f", "Größe 8 °C", "\ufffd 8"])
def test_text_is_plain(text: str) -> None:
    assert not_plain(text) == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [("8\0", "control"), ("\x1b[31m8", "control"), ("\u0668", "another script"), ("\uff18 GiB", "another script")],
)
def test_text_is_not_plain(text: str, says: str) -> None:
    assert says in not_plain(text)
