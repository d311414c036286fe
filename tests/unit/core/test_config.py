import datetime
import inspect
import os
import zoneinfo

import pytest

from chat.core import config
from chat.core.config import SETTINGS, load
from chat.core.errors import ConfigError


@pytest.fixture
def start(tmp_path):
    """Loads the settings of an instance with this longwave.cfg and these variables."""

    def start(cfg: str | bytes | None = None, **variables: str) -> config.Config:
        if cfg is not None:
            (tmp_path / "longwave.cfg").write_bytes(cfg if isinstance(cfg, bytes) else cfg.encode())
        return load({"PATH": "/bin", "CHAT_INSTANCE": str(tmp_path), **variables})

    return start


def refusal_of(start, *args, **variables) -> str:
    with pytest.raises(ConfigError) as refusal:
        start(*args, **variables)
    return str(refusal.value)


# The table


def test_every_setting_says_what_it_is_for_and_what_is_allowed():
    for name, allowed, _, help in map(config.describe, SETTINGS):
        assert name.startswith("CHAT_")
        assert allowed and not allowed.endswith(".")
        assert help.endswith(".")


def test_the_table_is_printed_with_every_setting_and_intact_columns():
    lines = config.as_markdown().splitlines()
    assert len(lines) == len(SETTINGS) + 2
    assert {line.count("|") for line in lines} == {5}
    for setting in SETTINGS:
        assert any(f"`{setting.name}`" in line and setting.help in line for line in lines)


def test_the_environment_that_is_read_is_the_process_own():
    assert inspect.signature(load).parameters["environ"].default is os.environ


def test_the_defaults(start, tmp_path):
    assert start() == config.Config(
        instance=tmp_path,
        site_name="Longwave",
        welcome="",
        footer_links=(),
        timezone=datetime.timezone.utc,
        public=True,
        hosts=(),
        allowed_origins=(),
        cookie_samesite="Lax",
        entry_word="",
        rooms_by="all",
        rooms_max=1000,
        guest_days=30,
        keep_days=None,
        log_days=30,
        log_events=1_000_000,
        keep_addresses_days=7,
        limits=True,
        posts_per_minute=30,
        bot_posts_per_second=50,
        index=False,
        security_contact="",
        heartbeat_seconds=15,
        streams=None,
        stream_minutes=60,
        stream_seconds=None,
        heads_dir=None,
        heads_url="heads",
        roster_max=200,
        trusted_proxies=(),
        log_addresses="short",
        metrics_token="",
        look_seconds=1.0,
        database_url="",
        database_connections=10,
        secret="",
        relay_url="",
        journal="auto",
        synchronous="full",
        ring_events=4096,
        ring_bytes=16_000_000,
        language="en",
    )


