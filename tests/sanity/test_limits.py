# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""No file and no function grows beyond what can be read at one sitting. Complexity is ruff's to watch."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
MODULE_CODE_LINES = 100  # without documentation, comments and blank lines
# Lines of a file and of a function. What renders and breaks simulated machines, and what tests, is tables and texts.
PYTHON_LINES = {"plugins": (300, 40), "tools": (300, 40), "lab": (450, 50), "tests": (450, 50)}
LONGER = {"plugins/module_utils/host.py": 420}  # the only file that touches a machine stays one file
MAIN_TASKS_LINES = 70
OTHER_TASKS_LINES = 100
ROLE_VARIABLES = 30
PLAYBOOK_LINES = 25

PYTHON = sorted(path for top in PYTHON_LINES for path in (CHECKOUT / top).rglob("*.py"))
MODULES = [path for path in PYTHON if path.parent == CHECKOUT / "plugins" / "modules"]
TASKS = sorted((CHECKOUT / "roles").glob("*/tasks/**/*.yml"))
DEFAULTS = sorted((CHECKOUT / "roles").glob("*/defaults/main.yml"))
PLAYBOOKS = sorted((CHECKOUT / "playbooks").glob("*.yml"))
each = pytest.mark.parametrize


def name(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def code_lines(source: str) -> int:
    """Count lines that hold code: no blanks, no comments, no strings that stand alone or document a plugin."""
    documentation: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        value = node.value if isinstance(node, (ast.Expr, ast.Assign)) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            documentation.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return sum(
        1
        for number, line in enumerate(source.splitlines(), 1)
        if number not in documentation and line.strip() and not line.strip().startswith("#")
    )


def functions_beyond(source: str, limit: int) -> dict[str, int]:
    """Return the functions with more lines than ``limit``; the docstring does not count."""
    beyond = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0]
            told = (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(node, clean=False) else 0
            length = (node.end_lineno or node.lineno) - node.lineno + 1 - told
            if length > limit:
                beyond[node.name] = length
    return beyond


@each("path", PYTHON, ids=name)
def test_python_file_is_short_and_so_are_its_functions(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    most, most_of_function = PYTHON_LINES[path.relative_to(CHECKOUT).parts[0]]
    assert path in MODULES or lines(path) <= LONGER.get(name(path), most)
    assert functions_beyond(source, most_of_function) == {}


@each("path", MODULES, ids=name)
def test_module_is_documentation_arguments_and_a_call(path: Path) -> None:
    assert code_lines(path.read_text(encoding="utf-8")) <= MODULE_CODE_LINES


@each("path", TASKS, ids=name)
def test_task_file_is_short(path: Path) -> None:
    assert lines(path) <= (MAIN_TASKS_LINES if path.name == "main.yml" else OTHER_TASKS_LINES)


@each("path", DEFAULTS, ids=name)
def test_role_has_few_variables(path: Path) -> None:
    assert len(yaml.safe_load(path.read_text(encoding="utf-8")) or {}) <= ROLE_VARIABLES


@each("path", PLAYBOOKS, ids=name)
def test_playbook_is_a_list_of_roles(path: Path) -> None:
    assert lines(path) <= PLAYBOOK_LINES


def test_the_counters_count() -> None:
    """What the limits stand on: documentation, comments and blanks are no code; a docstring is no function line."""
    assert code_lines('"""Docs\nof two lines."""\n\nDOCUMENTATION = """\na\n"""\n# why\nx = 1\nprint(x)\n') == 2
    long = "def f():\n    '''one\n    two'''\n" + "    x = 1\n" * 5
    assert functions_beyond(long, 6) == {}
    assert functions_beyond(long, 5) == {"f": 6}
