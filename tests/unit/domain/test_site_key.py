"""Hosts of one site and their keys."""

import dataclasses
from pathlib import Path

import pytest

from chat.core.errors import ChatError
from chat.domain import site_key
from chat.runtime import secret
from chat.store import Store
from chat.store.tables import facts
from tests.support.chats import opened
from tests.support.postgres import Postgres

ONE, OTHER = "1" * 64, "2" * 64


def test_the_first_host_s_key_is_the_site_s_until_another_is_accepted(instance: Path, postgres: Postgres):
    with opened(instance, database_url=postgres.database()) as chat:
        site_key.check(chat.store, chat.config)
        site_key.check(chat.store, chat.config)
        key = secret.of(instance, "")
        site_key.check(chat.store, dataclasses.replace(chat.config, instance=instance / "elsewhere", secret=key))
        another = dataclasses.replace(chat.config, secret=OTHER)
        with pytest.raises(ChatError, match="another key than the site") as refused:
            site_key.check(chat.store, another)
        assert refused.value.code == "busy"
        chat.store.write(site_key.accept, another)
        site_key.check(chat.store, another)
        with pytest.raises(ChatError):
            site_key.check(chat.store, chat.config)
        with chat.store.read() as connection:
            assert OTHER not in (facts.get(connection, site_key.FACT) or OTHER)


def test_of_two_hosts_that_begin_at_once_one_is_the_first(instance: Path, postgres: Postgres, monkeypatch):
    with opened(instance, database_url=postgres.database()) as chat:
        write = Store.write

        def after_the_other(store, *change):
            monkeypatch.undo()
            site_key.check(store, dataclasses.replace(chat.config, secret=ONE))
            return write(store, *change)

        monkeypatch.setattr(Store, "write", after_the_other)
        with pytest.raises(ChatError):
            site_key.check(chat.store, chat.config)


def test_a_chat_in_a_file_may_have_a_new_key_at_any_time(instance: Path):
    with opened(instance) as chat:
        for key in (ONE, OTHER):
            site_key.check(chat.store, dataclasses.replace(chat.config, secret=key))
