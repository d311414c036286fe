"""The first tables, and the room that everybody finds: lobby."""

import sqlalchemy as sa
from alembic import op

from chat.core.times import now
from chat.store.migrations import ID, KEY

revision = "0001"
down_revision = None


def upgrade() -> None:
    _log()
    _people()
    _rooms()
    _messages()
    rooms = sa.table("rooms", *[sa.column(name) for name in ("slug", "name", "topic", "kind", "created_at")])
    op.bulk_insert(rooms, [{"slug": "lobby", "name": "Lobby", "topic": "", "kind": "open", "created_at": now()}])


def _log() -> None:
    op.create_table(
        "events",
        sa.Column("id", ID, primary_key=True),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("message_id", ID),
        sa.Column("created_at", sa.String(24), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("events_by_channel", "events", ["channel", "id"])
    present = sa.text("message_id IS NOT NULL")
    op.create_index("events_by_message", "events", ["message_id"], sqlite_where=present, postgresql_where=present)
    op.create_table(
        "facts",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("id", ID, primary_key=True),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("name_key", KEY, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("colour", sa.Integer, nullable=False),
        sa.Column("bearer", sa.Integer, nullable=False),
        sa.Column("key_hash", sa.String(64), unique=True),
        sa.Column("created_at", sa.String(24), nullable=False),
        sa.Column("seen_at", sa.String(24), nullable=False),
        sa.Column("released_at", sa.String(24)),
        sqlite_autoincrement=True,
    )
    op.create_index("users_by_name", "users", ["name_key"])
    named = sa.text("released_at IS NULL")
    op.create_index("users_named", "users", ["name_key"], unique=True, sqlite_where=named, postgresql_where=named)
    op.create_table(
        "sessions",
        sa.Column("id", ID, primary_key=True),
        sa.Column("key_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("user_id", ID, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("created_at", sa.String(24), nullable=False),
        sa.Column("seen_at", sa.String(24), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_table(
        "device_codes",
        sa.Column("code_hash", sa.String(64), primary_key=True),
        sa.Column("user_id", ID, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("created_at", sa.String(24), nullable=False),
    )


def _rooms() -> None:
    op.create_table(
        "rooms",
        sa.Column("id", ID, primary_key=True),
        sa.Column("slug", sa.String(40), nullable=False, unique=True),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("topic", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("created_at", sa.String(24), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "memberships",
        sa.Column("id", ID, primary_key=True),
        sa.Column("room_id", ID, sa.ForeignKey("rooms.id"), nullable=False),
        sa.Column("user_id", ID, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("from_id", ID, nullable=False),
        sa.Column("to_id", ID),
        sa.Column("read_id", ID, nullable=False),
    )
    op.create_index("memberships_by_user", "memberships", ["user_id", "room_id"])
    current = sa.text("to_id IS NULL")
    op.create_index(
        "memberships_current",
        "memberships",
        ["room_id", "user_id"],
        unique=True,
        sqlite_where=current,
        postgresql_where=current,
    )


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", ID, primary_key=True, autoincrement=False),
        sa.Column("room_id", ID, sa.ForeignKey("rooms.id"), nullable=False),
        sa.Column("author_id", ID, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("client_id", sa.String(64)),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("html", sa.Text, nullable=False),
        sa.Column("html_version", sa.String(12), nullable=False),
        sa.Column("created_at", sa.String(24), nullable=False),
        sa.Column("edited_at", sa.String(24)),
        sa.Column("removed_at", sa.String(24)),
        sa.Column("removed_by", sa.String(8)),
        sa.UniqueConstraint("author_id", "client_id", name="messages_once"),
    )
    op.create_index("messages_by_room", "messages", ["room_id", "id"])
    op.create_table(
        "inbox",
        sa.Column("id", ID, primary_key=True),
        sa.Column("room", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text),
        sa.Column("reason", sa.Text),
        sqlite_autoincrement=True,
    )
