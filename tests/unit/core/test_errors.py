import pytest

from chat.core.errors import N_, STATUS, ChatError

# Verbatim from the wire contract, section 1.
CONTRACT = """
| 400 | `invalid`, `csrf` |
| 401 | `sign_in`, `entry_word` |
| 403 | `forbidden`, `banned` and `muted` |
| 404 | `not_found` |
| 405 | `method` |
| 408 | `too_slow` |
| 409 | `name_taken` |
| 413 | `too_long`, `too_large` |
| 429 | `slow_down` |
| 500 | `internal` |
| 503 | `busy` |
"""


def test_every_code_of_the_contract_has_its_status_and_there_are_no_others():
    rows = [line.strip("| ").split(" | ") for line in CONTRACT.strip().splitlines()]
    assert {code: int(status) for status, codes in rows for code in codes.split("`")[1::2]} == STATUS


def test_an_error_keeps_its_catalogue_id_and_what_fills_it():
    error = ChatError("slow_down", N_("Wait %(n)d s."), field="x", retry_after_seconds=3, n=3, reason="why")
    assert (error.status, error.field, error.retry_after_seconds) == (429, "x", 3)
    assert (error.message, error.params) == ("Wait %(n)d s.", {"n": 3, "reason": "why"})
    assert str(error) == "Wait 3 s."


def test_a_sentence_may_name_its_field():
    assert str(ChatError("invalid", "“%(field)s” is missing.", field="body")) == "“body” is missing."


def test_a_code_outside_the_contract_cannot_be_raised():
    with pytest.raises(KeyError):
        ChatError("teapot", "I am one.")
