# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page: one file that needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
import json
import marshal
import sys
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Mapping

import jinja2
from markupsafe import Markup, escape

from ..kept import kept
from . import page, terms
from .text import plain

TEMPLATES = Path(__file__).resolve().parents[3] / "roles" / "report" / "templates"
_METHODS = frozenset(dir(dict))


def render(run: Mapping[str, Any]) -> str:
    """The whole page; whatever a machine or an inventory said is text in it, never markup, style or script."""
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    content = page.build(run)
    return _template().render(
        content,
        terms=terms,
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        data=_embedded([[column["id"], column["title"], column["x"]] for column in content["heat"]["columns"]]),
    )


class _Environment(jinja2.Environment):
    """Looks a name up in a mapping first where no method has that name: what Jinja comes to as well, only later."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict and attribute not in _METHODS and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


@cache
def _template() -> jinja2.Template:
    """The page's template; compiling it takes longer than filling it for a few racks, so the code is kept."""
    environment = _Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    path = TEMPLATES / "report.html.j2"
    text = path.read_text(encoding="utf-8")
    made_from = "".join([sys.version, jinja2.__version__, Path(__file__).read_text(encoding="utf-8"), text])
    code = kept("page", made_from, lambda: marshal.dumps(environment.compile(text, path.name, str(path))))
    return environment.template_class.from_code(environment, marshal.loads(code), environment.make_globals(None))


def _harmless(value: object) -> object:
    """Every value on its way into the page: markup of our own and numbers as they are, all else made plain first."""
    if type(value) is str:
        return _escaped(value)
    if isinstance(value, Markup) or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    return plain(value)


@lru_cache(maxsize=1 << 16)  # the hosts of a rack say mostly the same
def _escaped(text: str) -> Markup:
    return escape(plain(text))


def _embedded(value: Any) -> Markup:
    """JSON that cannot end the script element it is written into."""
    text = json.dumps(value, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
