"""The tables as this version of the program reads and writes them; `migrations/` brings older databases here.

`VERSION` is the Alembic revision that these tables are. Everything that other programs may touch is `inbox`.
Times are the texts of `times.now`. SQLite may be as old as 3.34, so nothing here asks for more. Which rows an index has
is told to SQLite alone, and to other databases by the steps: a word of theirs would load their dialect everywhere.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

VERSION = "0011"
TWIN = "\x1f"  # in the key of a name that is another's twin: before a number

# SQLite numbers rows only where they are INTEGER, which there has 64 bits.
ID = BigInteger().with_variant(Integer, "sqlite")

# Names are looked up by ranges of their keys, which must not depend on a language.
KEY = Text().with_variant(Text(collation="C"), "postgresql")

# A text that other programs have written: SQLite keeps whatever it is given, and the driver stumbles over what is not
# UTF-8; elsewhere there is nothing else.
WRITTEN = LargeBinary().with_variant(Text(), "postgresql")

metadata = MetaData()

# The log. `message_id` names the message that an event tells of, so that an edit or a removal finds and
# overwrites the text in every earlier event of it. Of a `read` it is the stay, below zero (`events.mark_of`).
events = Table(
    "events",
    metadata,
    Column("id", ID, primary_key=True),
    Column("channel", String(40), nullable=False),
    Column("name", String(16), nullable=False),
    Column("data", Text, nullable=False),
    Column("message_id", ID),
    Column("created_at", String(24), nullable=False),
    Index("events_by_channel", "channel", "id"),
    Index("events_by_message", "message_id", sqlite_where=text("message_id IS NOT NULL")),
    sqlite_autoincrement=True,  # for processes of an earlier version, which count by it while they end
)

# One row: the highest id that `Transaction` ever gave, which pruning does not lower. No id is given twice, or a cursor
# would skip the second.
log_head = Table("log_head", metadata, Column("last_id", ID, nullable=False))

# `name_key` is what names are compared by, with `TWIN` where two bore names that a later version made one; `drawn_key`
# is so, too, for names that only look the same, NULL for whoever was forgotten. A name that its bearer has lost is
# released, and others may take it; `bearer` counts those who have had it. `forgetting` is how far a wish to be
# forgotten has come.
users = Table(
    "users",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", String(32), nullable=False),
    Column("name_key", KEY, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("colour", Integer, nullable=False),
    Column("bearer", Integer, nullable=False),
    Column("key_hash", String(64), unique=True),
    Column("created_at", String(24), nullable=False),
    Column("seen_at", String(24), nullable=False),
    Column("released_at", String(24)),
    Column("is_owner", Boolean, nullable=False, server_default=false()),
    Column("forgetting", String(32)),
    Column("is_compact", Boolean, nullable=False, server_default=false()),
    Column("drawn_key", KEY),
    Index("users_by_name", "name_key"),
    Index("users_by_look", "drawn_key"),
    Index("users_forgetting", "forgetting", sqlite_where=text("forgetting IS NOT NULL")),
    Index("users_named", "name_key", unique=True, sqlite_where=text("released_at IS NULL")),
    sqlite_autoincrement=True,
)

# An ended session stays, without its key, as long as its address is kept: a ban must meet who has just signed out.
sessions = Table(
    "sessions",
    metadata,
    Column("id", ID, primary_key=True),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("created_at", String(24), nullable=False),
    Column("seen_at", String(24), nullable=False),
    Column("address", String(45)),
    Column("user_agent", String(200)),
    Column("ended_at", String(24)),
    sqlite_autoincrement=True,
)

# `good_until` is of a link by which somebody who signs out may come back; links for devices are young or void.
device_codes = Table(
    "device_codes",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("created_at", String(24), nullable=False),
    Column("good_until", String(24)),
)

# What a form was answered that may be sent again, sealed with what only its sender has. `sent_hash` names the form with
# the browser as it was when it sent it, `known_hash` with what it has been given since. It counts as long as the
# session of `key_hash` lives, NULL where there is none.
sent_forms = Table(
    "sent_forms",
    metadata,
    Column("sent_hash", String(64), primary_key=True),
    Column("known_hash", String(64), nullable=False),
    Column("key_hash", String(64)),
    Column("result", Text, nullable=False),
    Column("created_at", String(24), nullable=False),
    Index("sent_forms_known", "known_hash"),
    Index("sent_forms_by_session", "key_hash"),
    Index("sent_forms_by_age", "created_at"),
)

# `opened_by` is NULL for what the command line opened, and for those who were forgotten. `name_key` is what names are
# compared by, empty for a removed room; it is not unique, because a private room must not be told by its name.
rooms = Table(
    "rooms",
    metadata,
    Column("id", ID, primary_key=True),
    Column("slug", String(40), nullable=False, unique=True),
    Column("name", String(60), nullable=False),
    Column("topic", String(200), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("created_at", String(24), nullable=False),
    Column("opened_by", ID),
    Column("name_key", Text, nullable=False, server_default=""),
    Index("rooms_by_name", "name_key"),
    sqlite_autoincrement=True,
)

# One row for each stay: from the join event to the leave event, which is NULL as long as the user is in.
# `from_id` is 0 instead where a room that was open before keeps its past for those who were in it.
memberships = Table(
    "memberships",
    metadata,
    Column("id", ID, primary_key=True),
    Column("room_id", ForeignKey("rooms.id"), nullable=False),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("from_id", ID, nullable=False),
    Column("to_id", ID),
    Column("join_id", ID),
    Column("read_id", ID, nullable=False),
    Index("memberships_by_user", "user_id", "room_id"),
    Index("memberships_current", "room_id", "user_id", unique=True, sqlite_where=text("to_id IS NULL")),
)

# A message that is no longer kept stays as a blank row, for its client id: `expired_at` takes it from every page.
messages = Table(
    "messages",
    metadata,
    Column("id", ID, primary_key=True, autoincrement=False),
    Column("room_id", ForeignKey("rooms.id"), nullable=False),
    Column("author_id", ForeignKey("users.id"), nullable=False),
    Column("client_id", String(64)),
    Column("body", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("html_version", String(12), nullable=False),
    Column("created_at", String(24), nullable=False),
    Column("edited_at", String(24)),
    Column("removed_at", String(24)),
    Column("removed_by", String(8)),
    Column("expired_at", String(24)),
    UniqueConstraint("author_id", "client_id", name="messages_once"),
    Index("messages_by_room", "room_id", "id"),
    Index("messages_kept", "created_at", sqlite_where=text("expired_at IS NULL")),
)

# Other programs insert here and nowhere else. A row that was posted is gone; one that cannot be has its reason.
inbox = Table(
    "inbox",
    metadata,
    Column("id", ID, primary_key=True),
    Column("room", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("client_id", Text),
    Column("reason", Text),
    sqlite_autoincrement=True,
)

facts = Table(
    "facts",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)

# What the owner has set; a setting that is not here is the operator's.
settings = Table(
    "settings",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

# `network` is an address, or a /64 of IPv6; `until` is NULL for good.
bans = Table(
    "bans",
    metadata,
    Column("id", ID, primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("network", String(43)),
    Column("reason", Text, nullable=False),
    Column("until", String(24)),
    Column("created_at", String(24), nullable=False),
    Column("lifted_at", String(24)),
    sqlite_autoincrement=True,
)

# What owners did, to whom (`subject_id`) or to what (`about`); `user_id` is NULL for whoever has a shell.
acts = Table(
    "acts",
    metadata,
    Column("id", ID, primary_key=True),
    Column("user_id", ID),
    Column("act", String(24), nullable=False),
    Column("subject_id", ID),
    Column("about", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", String(24), nullable=False),
    sqlite_autoincrement=True,
)

# Ids that were given and lost, because a backup was restored: beyond `after_id`, up to `until_id`.
gaps = Table(
    "gaps",
    metadata,
    Column("after_id", ID, primary_key=True, autoincrement=False),
    Column("until_id", ID, nullable=False),
)
