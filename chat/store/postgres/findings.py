"""What `longwave check` tells of a PostgreSQL server."""

from collections.abc import Iterator

from sqlalchemy.engine import Connection

from chat.core.findings import Finding

OLDEST = 150_000  # as the server counts its versions
_FACTS = (
    "SELECT current_setting('server_version_num')::int, current_setting('server_version'),"
    " current_setting('server_encoding'), current_setting('synchronous_standby_names'),"
    " (SELECT count(*) FROM pg_stat_replication)"
)


def of_server(connection: Connection) -> Iterator[Finding]:
    """Its version, its encoding, and whether its replicas have all that was answered."""
    number, version, encoding, standbys, replicas = connection.exec_driver_sql(_FACTS).one()
    if number < OLDEST:
        yield Finding(False, f"It's PostgreSQL {version}; Longwave is made for 15 and newer: upgrade the server.")
    else:
        yield Finding(True, f"It's PostgreSQL {version}.")
    if encoding != "UTF8":
        yield Finding(False, f"Its encoding is {encoding}: make a database with the encoding UTF8, and move there.")
    if replicas and not standbys:
        yield Finding(
            False,
            "It has a replica that doesn't have every message at once: when that takes over, the last ones are lost. "
            "Set synchronous_standby_names.",
        )
    elif replicas:
        yield Finding(True, "Its replica has what was answered.")
