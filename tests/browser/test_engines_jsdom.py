"""jsdom, which has no EventSource, no worker and no layout: the page's own scripts chat in it all the same."""

import json
from pathlib import Path

import pytest

from tests.browser import obstacles
from tests.browser.engines.driver import driver
from tests.browser.obstacles import POLL, STREAM, obstacles_before
from tests.support.plugin import needs_tool
from tests.support.serving import eventually

pytestmark = needs_tool("node")

JSDOM = "jsdom " + json.loads(Path(__file__).with_name("package.json").read_text())["dependencies"]["jsdom"]
SAID = "[...document.querySelectorAll('#rows .message[data-id] .text')].map(text => text.textContent)"
STATE = "document.getElementById('state').className"


@pytest.fixture
def jsdom():
    with driver("jsdom.mjs") as jsdom:
        yield jsdom
        complaints = jsdom.heard.get("jsdom", [])
    assert not complaints, f"the page complained in jsdom: {complaints}"


@pytest.fixture
def way(chat):
    with obstacles_before(chat.host, chat.port) as way:
        yield way


@pytest.mark.shows("script begins", browser=JSDOM)
@pytest.mark.parametrize("is_streamed", [
    pytest.param(True, marks=pytest.mark.shows("stream by XMLHttpRequest", browser=JSDOM)),
    pytest.param(False, marks=pytest.mark.shows("held poll", browser=JSDOM)),
], ids=["by stream", "by poll"])
def test_the_page_s_own_scripts_chat(jsdom, way, alice, carol, garden, is_streamed):
    way.put(POLL if is_streamed else STREAM, obstacles.holds_the_body)  # the other one brings nothing
    jsdom.order("open", url=f"{way.base_url}/rooms/{garden}", cookies=carol.cookies)
    assert not jsdom.order("evaluate", expression="typeof EventSource !== 'undefined'")
    eventually(lambda: jsdom.order("evaluate", expression=STATE) == "state live")
    alice.say("Is anybody there?", room=garden)
    eventually(lambda: jsdom.order("evaluate", expression=SAID) == ["Is anybody there?"])
    jsdom.order("type", selector="#body", text="Somebody without a browser")
    eventually(lambda: jsdom.order("evaluate", expression=SAID) == ["Is anybody there?", "Somebody without a browser"])
    messages = alice.get(f"/rooms/{garden}/messages").json["messages"]
    assert [message["body"] for message in messages] == ["Is anybody there?", "Somebody without a browser"]
