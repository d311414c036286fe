"""Which relay a chat has."""

from functools import partial

from chat.core.broker import Broker
from chat.core.config import Config
from chat.core.errors import ConfigError
from chat.realtime.relay import Relay
from chat.realtime.relay.passing import PassingRelay
from chat.realtime.relay.unix import UnixRelay, to_others
from chat.runtime import secret
from chat.store import Store


def relay_for(config: Config, store: Store) -> Relay:
    """The relay of a process that lasts, or of a command; raises OSError, or ConfigError where its driver is missing.

    With a broker it is between hosts: the one that the settings name, or the store's. Otherwise it is the machine's.
    """
    return _between_hosts(config, store) or UnixRelay(config.instance)


def passing_for(config: Config, store: Store) -> PassingRelay:
    """The relay of a process that ends with its request."""
    if config.relay_url or store.broker() is not None:
        return PassingRelay(partial(_between_hosts, config, store))
    return PassingRelay(partial(to_others, config.instance))


def _between_hosts(config: Config, store: Store) -> Relay | None:
    broker = _redis(config) if config.relay_url else store.broker()
    if broker is None:
        return None
    from chat.realtime.relay.remote import RemoteRelay  # late, as most chats have one machine

    return RemoteRelay(broker)


def _redis(config: Config) -> Broker:
    try:
        from chat.realtime.relay.redis import RedisServer  # late: most chats need none
    except ImportError:
        raise ConfigError("CHAT_RELAY_URL needs a driver: run pip install 'longwave[redis]'.") from None
    return RedisServer(config.relay_url, secret.channel_of(secret.of(config.instance, config.secret)))
