"""Which events the code sends, found by following names through it rather than by believing a list.

An event's name enters the log by `tx.append(channel, name, …)` and a stream by `sse.frame(name, …)`. Where such a
call gets the name from a parameter, the callers of that function are looked at in turn.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from chat.core import log_events


class Call(NamedTuple):
    """A call, the function that it stands in, and the constants of its file."""

    node: ast.Call
    within: ast.FunctionDef | None
    constants: Mapping[str, str]


def sent_events(package: Path) -> set[str]:
    """The names of all events that a reader may be sent."""
    calls = [call for path in sorted(package.rglob("*.py")) for call in _calls(path)]
    places = {"append": 1, "frame": 0, "_as_json": 1}
    names: set[str] = set()
    while True:
        found = dict(places)
        for call in calls:
            if not _is_about_events(call.node, places):
                continue
            for name in _values(call.node.args[places[_called(call.node)]]):
                if isinstance(name, str):
                    names.add(name)
                else:
                    _follow(name, call, names, found)
        if found == places:
            return names - {log_events.REVOKE}
        places = found


def _calls(path: Path) -> Iterator[Call]:
    tree = ast.parse(path.read_text())
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    yield from _calls_within(tree, None, constants)


def _calls_within(node: ast.AST, within: ast.FunctionDef | None, constants: Mapping[str, str]) -> Iterator[Call]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield Call(child, within, constants)
        yield from _calls_within(child, child if isinstance(child, ast.FunctionDef) else within, constants)


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _is_about_events(node: ast.Call, places: Mapping[str, int]) -> bool:
    name = _called(node)
    if name not in places or len(node.args) <= places[name]:
        return False
    if name == "append":  # lists have one, too; and what is told to the processes is for no reader
        return len(node.args) >= 3 and not _is_named(node.args[0], "SITE")
    return True


def _is_named(node: ast.expr, name: str) -> bool:
    return name in (getattr(node, "id", None), getattr(node, "attr", None))


def _values(node: ast.expr) -> list[str | ast.expr]:
    """The strings that an expression may be, and what must be looked up."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*_values(node.body), *_values(node.orelse)]
    return [node]


def _follow(node: ast.expr, call: Call, names: set[str], places: dict[str, int]) -> None:
    """Take in where a name comes from that is not written out: a constant, or the caller of this function."""
    if isinstance(node, ast.Attribute) and node.attr == "name":
        return  # an event of the log on its way to a reader; it was counted where it was appended
    assert isinstance(node, ast.Name), f"where does this event's name come from: {ast.unparse(call.node)}"
    if node.id in call.constants:
        names.add(call.constants[node.id])
        return
    parameters = [each.arg for each in call.within.args.args] if call.within else []
    assert node.id in parameters, f"where does this event's name come from: {ast.unparse(call.node)}"
    assert call.within
    # `self` is no argument of a call.
    places[call.within.name] = parameters.index(node.id) - (parameters[0] == "self")
