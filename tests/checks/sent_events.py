"""Which events the code sends, found by following names through it rather than by believing their list.

An event's name enters the log by `tx.append(channel, name, …)`, a stream by `sse.frame(name, …)`, and the process by
`Event(id, channel, name, …)`. Where such a call gets the name from a parameter, the callers of that function are
looked at in turn. Nobody writes a name out: it is a constant of `log_events`.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from chat.core import log_events

PLACES = {"append": 1, "frame": 0, "_as_json": 1, "Event": 2}  # which argument of these calls is the name


class Call(NamedTuple):
    """A call, and the function that it stands in."""

    node: ast.Call
    within: ast.FunctionDef | None


def sent_events(package: Path) -> set[str]:
    """The names of all events that a reader or a process may be sent."""
    calls = [call for path in sorted(package.rglob("*.py")) for call in _calls(ast.parse(path.read_text()), None)]
    places = PLACES
    while True:
        found = dict(places)
        names: set[str] = set()
        for call in calls:
            if _is_about_events(call.node, places):
                for name in _values(call.node.args[places[_called(call.node)]]):
                    names |= _followed(name, call, found)
        if found == places:
            return names
        places = found


def _calls(node: ast.AST, within: ast.FunctionDef | None) -> Iterator[Call]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield Call(child, within)
        yield from _calls(child, child if isinstance(child, ast.FunctionDef) else within)


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _is_about_events(node: ast.Call, places: Mapping[str, int]) -> bool:
    name = _called(node)
    least = 3 if name == "append" else places.get(name, 0) + 1  # lists have an `append`, too
    return name in places and len(node.args) >= least


def _values(node: ast.expr) -> list[ast.expr]:
    """What an expression may be."""
    return [*_values(node.body), *_values(node.orelse)] if isinstance(node, ast.IfExp) else [node]


def _followed(node: ast.expr, call: Call, places: dict[str, int]) -> set[str]:
    """The event's name, where it is written here; a parameter adds its function to `places`."""
    where = f"where does this event's name come from: {ast.unparse(call.node)}"
    if isinstance(node, ast.Attribute):
        if ast.unparse(node).startswith("log_events."):
            return {getattr(log_events, node.attr)}
        assert node.attr == "name", where
        return set()  # an event of the log on its way to a reader; it is counted where it is appended
    assert isinstance(node, ast.Name) and call.within, f"{where}; is it a constant of `log_events`?"
    parameters = [each.arg for each in call.within.args.args]
    assert node.id in parameters, where
    # `self` is no argument of a call.
    places[call.within.name] = parameters.index(node.id) - (parameters[0] == "self")
    return set()
