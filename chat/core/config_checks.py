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

    The error is a ValueError, or the KeyError or OSError that the library raises (`timezone`). A value that `is_secret`
    is shown to nobody, wrong or not.
    """

    allowed: str
    read: Callable[[str], Any]
    is_secret: bool = False


SSL_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")  # of a URL, as the driver knows them


def one_line(low: int, high: int) -> Check:
    """A text of `low` to `high` characters, trimmed, without control characters."""
    return Check(f"text of {low} to {high} characters on one line", lambda text: _text(text, low, high, ""))


def lines(high: int) -> Check:
    """A text of at most `high` characters, trimmed, without control characters but line feeds."""
    return Check(f"text of at most {high} characters", lambda text: _text(text, 0, high, "\n"))


def _text(text: str, low: int, high: int, controls: str) -> str:
    text = text.strip()
    has_controls = any(unicodedata.category(c) in ("Cc", "Cs") and c not in controls for c in text)
    if has_controls or not low <= len(text) <= high:
        raise ValueError
    return text


def one_of(*words: str) -> Check:
    """One of these words, as it is written here."""
    allowed = ", ".join(words[:-1]) + " or " + words[-1]
    return Check(allowed, lambda text: words[words.index(text)])


on_or_off = Check("on or off", lambda text: {"on": True, "1": True, "off": False, "0": False}[text])


def whole(low: int, high: int) -> Check:
    """A whole number from `low` to `high`, of at most nine digits."""
    digits = "[0-9]{1,9}"
    return Check(f"a whole number from {low} to {high}", lambda text: int(_number(text, digits, low, high)))


def number(low: int, high: int) -> Check:
    """A decimal number from `low` to `high`, without a sign or an exponent."""
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
    """A text of at most 100 characters on one line; empty means none."""
    return _text(text, 0, 100, "")


def folder_or_none(text: str) -> Path | None:
    """As `folder`; None for an empty text."""
    return folder(text) if text else None


def path(text: str) -> str:
    """A path for URLs: letters, digits and `_.~-` between slashes, without `..` and without a slash at its end."""
    if not re.fullmatch(r"/?[\w.~-]+(/[\w.~-]+)*", text, re.ASCII) or ".." in text.split("/"):
        raise ValueError
    return text


def folder(text: str) -> Path:
    """An absolute path; a relative one begins at the working directory, `~` at the home directory."""
    if not text or "\0" in text:
        raise ValueError
    return Path(os.path.abspath(os.path.expanduser(text)))


def timezone(text: str) -> datetime.tzinfo:
    """The zone of an IANA name, which must be in the system's table unless it is UTC."""
    if text == "UTC":  # there even where the system has no table of time zones
        return datetime.timezone.utc
    return zoneinfo.ZoneInfo(text)


def link(text: str) -> tuple[str, str]:
    """A label and its URL from `label = url`; the URL is `http:`, `https:` or a path of this host."""
    label, _, url = (part.strip() for part in text.partition("="))
    if not label or not re.fullmatch(r"(https?://[^\s/\\]|/(?![/\\]))[^\s\\\"<>]*", url, re.IGNORECASE):
        raise ValueError
    return _text(label, 1, 60, ""), _text(url, 1, 500, "")


def host(text: str) -> str:
    """A host name in small letters, with a leading dot for all hosts below it, or an IPv6 address in brackets."""
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
    """An IP address, a network such as 10.0.0.0/8, or `unix`."""
    if text == "unix":
        return text
    if "/" in text:
        return str(ipaddress.ip_network(text, strict=False))
    return str(ipaddress.ip_address(text))


def days_or_forever(text: str) -> int | None:
    """A number of days from 1 to 36500; None for `forever`."""
    return None if text == "forever" else int(_number(text, "[0-9]{1,5}", 1, 36500))


def whole_or_auto(text: str) -> int | None:
    """A whole number up to a million; None for `auto`."""
    return None if text == "auto" else int(_number(text, "[0-9]{1,7}", 0, 1_000_000))


def seconds_or_auto(text: str) -> int | None:
    """A number of seconds up to a day; None for `auto`."""
    return None if text == "auto" else int(_number(text, "[0-9]{1,5}", 0, 86400))


def contact(text: str) -> str:
    """A URL with `mailto:`, `https:` or `tel:`; empty means none."""
    if text and not re.fullmatch(r"(mailto:[^\s@]+@[^\s@]+|https://\S+|tel:\+[0-9-]+)", text):
        raise ValueError
    return text


def database_url(text: str) -> str:
    """The URL of a PostgreSQL database; empty means none. Its name must be in it, or everybody would have their own."""
    if text and not re.fullmatch(r"postgres(ql)?://[^\s/]*/[^\s/?]+(\?\S*)?", text):
        raise ValueError
    return _encoded(text)


def relay_url(text: str) -> str:
    """The URL of a Redis server, or of Sentinels with the name of what they watch; empty means none."""
    if not text:
        return text
    parts = r"redis(s?)(\+sentinel)?://(?:[^\s/?#@\[\]]*@)?([^\s/?#@]+)(/[\w.-]*)?(?:\?(\S+))?"
    found = re.fullmatch(parts, text, re.ASCII)
    if not found or not text.isascii():
        raise ValueError
    is_encrypted, has_sentinels, hosts, path, options = found.groups(default="")
    for host in hosts.split(",") if has_sentinels else [hosts]:
        _host_and_port(host)
    if not re.fullmatch("/[A-Za-z0-9_.-]+" if has_sentinels else "(/[0-9]*)?", path):
        raise ValueError
    allowed = [*SSL_OPTIONS * bool(is_encrypted), *["sentinel_password"] * bool(has_sentinels)]
    for option in options.split("&") if options else []:
        name, _, value = option.partition("=")
        if name not in allowed or not value:
            raise ValueError
    return _encoded(text)


def _host_and_port(text: str) -> None:
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+))(?::([0-9]{1,5}))?", text)
    if not found or int(found[3] or 0) > 65535:
        raise ValueError
    if found[1]:
        ipaddress.IPv6Address(found[1])
    else:
        found[2].encode("idna")  # labels of a length that can be looked up


def _encoded(url: str) -> str:
    if re.search("%(?![0-9A-Fa-f]{2})", url):  # what a driver would raise shows it
        raise ValueError
    return url


def key(text: str) -> str:
    """A key of 64 hexadecimal digits; empty means none."""
    if text and not re.fullmatch("[0-9a-f]{64}", text):
        raise ValueError
    return text


def token(text: str) -> str:
    """A secret of 16 to 200 printable ASCII characters without spaces; empty means none."""
    if text and not re.fullmatch(r"[!-~]{16,200}", text):
        raise ValueError
    return text


def language(text: str) -> str:
    """A language tag such as de or pt_BR."""
    if not re.fullmatch(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}", text):
        raise ValueError
    return text
