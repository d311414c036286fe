"""The `longwave` command: post, manage rooms, bots and people, and maintain the database, from a shell or cron job."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NoReturn

import click

from chat import __version__
from chat.core import config as configuration
from chat.core.config import Config
from chat.core.errors import ChatError, ConfigError
from chat.domain import bots, inbox, moderation, ownership, rooms, site_key
from chat.realtime.relay.choice import relay_for
from chat.realtime.watermarks import Watermarks
from chat.runtime.secret import SecretError
from chat.server import checks
from chat.store import Store, creation, engines, trouble
from chat.store.tables import rooms as room_table


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="longwave")
def longwave() -> None:
    """Longwave, a chat that every browser can join."""


def main() -> None:
    """Run the command; an error is one sentence on stderr and exit status 1."""
    try:
        longwave(prog_name="longwave")
    except (ChatError, ConfigError, SecretError, OSError) as error:
        stop(str(error))
    except trouble.DatabaseError as error:
        stop(error.words)


def stop(sentence: str) -> NoReturn:
    """Exit with status 1 after writing the sentence to stderr."""
    click.echo(f"longwave: {sentence}", err=True)
    sys.exit(1)


@contextmanager
def open_store(config: Config, with_any_key: bool = False) -> Iterator[Store]:
    """The store of an existing chat, whose running processes are told about what is written.

    Raises ClickException if there is no chat, and ChatError `busy` if its database is another version's, or if this
    host has another key than the site.
    """

    def committed() -> None:
        relay.ring()
        watermarks.publish()

    store = Store(config, on_commit=committed)
    try:
        if not store.exists():
            raise click.ClickException(f"There's no chat in {config.instance} yet. Create one with: longwave upgrade")
        relay = relay_for(config, store)
        watermarks = Watermarks(config, store)
        store.check()
        if not with_any_key:
            site_key.check(store, config)
        yield store
    finally:
        store.stop()


@longwave.command()
@click.argument("room")
@click.argument("text")
@click.option("--as", "name", required=True, help="The name to post under; not a person's.")
def post(room: str, text: str, name: str) -> None:
    """Post TEXT in ROOM ("-" reads it from standard input)."""
    body = sys.stdin.read() if text == "-" else text
    with open_store(configuration.load()) as store:
        posted = store.write(inbox.post_as, name, room, body)
    click.echo(f"posted as message {posted.message['id']}")


@longwave.group()
def room() -> None:
    """List, create and delete rooms."""


@room.command("list")
def list_rooms() -> None:
    """List all rooms."""
    with open_store(configuration.load()) as store, store.read() as connection:
        for each in room_table.all_rooms(connection):
            click.echo(f"{each.slug}\t{each.kind}\t{each.name}\t{each.topic}".rstrip())


@room.command("add")
@click.argument("name")
@click.option("--slug", help="Its address; made from the name if left out.")
@click.option("--topic", default="", help="One line about what it's for.")
def add_room(name: str, slug: str | None, topic: str) -> None:
    """Create a room called NAME."""
    with open_store(configuration.load()) as store:
        opened = store.write(rooms.open_room, None, name, slug, topic)
    click.echo(f"created /rooms/{opened['slug']}")


@room.command("remove")
@click.argument("slug")
@click.option("--yes", is_flag=True, help="Don't ask first.")
def remove_room(slug: str, yes: bool) -> None:
    """Delete the room SLUG and all its messages."""
    with open_store(configuration.load()) as store:
        if not yes:
            click.confirm(f"Delete {slug} and all its messages? This can't be undone.", abort=True)
        store.write(moderation.remove_room, None, slug)
    click.echo(f"deleted {slug}")


@longwave.group()
def bot() -> None:
    """Give bots a name and a key."""


@bot.command("add")
@click.argument("name")
def add_bot(name: str) -> None:
    """Create the bot NAME, or give it a new key, and print the key. It's shown only once."""
    with open_store(configuration.load()) as store:
        click.echo(store.write(bots.add_bot, name))


