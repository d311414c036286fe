"""The tables as the program knows them are those that the migrations make."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import chat.migrations
from chat import config as configuration
from chat.schema import VERSION, metadata
from chat.store import creation
from chat.store.database import writing_engine


def test_the_migrations_lead_to_the_tables_and_version_of_the_program(tmp_path: Path):
    creation.upgrade(configuration.load({"CHAT_INSTANCE": str(tmp_path)}))
    engine = writing_engine(tmp_path / "longwave.db", "full")
    with engine.connect() as connection, connection.begin():
        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == VERSION
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_program_asks_for_the_newest_version():
    settings = Config()
    settings.set_main_option("script_location", str(Path(chat.migrations.__file__).parent))
    assert ScriptDirectory.from_config(settings).get_current_head() == VERSION


def test_upgrading_again_changes_nothing_and_the_file_is_its_owners_alone(tmp_path: Path):
    config = configuration.load({"CHAT_INSTANCE": str(tmp_path / "new")})
    creation.upgrade(config)
    before = (config.instance / "longwave.db").read_bytes()
    creation.upgrade(config)
    assert (config.instance / "longwave.db").read_bytes() == before
    assert (config.instance / "longwave.db").stat().st_mode & 0o077 == 0
    assert config.instance.stat().st_mode & 0o077 == 0
