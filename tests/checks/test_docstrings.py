"""Nine tenths of what is public in `chat/` has a docstring; what implements a documented method shares that one."""

import ast
from collections.abc import Iterator
from pathlib import Path

CHAT = Path(__file__).parents[2] / "chat"
STEPS = CHAT / "store" / "migrations" / "versions"  # each is one `upgrade`, under the docstring of its module
SHARE_MIN = 0.9

Public = tuple[str, ast.AST | None, ast.ClassDef | None]  # its name, what it is, and the class that it is a method of


def public_of(path: Path) -> Iterator[Public]:
    """The module, and its public classes, functions and methods; not what is inside of functions."""
    module = ast.parse(path.read_text())
    name = str(path.relative_to(CHAT))
    if module.body:
        yield name, module, None
    for node in module.body:
        if is_public(node):
            yield f"{name} {node.name}", node, None
        if isinstance(node, ast.ClassDef) and is_public(node):
            yield from ((f"{name} {node.name}.{part.name}", part, node) for part in node.body if is_public(part))


def is_public(node: ast.AST) -> bool:
    named = isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
    return named and not node.name.startswith("_")


def bases_of(node: ast.ClassDef) -> set[str]:
    """The names of the classes that it derives from directly."""
    return {ast.unparse(base).rpartition(".")[2] for base in node.bases}


def undocumented(public: list[Public], shared: set[tuple[str, str]]) -> list[str]:
    """The names of those without a docstring, of their own or `shared` by a class or protocol that they implement."""
    return [
        name
        for name, node, of_class in public
        if not ast.get_docstring(node)
        and not (of_class and any((base, node.name) in shared for base in {*bases_of(of_class), "Protocol"}))
    ]


def test_nine_tenths_of_what_is_public_says_what_it_promises():
    count, missing = 0, []
    for folder in sorted({path.parent for path in CHAT.rglob("*.py")} - {STEPS}):
        public = [found for path in sorted(folder.glob("*.py")) for found in public_of(path)]
        methods = [(node, of_class) for _, node, of_class in public if of_class and ast.get_docstring(node)]
        shared = {(of_class.name, node.name) for node, of_class in methods}
        shared |= {("Protocol", node.name) for node, of_class in methods if "Protocol" in bases_of(of_class)}
        count += len(public)
        missing += undocumented(public, shared)
    assert count > 1000, "a premise"
    assert len(missing) <= (1 - SHARE_MIN) * count, "\n".join(missing)
