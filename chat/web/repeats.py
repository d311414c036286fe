"""Forms that are sent again: pressed twice on a slow line, or because the answer was lost on its way.

A form bears a `form_id` that its page made up. The same form, with the same fields and from the same browser, is
answered within ten minutes as it was the first time, and nothing is done twice. The result is kept in the transaction
that did it, sealed with the form's own id: who does not have that, and the key of the site, cannot read it.
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
PASSING = (FIELD, "csrf_token")  # fields that nobody has typed; a script may have renewed the token
SALT_BYTES = 16

P = ParamSpec("P")
Do = Callable[[Transaction], Any]
Stands = Callable[[Connection, Any], bool]


class Form(NamedTuple):
    """A form that may be sent again: what it says, under a hash by which nobody finds it who has not sent it."""

    secret: bytes
    browser: str
    key: str | None  # of the session that sends it

    @property
    def sent_hash(self) -> str:
        return self.hash_from(self.browser)

    def hash_from(self, browser: str) -> str:
        """What names this form when that browser sends it."""
        return hmac.digest(self.secret, f"from {browser}".encode(errors="surrogatepass"), "sha256").hex()

    def seal(self, result: object) -> str:
        salt = secrets.token_bytes(SALT_BYTES)
        return b85encode(salt + self._crossed(salt, to_json(result).encode())).decode()

    def open(self, sealed: str) -> Any:
        raw = b85decode(sealed)
        return json.loads(self._crossed(raw[:SALT_BYTES], raw[SALT_BYTES:]))

    def _crossed(self, salt: bytes, text: bytes) -> bytes:
        """The text with a stream of bits over it that only this form makes; once more, and it is the text again."""
        stream = hashlib.shake_256(self.secret + salt).digest(len(text))
        return (int.from_bytes(text, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(text), "big")


def page_id() -> str:
    """The id that the forms of this page bear; to make it writes nothing."""
    if "form_id" not in g:
        g.form_id = secrets.token_urlsafe(ID_BYTES)
    return str(g.form_id)


def recall() -> bool:
    """Whether this request sends a form again. It has shown then that it may: its id is the browser's own."""
    g.form = _sent_form()
    if g.form is None:
        return False
    with context.process().store.glance() as connection:
        g.is_repeat = sent_forms.find(connection, g.form.sent_hash, _since()) is not None
    return is_repeat()


def is_repeat() -> bool:
    return bool(g.get("is_repeat"))


def write(change: Callable[Concatenate[Transaction, P], Any], *arguments: P.args, **named: P.kwargs) -> Any:
    """As `Store.write`, but done once for a form, however often it is sent: then its first result, as JSON has it."""
    return write_while(for_good, change, *arguments, **named)


def write_while(
    stands: Stands, change: Callable[Concatenate[Transaction, P], Any], *arguments: P.args, **named: P.kwargs
) -> Any:
    """The same, but only for as long as what was done stands, by its result: later it is done again."""
    return _write(lambda tx: change(tx, *arguments, **named), partial(_once, stands))


def write_anew(change: Callable[Concatenate[Transaction, P], Any], *arguments: P.args, **named: P.kwargs) -> Any:
    """The same for what does no harm when it is done twice: done, and counted by flood control, each time; the first
    result where it is refused.
    """
    if is_repeat():
        flood.check_request()
    return _write(lambda tx: change(tx, *arguments, **named), _anew)


def _write(do: Do, way: Callable[[Transaction, Form, Do], Any]) -> Any:
    store, form = context.process().store, g.get("form")
    return store.write(do) if form is None else store.write(way, form, do)


def for_good(connection: Connection, result: Any) -> bool:
    """What is told of what was done, however things have changed since."""
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
        return do(tx)  # and what was kept of the first time ends in its time
    except ChatError:
        return form.open(found)


def _do(tx: Transaction, form: Form, do: Do) -> Any:
    result = do(tx)
    key = result.key if isinstance(result, sessions.SignedIn) else form.key
    key_hash = sessions.hash_of(key) if key else None
    if key_hash and not session_table.lives(tx.connection, key_hash):
        key_hash = None  # it was this that ended it
    known_hash = form.hash_from(csrf.browser_of(key)) if key else form.sent_hash
    sent_forms.put(tx, form.sent_hash, known_hash, key_hash, form.seal(result))
    return result


def _since() -> str:
    return times.ago(minutes=FORM_MINUTES)


def _sent_form() -> Form | None:
    """The form that this request sends, if it bears an id and comes from somebody who can be told from others."""
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
    """What the body says; nothing where it cannot be read, which whoever needs it will tell."""
    try:
        if not (identity.has_bearer() and request.is_json):
            incoming.form()
            return {name: values[0] if len(values) == 1 else values for name, values in request.form.lists()}
        fields = incoming.json()
    except (ChatError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
