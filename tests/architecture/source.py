"""Reading the product's own source: which files there are, and the rules that a syntax tree can answer.

Each rule is a function from a path and its text to a list of findings, so that a planted violation can be shown to it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("hashinsight", "accounts", "crm", "marketdata", "hosting", "curtailment", "intelligence")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40
# Rows that a library writes by itself: their signals are the only place where something can be said about them.
LIBRARY_ROWS = {"accounts/receivers.py": frozenset({"Authenticator", "SecondFactor"})}
STATE_FIELDS = frozenset({"status", "stage", "state", "intent", "health"})


def product_files() -> Iterator[Path]:
    """Python files of the product, without migrations as ``makemigrations`` writes them (they hold whole triggers)."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if not (path.parent.name == "migrations" and _is_generated(path)):
                yield path


def _is_generated(path: Path) -> bool:
    return path.name.startswith("0001") or "import pgtrigger.compiler" in path.read_text(encoding="utf-8")


def test_files() -> Iterator[Path]:
    """Python files of the suite."""
    yield from sorted((ROOT / "tests").rglob("*.py"))


def relative(path: Path) -> str:
    """Path as people write it."""
    return path.relative_to(ROOT).as_posix()


def long_files(name: str, text: str) -> list[str]:
    """A file stays under 400 lines."""
    count = len(text.splitlines())
    return [f"{name}: {count} lines"] if count > MAX_FILE_LINES else []


def long_functions(name: str, text: str) -> list[str]:
    """A function stays under 40 lines, its docstring not counted."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1 - _docstring_lines(node)
            if length > MAX_FUNCTION_LINES:
                found.append(f"{name}:{node.lineno} {node.name} has {length} lines")
    return found


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return (first.end_lineno or first.lineno) - first.lineno + 1
    return 0


def _of_migrate(node: ast.ImportFrom) -> bool:
    """``post_migrate`` tells of the schema, not of rows."""
    return {name.name for name in node.names} == {"post_migrate"}


def signal_uses(name: str, text: str) -> list[str]:
    """Signals are received in ``receivers.py`` only, and only those of libraries (never of our own models)."""
    found = []
    for node in ast.walk(ast.parse(text)):
        of_models = isinstance(node, ast.ImportFrom) and node.module == "django.db.models.signals"
        if of_models and not _of_migrate(node) and name not in LIBRARY_ROWS:
            found.append(f"{name}:{node.lineno} imports model signals")
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "receiver" and not _of_a_library(node, name):
            found.append(f"{name}:{node.lineno} receives from a model of ours")
        if name.endswith("/receivers.py") or "/devtools/" in name:
            continue
        if isinstance(node, ast.ImportFrom) and node.module in {"django.dispatch", "celery.signals"}:
            found.append(f"{name}:{node.lineno} imports {node.module}")
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "connect"
            and isinstance(node.func.value, ast.Name | ast.Attribute)
            and ast.unparse(node.func.value).split(".")[-1] not in {"psycopg", "sqlite3", "socket", "sock", "client"}
        ):
            found.append(f"{name}:{node.lineno} connects {ast.unparse(node.func.value)}")
    return found


def _of_a_library(node: ast.Call, name: str) -> bool:
    """Whether a receiver of a model's signal names a model of a library as its sender."""
    if ast.unparse(node.args[0]) not in {"pre_init", "post_init", "pre_save", "post_save", "pre_delete", "post_delete"}:
        return True
    senders = {ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "sender"}
    return bool(senders) and senders <= LIBRARY_ROWS.get(name, frozenset())


def state_assignments(name: str, text: str) -> list[str]:
    """A state field is assigned in ``domain`` only: by attribute, ``setattr``, ``update()`` or ``bulk_update``."""
    if "/domain/" in name or "/migrations/" in name or "/devtools/" in name:
        return []
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in (leaf for one in targets for leaf in _leaves(one)):
                if isinstance(target, ast.Attribute) and target.attr in STATE_FIELDS and not _is_self(target):
                    found.append(f"{name}:{node.lineno} assigns {ast.unparse(target)}")
        if isinstance(node, ast.Call):
            found += _state_calls(name, node)
    return found


def _leaves(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from _leaves(element)
    else:
        yield target


def _is_self(target: ast.Attribute) -> bool:
    return isinstance(target.value, ast.Name) and target.value.id == "self"


def _state_calls(name: str, node: ast.Call) -> list[str]:
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called in {"update", "create", "get_or_create", "update_or_create"}:
        if called != "update" and not _on_manager(node.func):
            return []
        return [
            f"{name}:{node.lineno} {called}({keyword.arg}=…)"
            for keyword in node.keywords
            if keyword.arg in STATE_FIELDS
        ]
    if called == "setattr" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
        return [f"{name}:{node.lineno} setattr"] if node.args[1].value in STATE_FIELDS else []
    return []


def _on_manager(function: ast.expr) -> bool:
    return "objects" in ast.unparse(function)
