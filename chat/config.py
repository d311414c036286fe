"""The table of settings: what an operator may set, by environment or by `longwave.cfg`, checked at start."""

from __future__ import annotations

import dataclasses
import datetime
import ipaddress
import os
import re
import unicodedata
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from chat.errors import ConfigError

FILE_NAME = "longwave.cfg"


class Check(NamedTuple):
    """What a setting may be, in words, and the function that reads it from text or raises ValueError."""

    allowed: str
    read: Callable[[str], Any]


class Setting(NamedTuple):
    name: str
    kind: str
    default: str
    check: Check
    help: str

    @property
    def attribute(self) -> str:
        """Its name in Config: CHAT_SITE_NAME is `config.site_name`."""
        return self.name.removeprefix("CHAT_").lower()


# Checks


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
    """A list with commas between; nothing between two commas counts as nothing."""
    return Check(
        f"a list, with commas between, of {item.allowed}; or nothing",
        lambda text: tuple(item.read(part.strip()) for part in text.split(",") if part.strip()),
    )


def _folder_or_none(text: str) -> Path | None:
    return _folder(text) if text else None


def _path(text: str) -> str:
    if not re.fullmatch(r"/?[\w.~-]+(/[\w.~-]+)*", text, re.ASCII) or ".." in text.split("/"):
        raise ValueError
    return text


