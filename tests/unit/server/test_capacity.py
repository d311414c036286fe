"""How each server is recognised, and how many readers it can hold: never so many that no post gets through."""

import concurrent.futures
import sys
import threading
import types

import pytest

from chat.server import capacity
from chat.server.capacity import GREENLETS, ONCE, PARKED, SINGLE, THREADS, Budget, Facts

# What the servers put into the environ of a request, as they were seen to, and what is known of their processes.
HOSTS = {
    "CGI": ({"wsgi.run_once": True, "wsgi.multithread": True, "wsgi.multiprocess": True, "GATEWAY_INTERFACE": "CGI/1.1",
             "SERVER_SOFTWARE": "Apache/2.4.65 (Debian)"}, Facts(), ("CGI", ONCE, None, 1, 0)),
    "Passenger": ({"wsgi.multithread": False, "wsgi.multiprocess": True, "wsgi.run_once": False,
                   "passenger.hijack": "…", "SERVER_SOFTWARE": "Apache/2.4.65 (Debian) Phusion_Passenger/6.0.17"},
                  Facts(), ("Passenger", SINGLE, None, 1, 0)),
    "gunicorn sync, one process": ({"wsgi.multithread": False, "wsgi.multiprocess": False,
                                    "SERVER_SOFTWARE": "gunicorn/27.0.1"}, Facts(), ("gunicorn", SINGLE, 1, 1, 0)),
    "gunicorn sync": ({"wsgi.multithread": False, "wsgi.multiprocess": True, "SERVER_SOFTWARE": "gunicorn/27.0.1"},
                      Facts(1, 4), ("gunicorn", SINGLE, 4, 1, 0)),
    "gunicorn gthread": ({"wsgi.multithread": True, "wsgi.multiprocess": True, "SERVER_SOFTWARE": "gunicorn/27.0.1"},
                         Facts(8), ("gunicorn", THREADS, None, 8, 6)),
    "gunicorn gthread of two": ({"wsgi.multithread": True, "wsgi.multiprocess": True,
                                 "SERVER_SOFTWARE": "gunicorn/23.0.0"}, Facts(2, 2), ("gunicorn", THREADS, 2, 2, 1)),
    "gunicorn gevent": ({"wsgi.multithread": True, "wsgi.multiprocess": True, "SERVER_SOFTWARE": "gunicorn/27.0.1"},
                        Facts(1, 2, True), ("gunicorn", GREENLETS, 2, 1000, 900)),
    "uWSGI, one thread": ({"wsgi.multithread": False, "wsgi.multiprocess": True, "uwsgi.version": b"2.0.21-debian"},
                          Facts(1, 4), ("uWSGI", SINGLE, 4, 1, 0)),
    "uWSGI, threads": ({"wsgi.multithread": True, "wsgi.multiprocess": False, "uwsgi.version": b"2.0.21-debian",
                        "uwsgi.core": 1}, Facts(16, 1), ("uWSGI", THREADS, 1, 16, 12)),
    "mod_wsgi": ({"wsgi.multithread": True, "wsgi.multiprocess": False, "mod_wsgi.version": (4, 9, 4),
                  "SERVER_SOFTWARE": "Apache/2.4.65 (Debian)"}, Facts(15, 1), ("mod_wsgi", THREADS, 1, 15, 11)),
    "mod_wsgi in prefork": ({"wsgi.multithread": False, "wsgi.multiprocess": True, "mod_wsgi.version": (4, 9, 4)},
                            Facts(1, 256), ("mod_wsgi", SINGLE, 256, 1, 0)),
    "waitress": ({"wsgi.multithread": True, "wsgi.multiprocess": False, "SERVER_SOFTWARE": "waitress"}, Facts(4),
                 ("waitress", THREADS, 1, 4, 3)),
    "Werkzeug": ({"wsgi.multithread": True, "wsgi.multiprocess": False, "SERVER_SOFTWARE": "Werkzeug/3.1.3"}, Facts(),
                 ("Werkzeug", THREADS, 1, None, 900)),
    "wsgiref": ({"wsgi.multithread": False, "wsgi.multiprocess": False, "SERVER_SOFTWARE": "WSGIServer/0.2"}, Facts(1),
                ("WSGIServer", SINGLE, 1, 1, 0)),
    "nothing known": ({"wsgi.multithread": True, "wsgi.multiprocess": True, "SERVER_SOFTWARE": "\u202egninneps"},
                      Facts(1), ("WSGI", THREADS, None, 1, 0)),
    "nothing said": ({}, Facts(1), ("WSGI", SINGLE, 1, 1, 0)),
}


@pytest.fixture(autouse=True)
def a_thousand_connections(monkeypatch):
    monkeypatch.setattr(capacity, "files", lambda: 1000 + capacity.OWN_FILES)


