"""The key of the chat: made once, for its user alone, and never another than the one that was made."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chat.app import create_app
from chat.core import config as configuration
from chat.realtime.watermarks.naming import Naming
from chat.realtime.watermarks.progress import DONE, Progress
from chat.runtime import secret
from chat.runtime.secret import SecretError
from chat.server import checks, exposure, host_report


def test_it_is_made_once_for_its_user_alone(instance: Path):
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(secret.of, [instance] * 32, [""] * 32))
    assert len(found) == 1 and re.fullmatch("[0-9a-f]{64}", found.pop())
    assert [path.name for path in instance.iterdir()] == ["secret"], "and no draft stays"
    assert (instance / "secret").stat().st_mode & 0o077 == 0 and secret.problem(instance, "") == ""


def test_a_key_to_which_an_editor_added_a_line_end_still_works(instance: Path):
    key = secret.of(instance, "")
    (instance / "secret").write_text(key + "\n")
    assert secret.of(instance, "") == key + "\n", "what was signed with it stays signed"


DAMAGED = [b"", b"\n", b" ", b"0" * 63, b"0" * 65, b"\0" * 64, b"\xff" * 64, b"g" * 64, b"0" * 32 + b"\n" + b"0" * 32]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_key_signs_nothing_and_one_sentence_says_what_to_do(instance: Path, content: bytes):
    instance.mkdir(exist_ok=True)
    (instance / "secret").write_bytes(content)
    config = configuration.load({"CHAT_INSTANCE": str(instance)})
    for use in (lambda: secret.of(instance, ""), lambda: create_app(config), lambda: Naming(config)):
        with pytest.raises(SecretError, match=r"^\S*secret, the key of this chat, is damaged; .* delete it [^.]*\.$"):
            use()
    assert (instance / "secret").read_bytes() == content, "and nobody puts another in its place unasked"
    assert secret.problem(instance, "") in [finding.words for finding in checks.findings(config) if not finding.is_well]


def test_a_folder_in_place_of_the_key_is_reported(instance: Path):
    (instance / "secret").mkdir(parents=True)
    with pytest.raises(SecretError, match="can't be read"):
        secret.of(instance, "")


def test_a_key_that_others_can_open_is_reported(instance: Path):
    secret.of(instance, "")
    os.chmod(instance / "secret", 0o644)
    os.chmod(instance, 0o700)
    assert secret.problem(instance, "") == "", "nobody comes so far"
    os.chmod(instance, 0o755)
    assert "chmod 700" in secret.problem(instance, "")


# What else is read back: by what makes no sense nothing is said, and nothing ends


NONSENSE = ["", "{", "[]", "{}", "null", "[1,2,3,4]", "[Infinity,1,1,1]", '{"url":1}', "[" * 100_000, "\0"]
HOST = ('{"budget":{"kind":"once","server":"x","places":null,"readers":0,"processes":null},"readers":0,'
        '"lifetime":["a","b"],"interval_ms":1,"megabytes":"x","request_seconds":null,"has_heads":0}')
FOUND = '{"url":"http://x/","exposed":[],"is_answered":true,"at":"yesterday"}'


@pytest.mark.parametrize("content", [*NONSENSE, HOST, FOUND])
def test_damaged_files_count_as_missing(instance: Path, content: str):
    instance.mkdir(exist_ok=True)
    for name in (host_report.FILE, exposure.FOUND, DONE):
        (instance / name).write_text(content)
    assert host_report.last_seen(instance) is None
    assert exposure.last_found(instance) is None
    done = Progress(instance).read()
    assert done is None or isinstance(done.until, int)


def test_an_empty_canary_is_not_found_wherever_nothing_is(instance: Path):
    instance.mkdir(exist_ok=True)
    (instance / exposure.FILE).touch()
    found = exposure.look(instance, "http://chat.example", lambda address: b"")
    assert found.exposed == [] and found.is_answered
