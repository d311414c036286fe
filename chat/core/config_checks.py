"""What values settings may have: each check describes them in words, and reads one from text.

Every function from text to a value raises ValueError for text that it does not allow.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import re
import unicodedata
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Check(NamedTuple):
    """The values that are allowed, in words, and the function that reads one from text or raises an error.

    The error is a ValueError, or the KeyError or OSError that the library raises (`timezone`).
    """

    allowed: str
    read: Callable[[str], Any]


def one_line(low: int, high: int) -> Check:
    return Check(f"text of {low} to {high} characters on one line", lambda text: _text(text, low, high, ""))


def lines(high: int) -> Check:
    return Check(f"text of at most {high} characters", lambda text: _text(text, 0, high, "\n"))


def _text(text: str, low: int, high: int, controls: str) -> str:
    text = text.strip()
    has_controls = any(unicodedata.category(c) in ("Cc", "Cs") and c not in controls for c in text)
    if has_controls or not low <= len(text) <= high:
        raise ValueError
    return text


def one_of(*words: str) -> Check:
    allowed = ", ".join(words[:-1]) + " or " + words[-1]
    return Check(allowed, lambda text: words[words.index(text)])


on_or_off = Check("on or off", lambda text: {"on": True, "1": True, "off": False, "0": False}[text])


def whole(low: int, high: int) -> Check:
    digits = "[0-9]{1,9}"
    return Check(f"a whole number from {low} to {high}", lambda text: int(_number(text, digits, low, high)))


def number(low: int, high: int) -> Check:
    digits = r"[0-9]{1,9}(\.[0-9]{1,9})?"
    return Check(f"a number from {low} to {high}", lambda text: _number(text, digits, low, high))


def _number(text: str, pattern: str, low: int, high: int) -> float:
    if not re.fullmatch(pattern, text) or not low <= float(text) <= high:
        raise ValueError
    return float(text)


def many(item: Check) -> Check:
    """A tuple of items separated by commas; empty ones are skipped."""
    return Check(
        f"{item.allowed}, separated by commas; or nothing",
        lambda text: tuple(item.read(part.strip()) for part in text.split(",") if part.strip()),
    )


def password(text: str) -> str:
    return _text(text, 0, 100, "")


def folder_or_none(text: str) -> Path | None:
    return folder(text) if text else None


def path(text: str) -> str:
    if not re.fullmatch(r"/?[\w.~-]+(/[\w.~-]+)*", text, re.ASCII) or ".." in text.split("/"):
        raise ValueError
    return text


def folder(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError
    return Path(os.path.abspath(os.path.expanduser(text)))


def timezone(text: str) -> datetime.tzinfo:
    if text == "UTC":  # there even where the system has no table of time zones
        return datetime.timezone.utc
    return zoneinfo.ZoneInfo(text)


def link(text: str) -> tuple[str, str]:
    label, _, url = (part.strip() for part in text.partition("="))
    if not label or not re.fullmatch(r"(https?://[^\s/\\]|/(?![/\\]))[^\s\\\"<>]*", url, re.IGNORECASE):
        raise ValueError
    return _text(label, 1, 60, ""), _text(url, 1, 500, "")


def host(text: str) -> str:
    if ":" in text:
        return f"[{ipaddress.IPv6Address(text.strip('[]'))}]"
    host = text.lower().removesuffix(".")
    if not re.fullmatch(r"\.?[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9])?", host):
        raise ValueError
    return host


def origin(text: str) -> str:
    """An origin as browsers write it: in lower case, without its scheme's default port."""
    host = r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\]"
    found = re.fullmatch(rf"(https?)://({host})(:[0-9]{{1,5}})?/?", text.lower())
    if not found:
        raise ValueError
    scheme, host, port = found.groups(default="")
    if host.startswith("["):
        host = f"[{ipaddress.IPv6Address(host.strip('[]'))}]"
    number = int(port[1:] or 0)
    if number > 65535:
        raise ValueError
    return f"{scheme}://{host}" + (f":{number}" if number not in (0, {"http": 80, "https": 443}[scheme]) else "")


def proxy(text: str) -> str:
    if text == "unix":
        return text
    if "/" in text:
        return str(ipaddress.ip_network(text, strict=False))
    return str(ipaddress.ip_address(text))


def days_or_forever(text: str) -> int | None:
    return None if text == "forever" else int(_number(text, "[0-9]{1,5}", 1, 36500))


def whole_or_auto(text: str) -> int | None:
    return None if text == "auto" else int(_number(text, "[0-9]{1,7}", 0, 1_000_000))


def seconds_or_auto(text: str) -> int | None:
    return None if text == "auto" else int(_number(text, "[0-9]{1,5}", 0, 86400))


def contact(text: str) -> str:
    if text and not re.fullmatch(r"(mailto:[^\s@]+@[^\s@]+|https://\S+|tel:\+[0-9-]+)", text):
        raise ValueError
    return text


def token(text: str) -> str:
    if text and not re.fullmatch(r"[!-~]{16,200}", text):
        raise ValueError
    return text


def language(text: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}", text):
        raise ValueError
    return text