# Right values


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("CHAT_SITE_NAME", " Café <b> ", "Café <b>"),
        ("CHAT_SITE_NAME", "x" * 60, "x" * 60),
        ("CHAT_WELCOME", "", ""),
        ("CHAT_WELCOME", "one\ntwo", "one\ntwo"),
        (
            "CHAT_FOOTER_LINKS",
            "Legal notice=https://a.b/c?d=e, Privacy = /privacy,",
            (("Legal notice", "https://a.b/c?d=e"), ("Privacy", "/privacy")),
        ),
        ("CHAT_FOOTER_LINKS", "Home=/", (("Home", "/"),)),
        ("CHAT_TIMEZONE", "Europe/Berlin", zoneinfo.ZoneInfo("Europe/Berlin")),
        ("CHAT_PUBLIC", "off", False),
        ("CHAT_INDEX", "1", True),
        ("CHAT_LIMITS", "0", False),
        ("CHAT_HOSTS", "Chat.Example.org., .b.eu,127.0.0.1", ("chat.example.org", ".b.eu", "127.0.0.1")),
        ("CHAT_HOSTS", "[::1], ::1, localhost", ("[::1]", "[::1]", "localhost")),
        (
            "CHAT_ALLOWED_ORIGINS",
            "https://Blog.Example.org:443/, http://[::1]:8080,http://localhost",
            ("https://blog.example.org", "http://[::1]:8080", "http://localhost"),
        ),
        ("CHAT_COOKIE_SAMESITE", "None", "None"),
        ("CHAT_METRICS_TOKEN", " sixteen-letters! ", "sixteen-letters!"),
        ("CHAT_ENTRY_WORD", " open sesame ", "open sesame"),
        ("CHAT_ROOMS_BY", "owner", "owner"),
        ("CHAT_KEEP_DAYS", "forever", None),
        ("CHAT_KEEP_DAYS", "90", 90),
        ("CHAT_SECURITY_CONTACT", "mailto:security@example.org", "mailto:security@example.org"),
        ("CHAT_GUEST_DAYS", "1", 1),
        ("CHAT_GUEST_DAYS", "3650", 3650),
        ("CHAT_HEARTBEAT_SECONDS", "55", 55),
        ("CHAT_ROSTER_MAX", "10000", 10000),
        ("CHAT_TRUSTED_PROXIES", "unix, 127.0.0.1,::1", ("unix", "127.0.0.1", "::1")),
        ("CHAT_TRUSTED_PROXIES", "10.1.2.3/8", ("10.0.0.0/8",)),
        ("CHAT_LOG_ADDRESSES", "none", "none"),
        ("CHAT_LOOK_SECONDS", "0", 0),
        ("CHAT_LOOK_SECONDS", "0.25", 0.25),
        ("CHAT_DATABASE_URL", "postgresql://alice:s3cret@db1,db2:5433/chat?sslmode=require",
         "postgresql://alice:s3cret@db1,db2:5433/chat?sslmode=require"),
        ("CHAT_DATABASE_CONNECTIONS", "2", 2),
        ("CHAT_SECRET", "0123456789abcdef" * 4, "0123456789abcdef" * 4),
        ("CHAT_RELAY_URL", "rediss://:s3%2Fcret@redis1:6380/0?ssl_ca_certs=/etc/ca.pem",
         "rediss://:s3%2Fcret@redis1:6380/0?ssl_ca_certs=/etc/ca.pem"),
        ("CHAT_RELAY_URL", "redis+sentinel://a:b@one,[::1]:26380,three/chat",
         "redis+sentinel://a:b@one,[::1]:26380,three/chat"),
        ("CHAT_RELAY_URL", "rediss+sentinel://one/chat?sentinel_password=x:70000&ssl_ca_certs=/a@b",
         "rediss+sentinel://one/chat?sentinel_password=x:70000&ssl_ca_certs=/a@b"),
        ("CHAT_JOURNAL", "rollback", "rollback"),
        ("CHAT_SYNCHRONOUS", "normal", "normal"),
        ("CHAT_RING_EVENTS", "16", 16),
        ("CHAT_RING_BYTES", "1000000", 1_000_000),
        ("CHAT_LANGUAGE", "pt-BR", "pt-BR"),
    ],
)
def test_a_right_value_is_taken_from_the_environment_or_the_file(start, name, text, value):
    attribute = name.removeprefix("CHAT_").lower()
    loaded = getattr(start(**{name: text}), attribute)
    assert loaded == value
    assert type(loaded) is type(value) or isinstance(loaded, float)
    if "\n" not in text:
        assert getattr(start(f"{name} = {text}\n"), attribute) == value


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(start):
    loaded = start("CHAT_SITE_NAME = from file\nCHAT_GUEST_DAYS=7\n", CHAT_SITE_NAME="from environment")
    assert (loaded.site_name, loaded.guest_days, loaded.roster_max) == ("from environment", 7, 200)


def test_the_file_may_have_comments_empty_lines_a_bom_and_windows_line_ends(start):
    loaded = start("\ufeff# ours\r\n\r\n   # more\r\n CHAT_SITE_NAME=a = b # c\r\nCHAT_WELCOME =\r\n")
    assert (loaded.site_name, loaded.welcome) == ("a = b # c", "")


def test_the_instance_is_an_absolute_path_and_need_not_exist_yet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load({"CHAT_INSTANCE": "there/../here"}).instance == tmp_path / "here"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load({"CHAT_INSTANCE": "~/chat"}).instance == tmp_path / "chat"


def test_by_default_the_instance_is_in_the_checkout_or_the_working_directory(tmp_path, monkeypatch):
    checkout = tmp_path / "checkout"
    (checkout / "chat" / "core").mkdir(parents=True)
    monkeypatch.setattr(config, "__file__", str(checkout / "chat" / "core" / "config.py"))
    monkeypatch.chdir(tmp_path)
    assert load({}).instance == tmp_path / "instance"
    (checkout / "setup.cfg").touch()
    assert load({}).instance == checkout / "instance"


# Wrong values