@longwave.command("owner")
def owner_link() -> None:
    """Print a new link for becoming the owner. It works once."""
    config = configuration.load()
    with open_store(config) as store:
        code = store.write(ownership.make_kept_code, config)
    host, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"
    click.echo(f"Open this in the browser you chat with, with your site's address in front: http://{host}:{port}/owner/claim?code={code}")


@longwave.command()
@click.argument("name")
@click.option("--reason", default="", help="Shown to them.")
@click.option("--for", "span", default="", help="For how long: 30m, 2h, 7d or 1w. Permanent if left out.")
def ban(name: str, reason: str, span: str) -> None:
    """Ban NAME and their IP addresses."""
    config = configuration.load()
    seconds = moderation.span_seconds(span)
    with open_store(config) as store:
        networks = store.write(moderation.ban_by_name, name, reason, seconds, config)
    click.echo(f"banned {name}" + "".join(f", {network}" for network in networks))


@longwave.command()
@click.argument("name")
def unban(name: str) -> None:
    """Unban NAME."""
    with open_store(configuration.load()) as store:
        store.write(moderation.unban_by_name, name)
    click.echo(f"unbanned {name}")


@longwave.command()
@click.argument("message_id", type=int)
def remove(message_id: int) -> None:
    """Delete the message with this number. This can't be undone."""
    with open_store(configuration.load()) as store:
        store.write(moderation.remove_message, None, message_id)
    click.echo(f"deleted message {message_id}")


@longwave.command()
def upgrade() -> None:
    """Create the database, or bring it to this version."""
    config = configuration.load()
    creation.upgrade(config)
    click.echo(f"the database in {config.instance} is up to date")


@longwave.command()
@click.option("--from", "source", required=True, metavar="URL", help="Where the chat is: sqlite:///instance/longwave.db")
@click.option("--to", "target", default="", metavar="URL", help="A new database: postgresql://user@host/name")
@click.option("--cancel", is_flag=True, help="Give up a move: what is at --from is the chat's database again.")
@click.option("--yes", is_flag=True, help="With --cancel, don't ask first.")
def move(source: str, target: str, cancel: bool, yes: bool) -> None:
    """Move the chat to another database. If it is interrupted, run it again.

    From its beginning on, the chat can be read but not written where it is.
    """
    from chat.store import move as moving  # late: only this needs it

    if bool(target) == cancel:
        raise click.UsageError("Say either --to or --cancel.")
    config = configuration.load()
    if cancel:
        if not yes:
            click.confirm("What was written in the other database will be missing here. Go on?", abort=True)
        with engines.opened_at(source, config) as engine:
            moving.cancel(engine)
        return click.echo("cancelled: the chat can be written where it was")
    with engines.opened_at(source, config) as old, engines.opened_at(target, config) as new:
        moving.move(old, new, partial(click.echo, err=True))
    click.echo("moved: let the settings name the new database, restart the chat, and keep or delete the old one")


@longwave.command()
def rekey() -> None:
    """Make this host's key the site's, and sign everybody out. All other hosts need the same key."""
    config = configuration.load()
    with open_store(config, with_any_key=True) as store:
        store.write(site_key.accept, config)
    click.echo("the site has this key now: restart the chat on every host")


@longwave.command()
@click.option("--settings", is_flag=True, help="Print the table of all settings, in Markdown.")
@click.option("--url", default="", help="The site's address, to check that it serves no private files.")
def check(settings: bool, url: str) -> None:
    """Check whether this chat can run: settings, database, open files, private files and the inbox."""
    if settings:
        return click.echo(configuration.as_markdown(), nl=False)
    found = list(checks.findings(configuration.load(), url))
    for finding in found:
        mark = "ok   " if finding.is_well else click.style("BAD  ", fg="red")
        click.echo(mark + finding.words)
    sys.exit(0 if all(finding.is_well for finding in found) else 1)
