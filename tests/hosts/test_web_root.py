"""The whole folder unpacked inside a web root: Apache is told to keep it to itself, and others are found out."""

import shutil

import pytest

from tests.hosts.kinds import apache, nginx
from tests.hosts.stage import a_stage
from tests.support.clients import Person

PRIVATE = ("/app/instance/longwave.cfg", "/app/instance/upgrade.lock", "/app/instance/longwave.db", "/app/chat/app.py",
           "/app/wsgi.py", "/app/setup.cfg", "/app/deploy/", "/app/")


@pytest.fixture(scope="module")
def stage(system_python):
    with a_stage(system_python) as stage:
        shutil.rmtree(stage.instance)
        stage.instance = stage.app / "instance"  # as one has it who sets nothing
        stage.instance.mkdir()
        stage.settings()
        assert stage.longwave("upgrade").returncode == 0
        yield stage


def root_of(stage, allow_override):
    return f"""
        DocumentRoot {stage.top}
        <Directory {stage.top}>
            AllowOverride {allow_override}
            Options Indexes FollowSymLinks
            Require all granted
        </Directory>
        """


needs_apache = pytest.mark.skipif(not shutil.which("apache2", path="/usr/sbin:/usr/bin"), reason="apt install apache2")
needs_nginx = pytest.mark.skipif(not shutil.which("nginx", path="/usr/sbin:/usr/bin"), reason="apt install nginx")


@needs_apache
def test_apache_hands_out_the_static_files_and_nothing_else(stage):
    host = apache(stage, (), root_of(stage, "All"))
    with Person(host) as stranger:
        assert [stranger.get(path).status for path in PRIVATE] == [403] * len(PRIVATE)
        styles = stranger.get("/app/static/css/base.css?v=0123456789ab")
        assert styles.status == 200 and styles.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "serves no private files" in stage.longwave("check", "--url", host.url).stdout


@needs_apache
def test_apache_that_ignores_the_rules_is_found_out(stage):
    host = apache(stage, (), root_of(stage, "None"))
    warned(stage, host.url)


@needs_nginx
def test_nginx_which_knows_no_such_rules_is_found_out(stage):
    port = stage.free_port()
    stage.give_to_web_user()
    nginx(stage, f"server {{ listen 127.0.0.1:{port}; root {stage.top}; }}", port)
    warned(stage, f"http://127.0.0.1:{port}")


def warned(stage, url):
    checked = stage.longwave("check", "--url", url)
    assert checked.returncode == 1
    assert f"BAD  Anyone can download private files: {url}/app/instance/canary" in checked.stdout