WRONG = {
    "CHAT_INSTANCE": ["", "a\0b"],
    "CHAT_SITE_NAME": ["", " ", "x" * 61, "a\nb", "a\x1bb", "\udcff"],
    "CHAT_WELCOME": ["x" * 1001, "a\x07b"],
    "CHAT_FOOTER_LINKS": ["Privacy", "=/x", "A=javascript:alert(1)", "A=//b.c", "A=/\\b.c", "A=b.html", "A=http://"]
    + ["A=http:///x", "A=/a b", 'A=/"x', "A=ftp://a.b", "A\x07=/x", "A=/\x07", f"A=/{'x' * 500}"],
    "CHAT_TIMEZONE": ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe", "x" * 5000, "a\0"],
    "CHAT_PUBLIC": ["", "yes", "2", "true", "ON"],
    "CHAT_HOSTS": ["http://a.b", "a.b/c", "a.b:80", "a b", "é.de", "*", "[::z]", "-", "a" * 300],
    "CHAT_ALLOWED_ORIGINS": ["*", "null", "a.b", "https://", "https://a.b/c", "https://*.a.b", "https://é.de", "file://"]
    + ["ftp://a.b", "https://u@a.b", "https://a.b:99999", "https://[::z]", "https://a.b?c"],
    "CHAT_COOKIE_SAMESITE": ["none", "Strict", ""],
    "CHAT_ENTRY_WORD": ["x" * 101, "two\nlines"],
    "CHAT_ROOMS_BY": ["", "everyone", "al"],
    "CHAT_ROOMS_MAX": ["", "0", "100001", "-1", "many"],
    "CHAT_GUEST_DAYS": ["", "0", "3651", "-1", "1.5", "thirty", "1_0", "١", "1e1", "9" * 5000],
    "CHAT_KEEP_DAYS": ["", "0", "-1", "36501", "never", "1.5"],
    "CHAT_LOG_DAYS": ["", "0", "3651"],
    "CHAT_LOG_EVENTS": ["", "999", "100000001"],
    "CHAT_KEEP_ADDRESSES_DAYS": ["", "0", "366"],
    "CHAT_LIMITS": ["", "no"],
    "CHAT_POSTS_PER_MINUTE": ["", "0", "6001"],
    "CHAT_BOT_POSTS_PER_SECOND": ["", "0", "10001"],
    "CHAT_INDEX": ["", "yes"],
    "CHAT_SECURITY_CONTACT": ["security@example.org", "http://example.org", "javascript:alert(1)", "mailto:a b@c"],
    "CHAT_HEARTBEAT_SECONDS": ["0", "56"],
    "CHAT_STREAMS": ["", "-1", "1000001", "many", "1.5"],
    "CHAT_STREAM_MINUTES": ["", "0", "1441"],
    "CHAT_STREAM_SECONDS": ["", "-1", "86401", "1.5", "soon"],
    "CHAT_HEADS_DIR": ["a\0b"],
    "CHAT_HEADS_URL": ["", "/", "//a.b", "http://a.b/heads", "../heads", "/a/../b", "heads/", "he ads", "heads?", "é"],
    "CHAT_ROSTER_MAX": ["0", "10001"],
    "CHAT_TRUSTED_PROXIES": ["localhost", "1.2.3", "10.0.0.0/33", "unix:", "*", "01.2.3.4"],
    "CHAT_LOG_ADDRESSES": ["", "long"],
    "CHAT_METRICS_TOKEN": ["fifteen-letters", "two words of more", "schlüssel-sind-keine", "x" * 201],
    "CHAT_LOOK_SECONDS": ["", "-1", "60.5", "nan", "inf", "1e0", ".5", "1."],
    "CHAT_DATABASE_URL": ["chat", "sqlite:///chat.db", "postgresql://db1", "postgresql://db1/", "postgresql://d b/c"]
    + ["postgresql://a:b%zz@c/d"],
    "CHAT_DATABASE_CONNECTIONS": ["1", "1001", "many"],
    "CHAT_SECRET": ["0123456789abcdef" * 3, "0123456789ABCDEF" * 4, "secret"],
    "CHAT_RELAY_URL": ["redis", "redis://", "http://host", "redis://host:99999", "redis://host/name", "redis://h?db=1"]
    + ["redis+sentinel://host", "redis+sentinel://one,two/", "redis://:a%zz@host", "redis://one,two"]
    + ["redis://:se?cret@host", "redis://:se#cret@host", "redis://:se[cret@host", "redis://:℀cret@host", "redis://a..b"]
    + ["redis://[1:2]:1", "redis://host?ssl_ca_certs=/a", "rediss://h?sentinel_password=a", "rediss://h?ssl_ca_certs="]
    + ["redis://host:70000?x=a@b", f"redis://{'a' * 70}"],
    "CHAT_JOURNAL": ["delete", "WAL"],
    "CHAT_SYNCHRONOUS": ["off", "FULL"],
    "CHAT_RING_EVENTS": ["15", "1000001"],
    "CHAT_RING_BYTES": ["", "999999", "1000000000", "16 MB"],
    "CHAT_LANGUAGE": ["", "English", "e", "../en", "en_"],
}


