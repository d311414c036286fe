"""The table of settings: what an operator may set, by environment or by `longwave.cfg`, checked at start."""

from __future__ import annotations

import dataclasses
import datetime
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from chat.core import config_checks as checks
from chat.core.config_checks import Check, lines, many, number, on_or_off, one_line, one_of, whole
from chat.core.errors import ConfigError

FILE_NAME = "longwave.cfg"


class Setting(NamedTuple):
    """A setting of the operator: a row of the table; `default` is text, as typed."""

    name: str
    kind: str
    default: str
    check: Check
    help: str

    @property
    def attribute(self) -> str:
        """Its name in Config: CHAT_SITE_NAME is `config.site_name`."""
        return self.name.removeprefix("CHAT_").lower()


# The table


def _setting(default: str, check: Check, help: str) -> Any:
    return dataclasses.field(metadata={"default": default, "check": check, "help": help})


@dataclass(frozen=True, kw_only=True, repr=False)  # it holds secrets
class Config:
    """Every setting as its value; the attribute `site_name` is the setting CHAT_SITE_NAME."""

    instance: Path = _setting(
        "instance",
        Check("the path of a folder", checks.folder),
        "The folder where the chat keeps everything: database, keys, sockets and longwave.cfg.",
    )
    site_name: str = _setting("Longwave", one_line(1, 60), "The site's name, shown in every title.")
    welcome: str = _setting("", lines(1000), "A few words on the home page, before anyone signs in.")
    footer_links: tuple[tuple[str, str], ...] = _setting(
        "",
        many(Check("links such as “Privacy=/privacy” or “Legal notice=https://example.org/legal”", checks.link)),
        "Links at the foot of every page.",
    )
    timezone: datetime.tzinfo = _setting(
        "UTC",
        Check("the name of a time zone such as UTC or Europe/Berlin", checks.timezone),
        "The time zone of pages without JavaScript; with it, people see their own.",
    )
    public: bool = _setting("on", on_or_off, "Whether people can read open rooms without picking a name.")
    hosts: tuple[str, ...] = _setting(
        "",
        many(Check("host names without a port such as chat.example.org (.example.org for all below it)", checks.host)),
        "The host names that the site answers to; nothing means any.",
    )
    allowed_origins: tuple[str, ...] = _setting(
        "",
        many(Check("origins such as https://blog.example.org or http://localhost:8080", checks.origin)),
        "Other sites whose pages can read the chat as the person who is signed in.",
    )
    cookie_samesite: str = _setting(
        "Lax",
        one_of("Lax", "None"),
        "None lets pages of unrelated sites send the cookies, too, if the chat is reached by HTTPS.",
    )
    entry_word: str = _setting(
        "",
        Check("a password of at most 100 characters; or nothing", checks.password, is_secret=True),
        "A shared password. Everyone is asked for it once, before they see anything.",
    )
    rooms_by: str = _setting(
        "all", one_of("all", "owner"), "Who can create rooms: everyone with a name, or only owners."
    )
    rooms_max: int = _setting(
        "1000", whole(1, 100_000), "Once there are this many rooms, only owners can create more."
    )
    guest_days: int = _setting(
        "30", whole(1, 3650), "After this many days without a visit, a guest's name is free for others."
    )
    keep_days: int | None = _setting(
        "forever",
        Check("forever, or a whole number of days from 1 to 36500", checks.days_or_forever),
        "After this many days a message is deleted for good.",
    )
    log_days: int = _setting(
        "30", whole(1, 3650), "How many days readers can be away and still get exactly what they missed."
    )
    log_events: int = _setting(
        "1000000", whole(1000, 100_000_000), "How many events are kept, at most, for readers who were away."
    )
    keep_addresses_days: int = _setting(
        "7", whole(1, 365), "How many days the addresses and browsers of sessions are kept, for bans."
    )
    limits: bool = _setting("on", on_or_off, "Flood control; off is meant for benchmarks.")
    posts_per_minute: int = _setting(
        "30", whole(1, 6000), "How many messages a person can send in a minute, a third of them at once."
    )
    bot_posts_per_second: int = _setting("50", whole(1, 10000), "How many messages a bot can send in a second.")
    index: bool = _setting("off", on_or_off, "Whether search engines may list the site.")
    security_contact: str = _setting(
        "",
        Check(
            "an address such as mailto:security@example.org or https://example.org/report; or nothing", checks.contact
        ),
        "Where to report a security hole, for /.well-known/security.txt.",
    )
    heartbeat_seconds: int = _setting(
        "15", whole(1, 55), "Seconds between pings on a silent stream; proxies cut connections that are idle for 60."
    )
    streams: int | None = _setting(
        "auto",
        Check("auto, or a whole number from 0 to 1000000", checks.whole_or_auto),
        "How many streams and held polls each process keeps open; readers beyond that poll. auto is as many as it "
        "can take.",
    )
    stream_minutes: int = _setting(
        "60", whole(1, 1440), "After about this many minutes a stream is reopened, by any process that has room."
    )
    stream_seconds: int | None = _setting(
        "auto",
        Check("auto, or a whole number from 0 to 86400", checks.seconds_or_auto),
        "The same in seconds, for hosts that cut off long requests. auto is 25 to 55 on servers other than our own "
        "worker. With 0 a stream ends once all there is has been sent, and is reopened as often as others poll.",
    )
    heads_dir: Path | None = _setting(
        "",
        Check("the path of a folder; or nothing", checks.folder_or_none),
        "A folder, used for nothing else, that the web server serves. It holds the newest number of each room, and "
        "readers who poll look there instead of asking the chat.",
    )
    heads_url: str = _setting(
        "heads",
        Check("a path such as heads, below the site's own address, or /files/heads", checks.path),
        "The address of CHAT_HEADS_DIR.",
    )
    roster_max: int = _setting("200", whole(1, 10000), "With more people here, only their number is shown.")
    trusted_proxies: tuple[str, ...] = _setting(
        "",
        many(Check("addresses such as 127.0.0.1, networks such as 10.0.0.0/8, or the word unix", checks.proxy)),
        "Proxies whose forwarding headers are trusted; unix means every Unix socket.",
    )
    log_addresses: str = _setting(
        "short", one_of("short", "full", "none"), "How much of a visitor's address is written to the log."
    )
    metrics_token: str = _setting(
        "",
        Check(
            "16 to 200 ASCII letters, digits and symbols, without spaces; or nothing", checks.token, is_secret=True
        ),
        "The key for reading /metrics from other machines, sent as bots send theirs.",
    )
    look_seconds: float = _setting(
        "1",
        number(0, 60),
        "How often, in seconds, each process checks the log even if nothing told it to; 0 means never.",
    )
    database_url: str = _setting(
        "",
        Check("the URL of a PostgreSQL database such as postgresql://user:password@host/name; or nothing",
              checks.database_url, is_secret=True),
        "The database of the chat; nothing means a file of SQLite's in CHAT_INSTANCE.",
    )
    database_connections: int = _setting(
        "10", whole(2, 1000), "With CHAT_DATABASE_URL: how many connections each process reads by, at most."
    )
    secret: str = _setting(
        "",
        Check("64 of the digits 0 to 9 and a to f, as `openssl rand -hex 32` prints them; or nothing", checks.key,
              is_secret=True),
        "The site's key, the same on all hosts. Nothing means the file secret in CHAT_INSTANCE.",
    )
    relay_url: str = _setting(
        "",
        Check(
            "the URL of a Redis server such as redis://:password@host:6379 or rediss://host, or of its Sentinels such "
            "as redis+sentinel://:password@host1,host2,host3/mymaster; or nothing", checks.relay_url, is_secret=True
        ),
        "The Redis server by which the processes of several hosts ring each other. Nothing means that those of a "
        "PostgreSQL database do so by the database, and those of a file by sockets of their machine.",
    )
    journal: str = _setting(
        "auto",
        one_of("auto", "wal", "rollback"),
        "SQLite's journal; auto is rollback on network file systems and wal elsewhere.",
    )
    synchronous: str = _setting(
        "full",
        one_of("full", "normal"),
        "full keeps every acknowledged message through a power cut; normal is faster. With CHAT_DATABASE_URL it is "
        "always full.",
    )
    ring_events: int = _setting("4096", whole(16, 1_000_000), "How many recent events each process keeps in memory.")
    ring_bytes: int = _setting(
        "16000000",
        whole(1_000_000, 999_999_999),
        "How many bytes of recent events each process keeps in memory, at most.",
    )
    language: str = _setting(
        "en", Check("a language code such as en or pt-BR", checks.language), "The language of the pages."
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
    """Its lines `CHAT_NAME = value`; empty lines and those that begin with # are skipped."""
    seen = set()
    for line_number, line in enumerate(_file_lines(path), 1):
        name, equals, text = (part.strip() for part in line.partition("="))
        if not line.strip() or name.startswith("#"):
            continue
        where = f"in line {line_number} of {path}"
        if not name or not equals:
            setting = _NAMES.get(line.split()[0])
            shown = f"{setting.name} …" if setting and setting.check.is_secret else _shortened(line)
            raise ConfigError(f"“{shown}” {where} is not a setting; write “CHAT_NAME = value”.")
        _refuse_unknown(name, where)
        if name == "CHAT_INSTANCE":
            raise ConfigError(f"{name} is “{_shortened(text)}” {where}; set it in the environment instead.")
        if name in seen:
            given = _given(_NAMES[name], _Typed(text, where))
            raise ConfigError(f"{name} is {given}, but is already set above; keep only one line.")
        seen.add(name)
        yield name, _Typed(text, where)


def _file_lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8-sig").split("\n")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}; fix or remove it.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8; save it as UTF-8 text.") from None


def _refuse_unknown(name: str, where: str) -> None:
    if name not in _NAMES:
        nearest = get_close_matches(name.upper(), _NAMES, n=1, cutoff=0)[0]
        raise ConfigError(f"{_shortened(name)} {where} is not a setting; did you mean {nearest}?")


def _read(setting: Setting, typed: _Typed) -> Any:
    try:
        return setting.check.read(typed.text.strip())
    except (ValueError, KeyError, OSError):  # zoneinfo raises all three
        raise ConfigError(f"{setting.name} is {_given(setting, typed)}, but must be {setting.check.allowed}.") from None


def _given(setting: Setting, typed: _Typed) -> str:
    """What was typed and where; of a secret only where."""
    text = "…" if setting.check.is_secret else _shortened(typed.text)
    return f"“{text}” {typed.where}".rstrip()


def _shortened(text: str) -> str:
    printable = "".join(c if c.isprintable() else "\ufffd" for c in text.strip())
    return printable if len(printable) <= 80 else printable[:79] + "…"


def _default_instance() -> Path:
    root = Path(__file__).resolve().parents[2]
    return (root if (root / "setup.cfg").exists() else Path.cwd()) / "instance"
