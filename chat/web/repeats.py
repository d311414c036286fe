"""Forms that are sent again: by a second press on a slow line, or because the answer was lost.

A form has a `form_id` made by its page. The same form, with the same fields and from the same browser, gets the same
answer again within ten minutes, and nothing is done twice. The result is stored in the transaction that made the
change, encrypted so that only the form's own id together with the key of the site can read it.
"""

import hashlib
import hmac
import json
import re
import secrets
from base64 import b85decode, b85encode
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Concatenate, NamedTuple, ParamSpec

from flask import current_app, g, request
from sqlalchemy.engine import Connection

from chat.core import times
from chat.core.errors import ChatError
from chat.core.wire import to_json
from chat.domain import sessions
from chat.domain.retention import FORM_MINUTES
from chat.store import Transaction
from chat.store.tables import sent_forms
from chat.store.tables import sessions as session_table
from chat.web import context, cookies, csrf, flood, identity, incoming

FIELD = "form_id"
ID = re.compile("[A-Za-z0-9_-]{1,64}")
ID_BYTES = 12
PASSING = (FIELD, "csrf_token")  # fields that nobody typed; a script may have renewed the token
SALT_BYTES = 16

P = ParamSpec("P")
Do = Callable[[Transaction], Any]
Stands = Callable[[Connection, Any], bool]


class Form(NamedTuple):
    """A form that may be sent again; `secret` is derived from its id, address and fields."""

    secret: bytes
    browser: str
    key: str | None  # of the session that sends it

    @property
    def sent_hash(self) -> str:
        """The name under which the form is stored when this browser sends it."""
        return self.hash_from(self.browser)

    def hash_from(self, browser: str) -> str:
        """The name under which the form is stored when that browser sends it."""
        return hmac.digest(self.secret, f"from {browser}".encode(errors="surrogatepass"), "sha256").hex()

    def seal(self, result: object) -> str:
        """The result, encrypted; for `open`."""
        salt = secrets.token_bytes(SALT_BYTES)
        return b85encode(salt + self._crossed(salt, to_json(result).encode())).decode()

    def open(self, sealed: str) -> Any:
        """The result that `seal` has encrypted, as JSON has it: tuples become lists."""
        raw = b85decode(sealed)
        return json.loads(self._crossed(raw[:SALT_BYTES], raw[SALT_BYTES:]))

    def _crossed(self, salt: bytes, text: bytes) -> bytes:
        """The text XORed with a stream that only this form can make; applied twice, it is the text again."""
        stream = hashlib.shake_256(self.secret + salt).digest(len(text))
        return (int.from_bytes(text, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(text), "big")


def page_id() -> str:
    """The `form_id` of all forms on this page; making one writes nothing."""
    if "form_id" not in g:
        g.form_id = secrets.token_urlsafe(ID_BYTES)
    return str(g.form_id)


def recall() -> bool:
    """Look for this request's form among those sent, and return whether it is a repeat, which needs no CSRF token."""
    g.form = _sent_form()
    if g.form is None:
        return False
    with context.process().store.glance() as connection:
        g.is_repeat = sent_forms.find(connection, g.form.sent_hash, _since()) is not None
    return is_repeat()


def is_repeat() -> bool:
    """Whether this request sends a form again, as `recall` has found."""
    return bool(g.get("is_repeat"))


def write(change: Callable[Concatenate[Transaction, P], Any], *arguments: P.args, **named: P.kwargs) -> Any:
    """As `Store.write`, but once per form; a repeat returns the first result, as JSON has it: tuples become lists."""
    return write_while(for_good, change, *arguments, **named)


def write_while(
    stands: Stands, change: Callable[Concatenate[Transaction, P], Any], *arguments: P.args, **named: P.kwargs
) -> Any:
    """The same, while `stands(connection, result)` says that the change is in effect; after that it is made again."""
    return _write(lambda tx: change(tx, *arguments, **named), partial(_once, stands))


def write_anew(change: Callable[Concatenate[Transaction, P], Any], *arguments: P.args, **named: P.kwargs) -> Any:
    """As `Store.write`, for a change that may be made twice: each time it is made, and counted by flood control.

    If a repeat is refused, returns the first result.
    """
    if is_repeat():
        flood.check_request()
    return _write(lambda tx: change(tx, *arguments, **named), _anew)


def _write(do: Do, way: Callable[[Transaction, Form, Do], Any]) -> Any:
    store, form = context.process().store, g.get("form")
    return store.write(do) if form is None else store.write(way, form, do)


def for_good(connection: Connection, result: Any) -> bool:
    """For `write_while`: the change is never repeated, whatever has happened since."""
    return True


def _once(stands: Stands, tx: Transaction, form: Form, do: Do) -> Any:
    found = sent_forms.find(tx.connection, form.sent_hash, _since())
    if found is not None:
        first = form.open(found)
        if stands(tx.connection, first):
            return first
    return _do(tx, form, do)


def _anew(tx: Transaction, form: Form, do: Do) -> Any:
    found = sent_forms.find(tx.connection, form.sent_hash, _since())
    if found is None:
        return _do(tx, form, do)
    try:
        return do(tx)  # the stored first result is left to expire
    except ChatError:
        return form.open(found)


def _do(tx: Transaction, form: Form, do: Do) -> Any:
    result = do(tx)
    key = result.key if isinstance(result, sessions.SignedIn) else form.key
    key_hash = sessions.hash_of(key) if key else None
    if key_hash and not session_table.lives(tx.connection, key_hash):
        key_hash = None  # this change has ended the session
    known_hash = form.hash_from(csrf.browser_of(key)) if key else form.sent_hash
    sent_forms.put(tx, form.sent_hash, known_hash, key_hash, form.seal(result))
    return result


def _since() -> str:
    return times.ago(minutes=FORM_MINUTES)


def _sent_form() -> Form | None:
    """The form that this request sends, if it has an id and the browser can be identified; else None."""
    if request.method != "POST" or FIELD.encode() not in request.get_data():
        return None
    fields, browser = _fields(), csrf.browser()
    form_id = fields.get(FIELD)
    if browser is None or not isinstance(form_id, str) or not ID.fullmatch(form_id):
        return None
    typed = sorted((name, value) for name, value in fields.items() if name not in PASSING)
    text = json.dumps([form_id, request.full_path, typed])
    secret = hmac.digest(str(current_app.secret_key).encode(), f"form {text}".encode(), "sha256")
    return Form(secret, browser, None if identity.has_bearer() else cookies.sent(cookies.SESSION))


def _fields() -> Mapping[str, Any]:
    """The fields of the body; none if it cannot be read, which raises an error later, when a field is needed."""
    try:
        if not (identity.has_bearer() and request.is_json):
            incoming.form()
            return {name: values[0] if len(values) == 1 else values for name, values in request.form.lists()}
        fields = incoming.json()
    except (ChatError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
