"""Forwarding headers, which count only from trusted proxies."""

import pytest

from chat.core.addresses import shortened
from chat.web.proxies import KnownHosts, TrustedProxies


def seen(trusted, peer, **headers):
    """The environ that the app sees of a request that came from `peer`."""
    environ = {
        "REMOTE_ADDR": peer,
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "inside",
        "SERVER_NAME": "inside",
        "SERVER_PORT": "80",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
    }
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    kept: dict[str, object] = {}

    def app(environ, start_response):
        kept.update(environ)
        return []

    TrustedProxies(app, trusted)(environ, None)
    return kept


def test_a_strangers_headers_are_not_believed():
    environ = seen(["127.0.0.1"], "203.0.113.9", x_forwarded_for="198.51.100.1", x_forwarded_proto="https")
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("203.0.113.9", "http")


def test_a_trusted_proxy_says_who_and_how():
    environ = seen(
        ["127.0.0.1"],
        "127.0.0.1",
        x_forwarded_for="198.51.100.1",
        x_forwarded_proto="https",
        x_forwarded_host="chat.example",
        x_forwarded_prefix="/chat",
    )
    assert environ["REMOTE_ADDR"] == "198.51.100.1"
    assert environ["wsgi.url_scheme"] == "https"
    assert environ["HTTP_HOST"] == "chat.example"
    assert environ["SCRIPT_NAME"] == "/chat"


def test_an_address_that_the_client_sent_itself_does_not_count():
    environ = seen(["10.0.0.0/8"], "10.0.0.1", x_forwarded_for="1.2.3.4, 198.51.100.1, 10.0.0.7")
    assert environ["REMOTE_ADDR"] == "198.51.100.1"


@pytest.mark.parametrize("trusted", [["unix"], ["127.0.0.1"]])
def test_a_unix_socket_is_trusted_where_the_setting_says_so(trusted):
    environ = seen(trusted, "", x_forwarded_for="198.51.100.1")
    assert environ["REMOTE_ADDR"] == ("198.51.100.1" if trusted == ["unix"] else "")


@pytest.mark.parametrize(
    ("address", "short"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("not an address", "-"),
        ("", "-"),
        (None, "-"),
    ],
)
def test_an_address_in_the_log_is_shortened(address, short):
    assert shortened(address, "short") == short
    assert shortened(address, "none") == "-"


def test_an_address_in_the_log_is_whole_where_the_operator_wants_it():
    assert shortened("203.0.113.77", "full") == "203.0.113.77"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("chat.example", "200 OK"),
        ("chat.example:8000", "200 OK"),
        ("evil.example", "400 Bad Request"),
        ("", "400 Bad Request"),
        ("chat.example.evil.example", "400 Bad Request"),
    ],
)
def test_only_the_sites_own_names_are_answered(host, status):
    answered = []

    def app(environ, start_response):
        start_response("200 OK", [])
        return []

    site = KnownHosts(app, ["chat.example"])
    list(site({"HTTP_HOST": host}, lambda status, headers: answered.append(status)))
    assert answered == [status]
