"""Digests of source code: what a rule's results depend on, found by following imports."""

import ast
import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = "latentprint"
LIBRARY = Path(__file__).resolve().parents[1]
# As Python 3.11 reads them; the tokens of `tokenize` say the same and take twenty times as long.
STRING_OR_COMMENT = re.compile(
    r"""\"{3}(?:[^\\]|\\.)*?\"{3}|'{3}(?:[^\\]|\\.)*?'{3}"""
    r"""|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\#[^\n]*""",
    re.DOTALL,
)


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
        digest.update(f"{module}\n{_source(module).code}\n".encode())
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
            waiting.extend(_source(name).imports)
    return sorted(found)


def module_path(module: str) -> Path | None:
    """Give the file of a module of the package, or None if there is no such module."""
    base = LIBRARY.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@dataclass(frozen=True)
class _Source:
    """What a module says, read once: parsing all of them is most of the time of a start."""

    imports: tuple[str, ...]
    code: str


@cache
def _source(module: str) -> _Source:
    path = module_path(module)
    if path is None:
        raise FileNotFoundError(f"no module {module} in {LIBRARY}")
    text = path.read_text(encoding="utf-8")
    names: set[str] = set()
    docstrings: set[int] = set()
    for node in _statements(ast.parse(text)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module:
                names.add(node.module)
                names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            docstrings.update(_docstring_lines(node))
    ours = {name for name in names if name.split(".")[0] == PACKAGE and module_path(name)}
    # Importing a.b.c runs a and a.b as well.
    packages = {".".join(name.split(".")[:end]) for name in {module, *ours} for end in (1, 2)}
    imports = tuple(sorted(ours | {name for name in packages if module_path(name)}))
    return _Source(imports, _bare(text, docstrings))


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Walk through all statements; of expressions, most of a tree, nothing is asked."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting.extend(getattr(node, name, ()))


def _bare(text: str, docstrings: Collection[int]) -> str:
    """Take away comments, docstrings and blank lines.

    What is left is text, not tokens or syntax trees: their form differs between versions of Python.
    """
    lines = STRING_OR_COMMENT.sub(_no_comment, text).splitlines()
    for number in docstrings:
        lines[number - 1] = ""
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _no_comment(found: re.Match[str]) -> str:
    return "" if found[0].startswith("#") else found[0]


def _docstring_lines(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> range:
    first = node.body[0] if node.body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return range(first.lineno, first.end_lineno + 1)
    return range(0)