def test_there_are_wrong_values_for_every_setting():
    assert list(WRONG) == [setting.name for setting in SETTINGS]


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in WRONG for text in WRONG[name]])
def test_a_wrong_value_stops_with_a_sentence_naming_setting_value_and_what_is_allowed(start, name, text):
    sentence = refusal_of(start, **{name: text})
    setting = next(setting for setting in SETTINGS if setting.name == name)
    assert sentence.startswith(f"{name} is “")
    assert sentence.endswith(f", but must be {setting.check.allowed}.")
    assert sentence.isprintable()
    assert len(sentence) < 400
    if setting.check.is_secret:
        assert sentence == f"{name} is “…” in the environment, but must be {setting.check.allowed}."
    elif text.isprintable() and len(text) <= 80:
        assert f"“{text.strip()}” in the environment" in sentence


@pytest.mark.parametrize("cfg", [
    "CHAT_DATABASE_URL = postgresql://alice:s3/cret@db1/chat\n", "CHAT_DATABASE_URL postgresql://alice:s3cret@db1/chat\n",
    "CHAT_DATABASE_URL = mysql://db1/chat?password=s3cret\n", "CHAT_DATABASE_URL = postgresql://alice:s3%zzcret@db1/c\n",
    "CHAT_DATABASE_URL = postgresql://db1/chat\nCHAT_DATABASE_URL = postgresql://alice:s3cret@db1/chat\n",
    "CHAT_SECRET = s3cret\n", "CHAT_RELAY_URL = redis://:s3/cret@host\n", "CHAT_METRICS_TOKEN = s3cret\n",
    "CHAT_ENTRY_WORD\ts3cret\n",
])
def test_a_secret_is_shown_to_nobody_however_it_is_mistyped(start, cfg):
    sentence = refusal_of(start, cfg)
    assert "s3" not in sentence and cfg.split()[0] in sentence and " in line " in sentence


def test_a_wrong_value_in_the_file_is_said_with_its_line(start, tmp_path):
    assert refusal_of(start, "# first\nCHAT_GUEST_DAYS = x\n") == (
        f"CHAT_GUEST_DAYS is “x” in line 2 of {tmp_path / 'longwave.cfg'}, "
        "but must be a whole number from 1 to 3650."
    )


@pytest.mark.parametrize(
    ("unknown", "nearest"),
    [
        ("CHAT_SITENAME", "CHAT_SITE_NAME"),
        ("CHAT_HEARTBEAT", "CHAT_HEARTBEAT_SECONDS"),
        ("CHAT_HOST", "CHAT_HOSTS"),
        ("chat_public", "CHAT_PUBLIC"),
        ("GUEST_DAYS", "CHAT_GUEST_DAYS"),
        ("CHAT_TRUSTED_PROXY", "CHAT_TRUSTED_PROXIES"),
    ],
)
def test_an_unknown_name_stops_with_the_nearest_one(start, tmp_path, unknown, nearest):
    cfg = tmp_path / "longwave.cfg"
    sentence = refusal_of(start, f"{unknown} = x\n")
    assert sentence == f"{unknown} in line 1 of {cfg} is not a setting; did you mean {nearest}?"
    cfg.unlink()
    if unknown.startswith("CHAT_"):
        sentence = refusal_of(start, **{unknown: "x"})
        assert sentence == f"{unknown} in the environment is not a setting; did you mean {nearest}?"


def test_variables_of_tests_and_of_others_are_left_alone(start):
    assert start(CHAT_TEST_X="1", CHATTY="1", MY_CHAT_X="1", chat_x="1") == start()
    assert "CHAT_TEST_X" in refusal_of(start, "CHAT_TEST_X = 1\n")


@pytest.mark.parametrize(
    ("cfg", "said"),
    [
        ("nonsense\n", "“nonsense” in line 1 of"),
        ("[longwave]\nCHAT_PUBLIC = on\n", "“[longwave]” in line 1 of"),
        ("CHAT_PUBLIC = on\nCHAT_PUBLIC = off\n", "CHAT_PUBLIC is “off” in line 2 of"),
        ("CHAT_INSTANCE = /tmp\n", "CHAT_INSTANCE is “/tmp” in line 1 of"),
        (" = x\n", "“= x” in line 1 of"),
        ("CHAT_SITE_NAME = Café\n".encode("latin-1"), "is not UTF-8"),
    ],
)
def test_a_file_with_an_unclear_line_is_refused(start, cfg, said):
    sentence = refusal_of(start, cfg)
    assert said in sentence
    assert "longwave.cfg" in sentence


def test_a_file_that_cannot_be_read_is_refused(start, tmp_path):
    (tmp_path / "longwave.cfg").mkdir()
    assert "longwave.cfg can't be read" in refusal_of(start)
