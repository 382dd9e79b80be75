"""Digests of source code: what a rule's results depend on, found by following imports."""

import ast
import hashlib
import io
import tokenize
from functools import cache
from pathlib import Path

PACKAGE = "latentprint"
LIBRARY = Path(__file__).resolve().parents[1]


def code_digest(step: str, *, environment: Path) -> str:
    """Digest the code behind one rule: its step, the modules it reaches, its environment file.

    Parameters
    ----------
    step : str
        Name of the rule and of its module in `latentprint.steps`.
    environment : Path
        The rule's conda environment file.

    Returns
    -------
    str
        16 hexadecimal digits. Comments, docstrings and blank lines do not count.
    """
    digest = hashlib.sha256()
    for module in reached(f"{PACKAGE}.steps.{step}"):
        digest.update(f"{module}\n{_code(module)}\n".encode())
    lines = environment.read_text(encoding="utf-8").splitlines()
    bare = [line.split("#")[0].rstrip() for line in lines]
    digest.update("\n".join(line for line in bare if line).encode())
    return digest.hexdigest()[:16]


def reached(module: str) -> list[str]:
    """List a module and every module of the package that it imports, directly or not."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_imports(name))
    return sorted(found)


def module_path(module: str) -> Path | None:
    """Give the file of a module of the package, or None if there is no such module."""
    base = LIBRARY.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@cache
def _source(module: str) -> str:
    path = module_path(module)
    if path is None:
        raise FileNotFoundError(f"no module {module} in {LIBRARY}")
    return path.read_text(encoding="utf-8")


@cache
def _imports(module: str) -> tuple[str, ...]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(_source(module))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    ours = {name for name in names if name.split(".")[0] == PACKAGE and module_path(name)}
    # Importing a.b.c runs a and a.b as well.
    packages = {".".join(name.split(".")[:end]) for name in {module, *ours} for end in (1, 2)}
    return tuple(sorted(ours | {name for name in packages if module_path(name)}))


@cache
def _code(module: str) -> str:
    """Give the module's text without comments, docstrings and blank lines.

    Text, not tokens or syntax trees: their form differs between versions of Python.
    """
    source = _source(module)
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for row in _docstring_lines(source):
        lines[row - 1] = ""
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _docstring_lines(source: str) -> set[int]:
    lines: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            continue
        first = node.body[0] if node.body else None
        if (
            isinstance(first, ast.Expr)
            and isinstance(first.value, ast.Constant)
            and isinstance(first.value.value, str)
        ):
            lines.update(range(first.lineno, first.end_lineno + 1))
    return lines