def _folder(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError
    return Path(os.path.abspath(os.path.expanduser(text)))


def _timezone(text: str) -> datetime.tzinfo:
    if text == "UTC":  # there even where the system has no table of time zones
        return datetime.timezone.utc
    return zoneinfo.ZoneInfo(text)


def _link(text: str) -> tuple[str, str]:
    label, _, url = (part.strip() for part in text.partition("="))
    if not label or not re.fullmatch(r"(https?://[^\s/\\]|/(?![/\\]))[^\s\\\"<>]*", url, re.IGNORECASE):
        raise ValueError
    return _text(label, 1, 60, ""), _text(url, 1, 500, "")


def _host(text: str) -> str:
    if ":" in text:
        return f"[{ipaddress.IPv6Address(text.strip('[]'))}]"
    host = text.lower().removesuffix(".")
    if not re.fullmatch(r"\.?[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9])?", host):
        raise ValueError
    return host


def _origin(text: str) -> str:
    """As browsers write it: in small letters, without the port that its scheme has anyway."""
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


def _proxy(text: str) -> str:
    if text == "unix":
        return text
    if "/" in text:
        return str(ipaddress.ip_network(text, strict=False))
    return str(ipaddress.ip_address(text))


def _days_or_forever(text: str) -> int | None:
    return None if text == "forever" else int(_number(text, "[0-9]{1,5}", 1, 36500))


def _whole_or_auto(text: str) -> int | None:
    return None if text == "auto" else int(_number(text, "[0-9]{1,7}", 0, 1_000_000))


def _seconds(text: str) -> int:
    return int(_number(text, "[0-9]{1,5}", 0, 86400))


def _contact(text: str) -> str:
    if text and not re.fullmatch(r"(mailto:[^\s@]+@[^\s@]+|https://\S+|tel:\+[0-9-]+)", text):
        raise ValueError
    return text


def _token(text: str) -> str:
    if text and not re.fullmatch(r"[!-~]{16,200}", text):
        raise ValueError
    return text


def _language(text: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}", text):
        raise ValueError
    return text


# The table


def _setting(default: str, check: Check, help: str) -> Any:
    return dataclasses.field(metadata={"default": default, "check": check, "help": help})


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every setting as its value; the attribute `site_name` is the setting CHAT_SITE_NAME."""

    instance: Path = _setting(
        "instance",
        Check("the path of a folder", _folder),
        "The folder of everything that the chat keeps: database, keys, sockets and longwave.cfg.",
    )
    site_name: str = _setting("Longwave", one_line(1, 60), "The site's name, shown in every title.")
    welcome: str = _setting("", lines(1000), "A few words on the first page, before anybody has signed in.")
    footer_links: tuple[tuple[str, str], ...] = _setting(
        "",
        many(Check("links such as “Privacy=/privacy” or “Legal notice=https://example.org/legal”", _link)),
        "Links at the foot of every page.",
    )
    timezone: datetime.tzinfo = _setting(
        "UTC",
        Check("the name of a time zone such as UTC or Europe/Berlin", _timezone),
        "The time zone of pages without script; with script the browser's own is shown.",
    )
    public: bool = _setting("on", on_or_off, "Whether open rooms can be read without a name.")
    hosts: tuple[str, ...] = _setting(
        "",
        many(Check("host names without port such as chat.example.org (.example.org: all below it)", _host)),
        "The host names that the site answers to; nothing means any.",
    )
    allowed_origins: tuple[str, ...] = _setting(
        "",
        many(Check("origins such as https://blog.example.org or http://localhost:8080", _origin)),
        "The sites whose pages may read along in the reader's name.",
    )
    cookie_samesite: str = _setting(
        "Lax",
        one_of("Lax", "None"),
        "None sends the cookies along with pages of wholly other sites, too, where the chat is reached by HTTPS.",
    )
    entry_word: str = _setting(
        "", Check("a word of at most 100 characters; or nothing", lambda text: _text(text, 0, 100, "")),
        "A word that everybody is asked for once, before anything is shown.",
    )
    rooms_by: str = _setting("all", one_of("all", "owner"), "Who may open rooms: all with a name, or owners.")
    rooms_max: int = _setting(
        "1000", whole(1, 100_000), "Where there are so many rooms, only owners open more."
    )
    guest_days: int = _setting(
        "30", whole(1, 3650), "After so many days without a visit a guest's name is free for others."
    )
    keep_days: int | None = _setting(
        "forever",
        Check("forever, or a whole number of days from 1 to 36500", _days_or_forever),
        "After so many days a message is removed for good.",
    )
    log_days: int = _setting("30", whole(1, 3650), "So long a reader may be away and still get exactly what it missed.")
    log_events: int = _setting(
        "1000000", whole(1000, 100_000_000), "At most so many events are kept for readers that were away."
    )
    keep_addresses_days: int = _setting(
        "7", whole(1, 365), "So long the addresses and browsers of sessions are kept, for bans."
    )
    limits: bool = _setting("on", on_or_off, "Flood control; off is for benchmarks.")
    posts_per_minute: int = _setting(
        "30", whole(1, 6000), "So many messages a person may write, a third of them at once."
    )
    bot_posts_per_second: int = _setting("50", whole(1, 10000), "So many messages a bot may write.")
    index: bool = _setting("off", on_or_off, "Whether search engines may list the site.")
    security_contact: str = _setting(
        "",
        Check("an address such as mailto:security@example.org or https://example.org/report; or nothing", _contact),
        "Where to report a hole in the site, for /.well-known/security.txt.",
    )
    heartbeat_seconds: int = _setting(
        "15", whole(1, 55), "A silent stream sends a ping so often; proxies cut what is idle for 60."
    )
    streams: int | None = _setting(
        "auto",
        Check("auto, or a whole number from 0 to 1000000", _whole_or_auto),
        "So many streams and held polls each process keeps open; whoever comes then polls. auto is what it can bear.",
    )
    stream_minutes: int = _setting(
        "60", whole(1, 1440), "After about so many minutes a stream is opened anew, at whichever process has room."
    )
    stream_seconds: int | None = _setting(
        "auto",
        Check("auto, or a whole number from 0 to 86400", lambda text: None if text == "auto" else _seconds(text)),
        "The same in seconds, for hosts that cut off what lasts. auto is 25 to 55 on a server that is not our own "
        "worker; with 0 a stream ends with all that there is, and is opened anew at the interval of polls.",
    )
    heads_dir: Path | None = _setting(
        "",
        Check("the path of a folder; or nothing", _folder_or_none),
        "A folder of its own that the web server hands out: the newest number of each room lies there, and readers "
        "who poll look at it instead of asking the chat.",
    )
    heads_url: str = _setting(
        "heads",
        Check("a path such as heads, below the site's own address, or /files/heads", _path),
        "The address of CHAT_HEADS_DIR.",
    )
    roster_max: int = _setting("200", whole(1, 10000), "With more people here only their count is shown.")
    trusted_proxies: tuple[str, ...] = _setting(
        "",
        many(Check("addresses such as 127.0.0.1, networks such as 10.0.0.0/8, or the word unix", _proxy)),
        "The proxies whose forwarding headers are believed; unix means every Unix socket.",
    )
    log_addresses: str = _setting(
        "short", one_of("short", "full", "none"), "How much of a visitor's address stands in the log."
    )
    metrics_token: str = _setting(
        "",
        Check("at least 16 letters, digits and signs of ASCII without a space; or nothing", _token),
        "The key with which /metrics may be read from elsewhere than this machine, as a bot's key is sent.",
    )
    look_seconds: float = _setting(
        "1", number(0, 60), "So often each process looks at the log even without a ring; 0 is never."
    )
    journal: str = _setting(
        "auto",
        one_of("auto", "wal", "rollback"),
        "SQLite's journal; auto is rollback on network file systems, wal elsewhere.",
    )
    synchronous: str = _setting(
        "full",
        one_of("full", "normal"),
        "SQLite's care: full keeps each answered message through a power cut, normal is faster.",
    )
    ring_events: int = _setting("4096", whole(16, 1_000_000), "So many new events a process keeps at hand.")
    ring_bytes: int = _setting(
        "16000000", whole(1_000_000, 999_999_999), "At most so many bytes of new events a process keeps at hand."
    )
    language: str = _setting(
        "en", Check("a language's code such as en or pt-BR", _language), "The language of the pages."
    )


def _row(field: dataclasses.Field[Any]) -> Setting:
    return Setting(f"CHAT_{field.name.upper()}", kind=str(field.type), **field.metadata)


SETTINGS = tuple(map(_row, dataclasses.fields(Config)))
_NAMES = {setting.name: setting for setting in SETTINGS}


def describe(setting: Setting) -> tuple[str, str, str, str]:
    """Name, what is allowed, default and help, as people read them."""
    return setting.name, setting.check.allowed, setting.default, setting.help


def as_markdown() -> str:
    """All settings as the table that stands in docs/settings.md."""
    rows = [("Setting", "Allowed", "Default", "What it does"), ("---",) * 4]
    for name, allowed, default, help in map(describe, SETTINGS):
        rows.append((f"`{name}`", allowed, f"`{default}`" if default else "", help))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


# Reading


class _Typed(NamedTuple):
    text: str
    where: str


def load(environ: Mapping[str, str] = os.environ) -> Config:
    """The settings of the environment, then of `longwave.cfg` in the instance folder, then the defaults.

    Raises ConfigError for a wrong value, an unknown name or a file that cannot be read.
    """
    typed = dict(_from_environment(environ))
    typed.setdefault("CHAT_INSTANCE", _Typed(str(_default_instance()), ""))
    instance = _read(_NAMES["CHAT_INSTANCE"], typed["CHAT_INSTANCE"])
    typed = dict(_from_file(instance / FILE_NAME)) | typed
    return Config(**{s.attribute: _read(s, typed.get(s.name, _Typed(s.default, ""))) for s in SETTINGS})


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, _Typed]]:
    for name, text in environ.items():
        # CHAT_TEST_ is left to the tests, which switch their own means on by it.
        if name.startswith("CHAT_") and not name.startswith("CHAT_TEST_"):
            _refuse_unknown(name, "in the environment")
            yield name, _Typed(text, "in the environment")


def _from_file(path: Path) -> Iterator[tuple[str, _Typed]]:
    """Lines `CHAT_NAME = value`; empty ones and those that begin with # say nothing."""
    seen = set()
    for line_number, line in enumerate(_file_lines(path), 1):
        name, equals, text = (part.strip() for part in line.partition("="))
        if not line.strip() or name.startswith("#"):
            continue
        where = f"in line {line_number} of {path}"
        if not name or not equals:
            raise ConfigError(f"“{_shortened(line)}” {where} is no setting; write “CHAT_NAME = value”.")
        _refuse_unknown(name, where)
        if name == "CHAT_INSTANCE":
            raise ConfigError(f"{name} is “{_shortened(text)}” {where}; set it in the environment instead.")
        if name in seen:
            raise ConfigError(f"{name} is “{_shortened(text)}” {where}, but was set before; keep one line.")
        seen.add(name)
        yield name, _Typed(text, where)


def _file_lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8-sig").split("\n")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; put that right or remove it.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8; save it as UTF-8 text.") from None


def _refuse_unknown(name: str, where: str) -> None:
    if name not in _NAMES:
        nearest = get_close_matches(name.upper(), _NAMES, n=1, cutoff=0)[0]
        raise ConfigError(f"{_shortened(name)} {where} is no setting; did you mean {nearest}?")


def _read(setting: Setting, typed: _Typed) -> Any:
    try:
        return setting.check.read(typed.text.strip())
    except (ValueError, KeyError, OSError):  # zoneinfo raises all three
        said = f"“{_shortened(typed.text)}”" + (f" {typed.where}" if typed.where else "")
        raise ConfigError(f"{setting.name} is {said}, but must be {setting.check.allowed}.") from None


def _shortened(text: str) -> str:
    printable = "".join(c if c.isprintable() else "\ufffd" for c in text.strip())
    return printable if len(printable) <= 80 else printable[:79] + "…"


def _default_instance() -> Path:
    root = Path(__file__).resolve().parent.parent
    return (root if (root / "setup.cfg").exists() else Path.cwd()) / "instance"
