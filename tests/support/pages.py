"""A page as somebody without script has it."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import NamedTuple


class Form(NamedTuple):
    action: str
    fields: dict[str, str]


class Page(HTMLParser):
    """Its title, text, addresses, forms and tags; `raw` is its source."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.raw = text
        self.title = self.text = ""
        self.metas: dict[str, str] = {}
        self.addresses: list[str] = []
        self.forms: list[Form] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self._path: list[str] = []
        self._field: str | None = None
        self.feed(text.replace("\r\n", "\n"))
        self.close()

    def form(self, action_ends: str) -> Form:
        """The form whose address ends so, whatever its query."""
        return next(form for form in self.forms if form.action.partition("?")[0].endswith(action_ends))

    def find(self, tag: str, **attributes: str) -> Iterator[dict[str, str]]:
        for name, found in self.tags:
            if name == tag and attributes.items() <= found.items():
                yield found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append((tag, found))
        self.addresses += [found[name] for name in ("href", "src", "action") if name in found]
        self.addresses += [value for name, value in found.items() if name.startswith("data-url-")]
        if tag == "meta" and "name" in found:
            self.metas[found["name"]] = found["content"]
        elif tag == "form":
            self.forms.append(Form(found["action"], {}))
        elif tag in ("input", "textarea") and found.get("name") and self.forms:
            self._field = found["name"]
            self.forms[-1].fields[self._field] = found.get("value", "")
        self._path.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while tag in self._path and self._path.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._path[-1:] == ["title"]:
            self.title += data
        elif self._path[-1:] == ["textarea"] and self.forms and self._field:
            # The standard drops a line end right after the tag.
            self.forms[-1].fields[self._field] += re.sub(r"^\n", "", data)
        self.text += data
