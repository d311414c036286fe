"""The kinds of hosts: each puts the files of its folder in deploy/ in place and starts the servers they are for."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.request import urlopen

from tests.hosts.stage import IS_ROOT, WEB_USER, Stage, a_stage, own_python, without_lines
from tests.support.serving import PATIENCE_SECONDS, connect

MODULES = Path("/usr/lib/apache2/modules")
LOADED = ("mpm_event", "authz_core", "authz_host", "alias", "dir", "mime", "env", "headers", "rewrite", "setenvif",
          "deflate", "filter")
THREADS = 16


@dataclass(frozen=True)
class Host:
    """A site that runs. A `Person` reaches it as a `tests.support.serving.Server`, at `port` below `mount`.

    `streams` is how many readers it holds, 0 where everybody polls; `others` are further ports of the same site.
    """

    stage: Stage
    port: int
    streams: int = 0
    is_run_once: bool = False  # each request is a new process
    has_heads: bool = False  # the web server hands out head files
    others: tuple[int, ...] = ()
    mount: str = ""
    headers: tuple[tuple[str, str], ...] = ()  # by which a proxy that is not there tells of the path
    host: str = "127.0.0.1"

    def connect(self, worker=None, through=None):
        return connect(self.host, self.port)

    def below(self, mount: str) -> "Host":
        return replace(self, mount=mount)

    def at(self, port: int) -> "Host":
        return replace(self, port=port)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}{self.mount}"


def passenger(stage: Stage) -> Host:
    """Apache with Passenger as of cPanel: an app root, a document root with a link to the static files, 6 processes."""
    stage.deployed("passenger/passenger_wsgi.py", stage.app / "passenger_wsgi.py")
    below = stage.web / "chat"
    for root in (stage.web, below):
        root.mkdir(exist_ok=True)
        stage.deployed("passenger/.htaccess", root / ".htaccess")
        (root / "static").symlink_to(stage.app / "static")
    hand_out_heads(stage, below)
    (stage.run / "passenger").mkdir()
    host = apache(stage, ("passenger",), f"""
        PassengerRoot /usr/lib/ruby/vendor_ruby/phusion_passenger/locations.ini
        PassengerDefaultRuby /usr/bin/ruby
        PassengerInstanceRegistryDir {stage.run}/passenger
        PassengerMaxPoolSize 6
        PassengerDisableSecurityUpdateCheck on
        PassengerDisableAnonymousTelemetry on
        PassengerDisableLogPrefix on
        SetEnv CHAT_INSTANCE {stage.instance}
        PassengerPython {stage.system_python}
        DocumentRoot {stage.web}
        <Directory {stage.web}>
            AllowOverride All
            Options FollowSymLinks
            Require all granted
            PassengerAppRoot {stage.app}
        </Directory>
        <Location /chat>
            PassengerBaseURI /chat
            PassengerAppRoot {stage.app}
        </Location>
        """)
    return replace(host, has_heads=True)


def cgi(stage: Stage) -> Host:
    below = stage.web / "chat"
    for root in (stage.web, below):
        root.mkdir(exist_ok=True)
        stage.deployed("cgi/longwave.cgi", root / "longwave.cgi")
        stage.deployed("cgi/.htaccess", root / ".htaccess")
        (root / "static").symlink_to(stage.app / "static")
    hand_out_heads(stage, below)
    host = apache(stage, ("cgid",), f"""
        ScriptSock {stage.run}/cgid.sock
        DocumentRoot {stage.web}
        <Directory {stage.web}>
            AllowOverride All
            Options FollowSymLinks
            Require all granted
        </Directory>
        """)
    return replace(host, is_run_once=True, has_heads=True)


def hand_out_heads(stage: Stage, below: Path) -> None:
    """Where deploy/ has head files put, in the folder that the address leads to: of the two here the upper one."""
    stage.settings(heads_dir=stage.web / "heads")
    (below / "heads").symlink_to(stage.web / "heads")


def mod_wsgi(stage: Stage) -> Host:
    conf = stage.deployed("apache-mod_wsgi/longwave.conf", stage.top / "longwave.conf").read_text()
    host = apache(stage, ("wsgi",), f"""
        WSGISocketPrefix {stage.run}/wsgi
        SetEnv CHAT_INSTANCE {stage.instance}
        Alias /chat/static {stage.app}/static
        WSGIScriptAlias /chat {stage.app}/wsgi.py
        """ + conf, CHAT_INSTANCE=stage.instance)
    return replace(host, streams=11)


def apache(stage: Stage, modules: tuple[str, ...], conf: str, **environ: object) -> Host:
    port = stage.free_port()
    # A module that Debian builds into the server has no file.
    files = [(name, MODULES / f"mod_{name}.so") for name in (*LOADED, *modules)]
    loads = "".join(f"LoadModule {name}_module {path}\n" for name, path in files if path.exists())
    user = f"User {WEB_USER}\nGroup {WEB_USER}\n" if IS_ROOT else ""
    conf_file = stage.top / f"apache-{port}.conf"
    conf_file.write_text(f"""
        ServerRoot {stage.top}
        ServerName 127.0.0.1
        Listen 127.0.0.1:{port}
        PidFile {stage.run}/apache-{port}.pid
        DefaultRuntimeDir {stage.run}
        KeepAliveTimeout 60
        Mutex file:{stage.run}
        ErrorLog {stage.top}/log-errors
        TypesConfig /etc/mime.types
        {user}
        {loads}
        <Directory />
            AllowOverride None
            Require all denied
        </Directory>
        <FilesMatch "^\\.ht">
            Require all denied
        </FilesMatch>
        {conf}
        """)
    if not (stage.instance / "longwave.cfg").exists():
        stage.settings()
    stage.give_to_web_user()
    stage.start(["/usr/sbin/apache2", "-f", conf_file, "-D", "FOREGROUND"], port, **environ)
    return Host(stage, port)


def uwsgi(stage: Stage, **change: str) -> Host:
    stage.settings(trusted_proxies="unix", **({} if change else {"heads_dir": stage.app / "heads"}))
    ini = stage.deployed("uwsgi/longwave.ini", stage.top / "longwave.ini")
    text = ini.read_text() + "".join(f"{name} = {value}\n" for name, value in change.items())
    ini.write_text(without_lines(text, "^processes = 4") if change else text)
    stage.start(["uwsgi", "--ini", ini], stage.run / "uwsgi.sock")
    port = stage.free_port()
    site = stage.deployed("uwsgi/nginx.conf", stage.top / "site.conf", **{"listen 80;": f"listen 127.0.0.1:{port};"})
    below = stage.deployed("sub-path/nginx-uwsgi.conf", stage.top / "below.conf")
    nginx(stage, site.read_text().rstrip().removesuffix("}") + below.read_text() + "}", port)
    return Host(stage, port, streams=12 if change else 0, has_heads=not change)


def uwsgi_threads(stage: Stage) -> Host:
    return uwsgi(stage, processes="1", threads=str(THREADS), **{"enable-threads": "true"})


def nginx(stage: Stage, site: str, port: int) -> None:
    user = "user root;" if IS_ROOT else ""
    folders = "".join(f"{kind}_temp_path {stage.run}/{kind};\n"
                      for kind in ("client_body", "proxy", "uwsgi", "fastcgi", "scgi"))
    (stage.top / "nginx.conf").write_text(f"""
        daemon off; pid {stage.run}/nginx.pid; error_log stderr; worker_processes 1; {user}
        events {{ worker_connections 512; }}
        http {{ access_log off; include /etc/nginx/mime.types; {folders}
        {site.replace("include uwsgi_params", "include /etc/nginx/uwsgi_params")} }}
        """)
    stage.start(["/usr/sbin/nginx", "-c", stage.top / "nginx.conf"], port)


def gunicorn(stage: Stage, *arguments: str, holds: int = 0) -> Host:
    """gunicorn at a Unix socket; nginx and Caddy before it, both with what deploy/ says, but for certificates."""
    stage.settings(trusted_proxies="unix")
    path = stage.run / "longwave.sock"
    stage.start([own_python(), "-m", "gunicorn", "--bind", f"unix:{path}", *arguments], path, WORKERS=2)
    port, caddy_port = stage.free_port(), stage.free_port()
    site = stage.deployed("gunicorn-nginx/nginx.conf", stage.top / "site.conf", **{
        "listen 443 ssl http2;": f"listen 127.0.0.1:{port};", "    listen [::]:443 ssl http2;\n": ""}).read_text()
    # No certificate here, and nothing to redirect to.
    site = without_lines(site, "^    ssl_").replace(site[site.index("server {\n    listen 80;"):site.index(
        f"server {{\n    listen 127.0.0.1:{port}")], "")
    below = (Path(stage.deployed("sub-path/nginx.conf", stage.top / "below.conf")).read_text()
             .replace("http://127.0.0.1:8000/", "http://longwave/"))
    nginx(stage, site.rstrip().removesuffix("}") + below + "}", port)
    caddy = stage.deployed("caddy/Caddyfile", stage.top / "Caddyfile", **{
        "chat.example.org {": f"http://127.0.0.1:{caddy_port} {{\n\tbind 127.0.0.1"})
    caddy.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + caddy.read_text())
    stage.start(["caddy", "run", "--adapter", "caddyfile", "--config", caddy], caddy_port, HOME=stage.run,
                XDG_DATA_HOME=stage.run, XDG_CONFIG_HOME=stage.run)
    return Host(stage, port, streams=holds, others=(caddy_port,))


def gunicorn_sync(stage: Stage) -> Host:
    return gunicorn(stage, "-k", "sync", "--threads", "1", "--workers", "3")


def gunicorn_gthread(stage: Stage) -> Host:
    return gunicorn(stage, "-k", "gthread", "--threads", str(THREADS), holds=24)


def gunicorn_gevent(stage: Stage) -> Host:
    return gunicorn(stage, "-k", "gevent", holds=1000)


def our_worker(stage: Stage) -> Host:
    return gunicorn(stage, holds=1000)


WAITRESS = f"""
import os
from waitress import serve
from wsgi import app
serve(app, host="127.0.0.1", port=int(os.environ["PORT"]), threads={THREADS})
"""
WERKZEUG = """
import os
from werkzeug.serving import run_simple
from wsgi import app
run_simple("127.0.0.1", int(os.environ["PORT"]), app, threaded=True)
"""


def waitress(stage: Stage) -> Host:
    return alone(stage, WAITRESS, streams=12)


def werkzeug(stage: Stage) -> Host:
    return alone(stage, WERKZEUG, streams=1000)


def alone(stage: Stage, program: str, streams: int) -> Host:
    """A server that is a Python package, with no proxy but the one that the tests pretend to be."""
    stage.settings(trusted_proxies="127.0.0.1")
    port = stage.free_port()
    stage.start([own_python(), "-c", program], port, PORT=port, PYTHONPATH=stage.app)
    return Host(stage, port, streams=streams, headers=(("X_Forwarded_Prefix", "/chat"),))


KINDS: dict[str, tuple[Callable[[Stage], Host], tuple[str, ...]]] = {
    "Apache, Passenger": (passenger, ("apache2", "passenger")),
    "Apache, mod_wsgi": (mod_wsgi, ("apache2",)),
    "Apache, CGI": (cgi, ("apache2",)),
    "nginx, uWSGI, processes": (uwsgi, ("uwsgi", "nginx")),
    "nginx, uWSGI, threads": (uwsgi_threads, ("uwsgi", "nginx")),
    "nginx and Caddy, gunicorn sync": (gunicorn_sync, ("nginx", "caddy")),
    "nginx and Caddy, gunicorn gthread": (gunicorn_gthread, ("nginx", "caddy")),
    "nginx and Caddy, gunicorn gevent": (gunicorn_gevent, ("nginx", "caddy")),
    "nginx and Caddy, our worker": (our_worker, ("nginx", "caddy")),
    "waitress": (waitress, ()),
    "Werkzeug": (werkzeug, ()),
}


def missing_tools(kind: str) -> list[str]:
    return [tool for tool in KINDS[kind][1] if not shutil.which(tool) and not shutil.which(tool, path="/usr/sbin")]


@contextmanager
def a_host(kind: str, system_python: Path, has_heads: bool = True, is_hurried: bool = False) -> Iterator[Host]:
    """A host of this kind, which has answered; of one with head files they can be left out, as most do at first."""
    with a_stage(system_python) as stage:
        host = KINDS[kind][0](stage)
        if host.has_heads and not has_heads:
            stage.settings()  # in time, where no process is started before there is a request
            host = replace(host, has_heads=False)
        if is_hurried:
            stage.hurry()  # what these start inherits it
        # The first request loads the program and makes the database, which on a busy machine takes a while.
        with urlopen(host.url, timeout=3 * PATIENCE_SECONDS) as answer:
            assert answer.status == 200
        yield host
