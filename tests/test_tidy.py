"""Rules of the house that no tool knows, each one test; a failure names what breaks it."""

import ast
import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

import pytest

from shared import operate
from shared.domain.refusals import Refusal
from shared.events.catalogue import BY_TYPE
from shared.migrate import SERVICES
from shared.web.routes import Route

PROJECT: Final = Path(__file__).resolve().parents[1]

FUNCTION_LINES_MAX: Final = 50
FILE_LINES_MAX: Final = 400
TEST_FILE_LINES_MAX: Final = 700

WORDLESS_NAMES: Final = {"base", "common", "helper", "helpers", "manager", "util", "utils"}
PACKAGES: Final = ("services", "shared", "deploy.local", "clients")
PAGE_PARTS: Final = ("text/css", "text/javascript")

Function = ast.FunctionDef | ast.AsyncFunctionDef


# Shape ---------------------------------------------------------------------------------------


def test_functions_fit_a_screen() -> None:
    """What does not fit a screen is not read in one go, and then not checked either."""
    too_long = [
        f"{_place(path, node)} {node.name}: {_length(node)} lines"
        for path in _python_files()
        for node in ast.walk(_parsed(path))
        if isinstance(node, Function) and _length(node) > FUNCTION_LINES_MAX
    ]

    assert not too_long, _listed(too_long)


def test_files_are_short_enough_to_know() -> None:
    """A file that grows long holds a second subject: its room becomes a package."""
    too_long = [
        f"{_name(path)}: {lines} lines of {limit}"
        for path in _python_files()
        if (lines := len(_text(path).splitlines()))
        > (limit := TEST_FILE_LINES_MAX if _is_test(path) else FILE_LINES_MAX)
    ]

    assert not too_long, _listed(too_long)


def test_files_are_named_for_what_they_hold() -> None:
    """A drawer named for no thing collects everything."""
    wordless = [
        _name(path)
        for path in _python_files()
        if WORDLESS_NAMES & {part.removesuffix(".py") for part in path.relative_to(PROJECT).parts}
    ]

    assert not wordless, _listed(wordless)


def test_executable_files_say_what_runs_them() -> None:
    """Without a first line `#!…` a shell guesses; without the bit, nobody can start it."""
    wrong = [
        _name(path)
        for path in _files()
        if bool(path.stat().st_mode & 0o111) != path.read_bytes().startswith(b"#!")
    ]

    assert not wrong, _listed(wrong)


# Money and twins -----------------------------------------------------------------------------


_TIMING: Final = re.compile(r"JITTER_\w+|\w+_S(_MIN|_MAX)?")
"""Seconds are no money: a constant that says so in its name may be a float."""


def test_domains_hold_no_floats() -> None:
    """A float cannot hold a tenth, and money is counted in tenths."""
    floats = [
        f"{_place(path, node)}: {node.value}"
        for path in _python_files()
        if "domain" in path.relative_to(PROJECT).parts and not _is_test(path)
        for statement in _parsed(path).body
        if not _is_timing(statement)
        for node in ast.walk(statement)
        if isinstance(node, ast.Constant) and isinstance(node.value, float)
    ]

    assert not floats, _listed(floats)


def test_no_test_mocks() -> None:
    """A mock agrees with whatever it is asked; a small twin of the port keeps the port's word."""
    mocks = [
        _place(path, node)
        for path in _python_files()
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.Import | ast.ImportFrom) and _imports_mock(node)
    ]

    assert not mocks, _listed(mocks)


# SQL -----------------------------------------------------------------------------------------

_STATEMENT: Final = re.compile(
    r"(?!\n)\s*(INSERT INTO|UPDATE \w+|DELETE FROM|SELECT\b.*\bFROM|WITH (RECURSIVE )?\w+.* AS)\s",
    re.DOTALL,
)
"""What reads or writes a table. A text that begins on a new line continues a named one."""

_QUERY_NAME: Final = re.compile(r"-- ([a-z]+)\.([a-z0-9_]+)\n")
_ROOM_WITH_SQL: Final = re.compile(
    r"services/\w+/store(/\w+)?\.py|shared/\w+\.py|deploy/local/(postgres|roles)\.py"
)