@pytest.mark.parametrize("name", HOSTS)
def test_every_server_is_recognised_by_its_environ(name):
    environ, facts, (server, kind, processes, places, readers) = HOSTS[name]
    assert capacity.budget(environ, facts) == Budget(server, kind, processes, places, readers)


@pytest.mark.parametrize("threads", range(1, 200))
def test_of_threads_one_is_always_left_and_a_quarter_where_there_are_more(threads):
    left = threads - capacity.readers_of_threads(threads)
    assert left >= 1 and left >= threads / 4 and capacity.readers_of_threads(threads) >= 0


def test_our_own_workers_state_their_budget():
    assert capacity.parked(None, 2) == Budget("gunicorn", PARKED, 2, None, 900, True)
    assert capacity.parked(100, 2) == Budget("gunicorn", GREENLETS, 2, 100, 90, True)
    assert capacity.threaded(64, 4) == Budget("gunicorn", THREADS, 4, 64, 48, True)


@pytest.mark.parametrize(("name", "wanted", "granted"), [
    ("waitress", None, 3), ("waitress", 2, 2), ("waitress", 0, 0), ("waitress", 4, 3), ("waitress", 1000, 3),
    ("Werkzeug", None, 900), ("Werkzeug", 5000, 5000), ("gunicorn gevent", 5000, 5000),
    ("CGI", 2, 0), ("Passenger", 2, 0), ("Passenger", None, 0),
])
def test_what_the_operator_wants_is_granted_but_the_last_place_is_not(name, wanted, granted):
    environ, facts, _ = HOSTS[name]
    assert capacity.budget(environ, facts).granted(wanted) == granted


def test_where_nothing_bounds_files_nothing_bounds_readers(monkeypatch):
    monkeypatch.setattr(capacity, "files", lambda: None)
    assert capacity.parked(None, 1).readers is None
    assert capacity.budget(*HOSTS["gunicorn gevent"][:2]).readers == 900


OURS, THEIRS = capacity.parked(None, 1), Budget("waitress", THREADS, 1, 4, 3)


@pytest.mark.parametrize(("budget", "seconds", "minutes", "lifetime"), [
    (OURS, None, 60, (2880, 4320)), (OURS, None, 1, (48, 72)), (OURS, 100, 60, (80, 120)), (OURS, 0, 60, (0, 0)),
    (THEIRS, None, 60, (25, 55)), (THEIRS, 100, 60, (80, 120)), (THEIRS, 0, 60, (0, 0)),
])
def test_streams_end_soon_on_servers_that_are_not_ours(budget, seconds, minutes, lifetime):
    assert budget.lifetime(seconds, minutes) == lifetime


# What the process knows

def in_thread(function, name=None):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()), name=name)
    thread.start()
    thread.join()
    return found[0]


def threads_seen(environ):
    return lambda: capacity.facts(environ).threads


def test_a_pool_of_python_s_own_tells_its_size_though_few_threads_have_begun():
    with concurrent.futures.ThreadPoolExecutor(7) as pool:
        assert pool.submit(threads_seen({"SERVER_SOFTWARE": "gunicorn/27.0.1"})).result() == 7


def test_threads_of_one_family_are_counted():
    go_on = threading.Event()
    family = [threading.Thread(target=go_on.wait, name=f"waitress-{number}") for number in range(1, 4)]
    for thread in (*family, threading.Thread(target=go_on.wait, name="ticker")):
        thread.start()
    try:
        assert in_thread(threads_seen({"SERVER_SOFTWARE": "waitress"}), "waitress-0") == 4
    finally:
        go_on.set()
    for thread in family:
        thread.join()


def test_a_single_thread_is_not_taken_for_a_pool():
    assert in_thread(threads_seen({}), "somebody's own") == 1


def test_werkzeug_starts_a_thread_for_each_request():
    assert capacity.facts({"SERVER_SOFTWARE": "Werkzeug/3.1.3"}).threads is None


@pytest.mark.parametrize(("module", "key", "known", "facts"), [
    ("uwsgi", "uwsgi.version", {"cores": 5, "numproc": 2}, Facts(5, 2)),
    ("mod_wsgi", "mod_wsgi.version", {"threads_per_process": 15, "maximum_processes": 3}, Facts(15, 3)),
    ("mod_wsgi", "mod_wsgi.version", {}, Facts(1, None)),
])
def test_servers_that_put_a_module_into_the_process_are_asked(monkeypatch, module, key, known, facts):
    monkeypatch.setitem(sys.modules, module, types.SimpleNamespace(**known))
    assert capacity.facts({key: "…"}) == facts
    assert capacity.facts({}).threads != 15, "only where it is the server that has called"
