"""The documents say what the program does: their tables and names are compared with the code."""

import configparser
import json
import re
from pathlib import Path

import pytest

from bench.__main__ import RESULTS
from bench.soak.oracle import WRONGS
from bench.soak.results import as_markdown
from chat.app import create_app
from chat.cli import longwave
from chat.core import config, errors
from chat.core.log_events import EVENTS
from chat.runtime.metrics import METRICS
from tests.hosts.kinds import KINDS

TOP = Path(__file__).parents[2]
DOCUMENTS = sorted([*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md"), *(TOP / "deploy").rglob("*.md")])
PROTOCOL = (TOP / "docs" / "protocol.md").read_text()
README = (TOP / "README.md").read_text()
FIGURES = (TOP / "docs" / "benchmarks.md").read_text()
PROOF = (TOP / "docs" / "soak.md").read_text()

each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)


def between(text: str, mark: str) -> str:
    """What stands between `<!-- mark -->` and `<!-- /mark -->`."""
    found = re.search(rf"<!-- {mark} -->\n(.*?)<!-- /{mark} -->", text, re.DOTALL)
    assert found, f"the marks of {mark} are missing"
    return found[1]


def section(text: str, title: str) -> str:
    """The section under a heading of level 2, which is given by its beginning."""
    found = re.search(rf"^## {re.escape(title)}.*?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no section {title!r}"
    return found[1]


def rows(text: str, head: str) -> list[list[str]]:
    """The cells of the table whose first column is headed so."""
    table = re.search(rf"^\| {re.escape(head)} \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert table, f"there is no table of {head!r}"
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table[1].splitlines()]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# The README and what it leads to

def test_the_table_of_settings_is_the_generated_one():
    text = (TOP / "docs" / "settings.md").read_text()
    assert between(text, "settings") == config.as_markdown(), "put in what `longwave check --settings` prints"


def test_the_readme_has_the_ten_settings_that_matter_as_they_are_in_the_table():
    shown, all_rows = between(README, "ten").splitlines(), config.as_markdown().splitlines()
    assert shown[:2] == all_rows[:2] and len(shown[2:]) == 10
    assert set(shown) <= set(all_rows), "put in what `longwave check --settings` prints"


def test_the_readme_is_read_in_a_few_minutes():
    assert len(README.split()) <= 1500


def test_the_figures_of_the_readme_are_those_of_the_documents():
    told = between(FIGURES, "figures") + between(PROOF, "proof")
    figures = [figure for row in rows(between(README, "results"), "what") for figure in re.findall(r"[\d,.]+", row[1])]
    assert len(figures) >= 5, "a premise"
    assert not [figure for figure in figures if not re.search(rf"(?<![\d,.]){re.escape(figure)}(?![\d,])", told)]


def test_every_metric_stands_in_the_documents_and_every_one_there_exists():
    table = rows(between((TOP / "docs" / "operating.md").read_text(), "metrics"), "metric")
    documented = [(code(name)[0], kind, code(label), what) for name, kind, label, what in table]
    assert documented == [(metric.full_name, metric.kind, [metric.label, *metric.values] if metric.label else [],
                           metric.help) for metric in METRICS]


def test_the_figures_say_which_command_printed_them_and_of_which_commit():
    figures = between(FIGURES, "figures")
    assert re.search(r"`bin/bench[^`]*`, commit [0-9a-f]{7}", figures)
    for row in ("| durable posts a second", "| from POST to reader", "| memory of the whole idle service"):
        assert re.search(re.escape(row) + r".*\d", figures)


def test_the_proof_is_what_the_soak_printed_of_runs_that_are_kept():
    kept = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*-soak-*.json"))]
    shown = {as_markdown(results): results for results in kept}
    cited = re.split(r"\n\n(?=`bin/soak)", between(PROOF, "proof").strip())
    assert set(cited) <= shown.keys(), "put in what `bin/soak --save` printed, one run after another"
    runs = [shown[run] for run in cited]
    for results in runs:
        assert not any(results[wrong.replace(" ", "_")] for wrong in WRONGS), results["command"]
    assert any(results["minutes"] >= 30 and results["delivered"] >= 1_000_000 for results in runs)


# The contract

@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return create_app(config.load({"CHAT_INSTANCE": str(tmp_path_factory.mktemp("instance"))}))


def routes_of(app) -> set[str]:
    """Every method and path, with the contract's words for what varies in them."""
    placeholders = {"slug": "SLUG", "id": "ID", "filename": "FILE"}
    return {f"{method} " + re.sub(r"<(?:[^>]*:)?(\w+)>", lambda found: placeholders.get(found[1], found[0]), rule.rule)
            for rule in app.url_map.iter_rules() for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}


def test_every_address_stands_in_the_contract_and_every_one_there_exists(app):
    documented = {route for row in rows(section(PROTOCOL, "2. URLs"), "method and path") for route in code(row[0])}
    assert documented == routes_of(app)


def test_every_event_stands_in_the_contract_with_whether_it_has_an_id():
    documented = {name: row[1] for part in ("3. ", "6. ") for row in rows(section(PROTOCOL, part), "event")
                  for name in code(row[0])}
    assert documented == {event.name: "yes" if event.has_id else "no" for event in EVENTS
                          if event.is_for_pages or event.receiver == "selftest"}


def test_every_error_stands_in_the_contract_with_its_status():
    table = rows(section(PROTOCOL, "1. Who"), "status")
    documented = {name: int(row[0]) for row in table for name in code(row[1]) if re.fullmatch("[a-z_]+", name)}
    assert documented == errors.STATUS


# Dependencies

def requirements(text: str) -> set[str]:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return {re.split(r"[ <>=!~;]", line)[0] for line in lines if line}


def test_every_dependency_is_listed_with_its_reason():
    setup = configparser.ConfigParser()
    setup.read(TOP / "setup.cfg")
    wanted = {"Always": requirements(setup["options"]["install_requires"])}
    wanted |= {f"The extra `{name}`": requirements(text) for name, text in setup["options.extras_require"].items()}
    text = (TOP / "docs" / "dependencies.md").read_text()
    listed = {title: rows(section(text, title), "package") for title in wanted}
    assert {title: {code(row[0])[0] for row in table} for title, table in listed.items()} == wanted
    assert all(row[1] for table in listed.values() for row in table), "each has something that it is for"


# All documents

def slug(heading: str) -> str:
    """The anchor that a heading has on the pages of the usual hosts."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@each_document
def test_every_link_leads_somewhere(path):
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match("https?://|mailto:", target):
            continue
        file, _, anchor = target.partition("#")
        found = path.parent / file if file else path
        assert found.exists(), f"{target} leads nowhere"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE)
            assert anchor in map(slug, headings), f"{target} leads to no heading"


@each_document
def test_every_setting_and_command_that_is_named_exists(path):
    text = path.read_text()
    assert set(re.findall(r"\bCHAT_[A-Z]\w*", text)) <= {setting.name for setting in config.SETTINGS}
    named = re.findall(r"(?:^|[`/ ])longwave ([a-z]+)(?: ([a-z]+))?", "\n".join(typed_in(text)), re.MULTILINE)
    for command, subcommand in named:
        assert command in longwave.commands, f"there is no `longwave {command}`"
        group = getattr(longwave.commands[command], "commands", None)
        assert group is None or not subcommand or subcommand in group, f"no `longwave {command} {subcommand}`"


def typed_in(text: str) -> list[str]:
    """What a document shows as typed: its blocks and spans of code."""
    return [*re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL), *re.findall(r"(?<!`)`([^`\n]+)`", text)]


def test_every_kind_of_host_that_is_tested_stands_in_its_table_and_every_folder_in_the_list_of_deploy():
    table = rows(between((TOP / "docs" / "hosts.md").read_text(), "hosts"), "host")
    assert [row[0] for row in table] == list(KINDS)
    listed = set(re.findall(r"\]\(([a-z_-]+)/README\.md\)", (TOP / "deploy" / "README.md").read_text()))
    folders = {path.name for path in (TOP / "deploy").iterdir() if path.is_dir()}
    assert listed | {"other-origin"} == folders
    assert all((TOP / "deploy" / folder / "README.md").exists() for folder in folders)


def test_the_list_for_hosts_with_a_server_of_their_own_is_that_of_the_program():
    setup = configparser.ConfigParser()
    setup.read(TOP / "setup.cfg")
    wanted = requirements(setup["options"]["install_requires"]) - {"gunicorn"}
    assert requirements((TOP / "deploy" / "passenger" / "requirements.txt").read_text()) == wanted