def test_sql_stands_in_stores_alone() -> None:
    """Whoever changes a table must find every line that knows it."""
    strays = [
        place
        for path, place, text in _production_texts()
        if (_QUERY_NAME.match(text) or _STATEMENT.match(text))
        and not _ROOM_WITH_SQL.fullmatch(_name(path))
        and not _name(path).startswith("benchmarks/")
    ]

    assert not strays, _listed(strays)


def test_statements_begin_with_their_name() -> None:
    """The name shows in `pg_stat_activity`, and leads from a slow statement to its line."""
    nameless = [
        f"{place}: {text[:50]!r}"
        for path, place, text in _production_texts()
        if _STATEMENT.match(text) and not _name(path).startswith("benchmarks/")
    ]

    assert not nameless, _listed(nameless)


def test_statement_is_named_for_its_service_and_no_other() -> None:
    """Two statements of one name cannot be told apart where they show."""
    named = [
        (match, place, _owner(path))
        for path, place, text in _production_texts()
        if (match := _QUERY_NAME.match(text))
    ]
    counted = Counter(match[0] for match, _, _ in named)

    wrong = [
        f"{place}: {match[0].strip()}"
        for match, place, owner in named
        if match[1] != owner or counted[match[0]] > 1
    ]

    assert named
    assert not wrong, _listed(wrong)


@pytest.mark.parametrize("room", ["shared", *(f"services/{name}" for name in SERVICES)])
def test_migrations_are_numbered_without_gap(room: str) -> None:
    """A gap is a file that was forgotten or taken back; both break a database that ran it."""
    names = sorted(path.name for path in (PROJECT / room / "migrations").glob("*.sql"))

    numbers = [
        int(match[1])
        for name in names
        if (match := re.fullmatch(r"(\d{4})_(?:pre|post)_[a-z0-9_]+\.sql", name))
    ]

    assert numbers, "there is none"
    assert len(numbers) == len(names), f"not named NNNN_(pre|post)_what.sql: among {names}"
    assert numbers == list(range(1, len(numbers) + 1)), names


# Refusals, events, pages of text --------------------------------------------------------------


def test_refusal_codes_are_unique() -> None:
    """Programs act on a code; one that means two things is acted on wrongly."""
    rules = [rule for rule in _refusals() if "code" in vars(rule)]
    counted = Counter(rule.code for rule in rules)

    wrong = [
        f"{rule.code}: {rule.__module__}.{rule.__qualname__}"
        for rule in rules
        if counted[rule.code] > 1
    ]

    assert rules
    assert not wrong, _listed(sorted(wrong))


def test_refusals_are_whole() -> None:
    """A refusal without a kind has no status; a code in another style is hard to match."""
    broken = [
        f"{rule.__module__}.{rule.__qualname__}"
        for rule in _refusals()
        if not rule.__subclasses__()
        and not (
            hasattr(rule, "kind")
            and hasattr(rule, "code")
            and re.fullmatch(r"[a-z][a-z0-9_]+", rule.code)
            and rule.__doc__
        )
    ]

    assert not broken, _listed(broken)


def test_every_event_type_has_its_golden_sample() -> None:
    """A sample is what others have built on; a type without one may change unseen."""
    samples = {path.stem for path in (PROJECT / "tests" / "golden" / "events").iterdir()}

    assert samples == set(BY_TYPE)


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_is_in_its_service_readme(service: str) -> None:
    """A reader of the page must be able to trust that it is all there."""
    readme = _readme(service)

    missing = [
        name
        for route in _routes(service)
        if (name := f"{route.method} {route.path}") not in readme
        and route.answer_type not in PAGE_PARTS
    ]

    assert not missing, f"services/{service}/README.md lacks:{_listed(missing)}"


@pytest.mark.parametrize("service", SERVICES)
def test_every_refusal_of_a_service_is_in_its_readme(service: str) -> None:
    """Who meets a code looks it up; those of the edge, alike everywhere, are at `/docs`."""
    readme = _readme(service)
    own = {rule.code for rule in _refusals() if rule.__module__.startswith(f"services.{service}.")}
    listed = {refusal.code for route in _routes(service) for refusal in route.refusals}

    missing = sorted(code for code in own | listed if f"`{code}`" not in readme)

    assert own
    assert not missing, f"services/{service}/README.md lacks:{_listed(missing)}"


# Words ---------------------------------------------------------------------------------------

_KEPT_OUT: Final = {
    "a path of one machine": re.compile(r"(?<![\w.~$}])/(work|home|Users)/\w"),
    "an issue's number, which says nothing": re.compile(r"\bissue #", re.IGNORECASE),
    "a TODO without words": re.compile(r"\bTODO\W*$", re.MULTILINE),
    "a package index": re.compile(r"pypi\.org|pythonhosted|registry\.npmjs", re.IGNORECASE),
}


@pytest.mark.parametrize("what", _KEPT_OUT)
def test_no_file_names(what: str) -> None:
    """The tree speaks of itself alone, and works wherever it is put."""
    found = [
        f"{_name(path)}:{_text(path).count(chr(10), 0, match.start()) + 1}: {match[0].strip()}"
        for path in _files()
        if path != Path(__file__)
        for match in _KEPT_OUT[what].finditer(_text(path))
    ]

    assert not found, _listed(found)


# Reading the tree ----------------------------------------------------------------------------


@cache
def _files() -> tuple[Path, ...]:
    """List the project's own files, without what tools leave behind."""
    return tuple(_below(PROJECT))


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.is_symlink():
            yield path
        elif path.is_dir() and not _is_foreign(path):
            yield from _below(path)


def _is_foreign(folder: Path) -> bool:
    return (
        (folder.name.startswith(".") and folder.name != ".ci")
        or folder.name in {"build", "__pycache__", "node_modules"}
        or folder.name.endswith(".egg-info")
        or (folder / "pyvenv.cfg").exists()
    )


@cache
def _python_files() -> tuple[Path, ...]:
    return tuple(path for path in _files() if path.suffix == ".py")


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(_text(path), filename=str(path))


def _name(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


def _place(path: Path, node: ast.stmt | ast.expr) -> str:
    return f"{_name(path)}:{node.lineno}"


def _is_test(path: Path) -> bool:
    return path.is_relative_to(PROJECT / "tests")


def _owner(path: Path) -> str:
    """Name the service or the package that a file belongs to."""
    parts = path.relative_to(PROJECT).parts
    return parts[1] if parts[0] in {"services", "deploy"} else parts[0]


def _length(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _is_timing(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and _TIMING.fullmatch(statement.target.id) is not None
    )


def _imports_mock(node: ast.Import | ast.ImportFrom) -> bool:
    names = {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        return node.module == "unittest.mock" or (node.module == "unittest" and "mock" in names)
    return "unittest.mock" in names or "mock" in names


@cache
def _production_texts() -> tuple[tuple[Path, str, str], ...]:
    """List every text in the code, tests excepted, with its place; an f-string by its beginning."""
    return tuple(
        (path, _place(path, node), node.value)
        for path in _python_files()
        if not _is_test(path)
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


@cache
def _import_all() -> None:
    for package in PACKAGES:
        module = importlib.import_module(package)
        for found in pkgutil.walk_packages(module.__path__, f"{package}."):
            if not found.name.endswith(".__main__"):
                importlib.import_module(found.name)


def _refusals() -> list[type[Refusal]]:
    """List every refusal of the tree; those that tests make up are not among them."""
    _import_all()
    return [rule for rule in _descendants(Refusal) if rule.__module__.startswith(PACKAGES)]


def _descendants(rule: type[Refusal]) -> Iterator[type[Refusal]]:
    for child in rule.__subclasses__():
        yield child
        yield from _descendants(child)


def _routes(service: str) -> list[Route]:
    """List what a service serves: its own routes, its pages, and those that every service has."""
    _import_all()
    apis = [importlib.import_module(f"services.{service}.api").api, operate.routes(service)]
    if (PROJECT / "services" / service / "pages.py").exists():
        apis.append(importlib.import_module(f"services.{service}.pages").pages())
    routes = chain.from_iterable(api.routes for api in apis)
    return list({(route.method, route.path): route for route in routes}.values())


def _readme(service: str) -> str:
    path = PROJECT / "services" / service / "README.md"
    return _text(path) if path.exists() else ""


def _listed(lines: list[str]) -> str:
    return "".join(f"\n  {line}" for line in lines)
