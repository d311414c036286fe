"""What every template can use: texts, the site, the reader, addresses."""

from functools import lru_cache
from typing import Any

from flask import Flask, request
from markupsafe import Markup

from chat import __version__
from chat.domain import rendering
from chat.server.lifecycle import Lifecycle
from chat.store.tables.users import User
from chat.web import assets, clock, csrf, i18n, identity, repeats

MOUNTS = 16  # the site may be reached below several paths


def give_to_templates(app: Flask, lifecycle: Lifecycle) -> None:
    """Register the filters, functions and values that all templates share."""
    app.add_template_filter(clock.element, "clock")
    app.add_template_filter(i18n.isolated, "isolated")
    # One language for the whole site, so that each text is looked up once.
    app.jinja_env.install_gettext_callables(i18n.singular, i18n.plural, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.globals.update(_=_in_page, gettext=_in_page)

    @lru_cache(MOUNTS)
    def same_for_all(script_root: str, template: str) -> Markup:
        return Markup(app.jinja_env.get_template(template).render(version=assets.current().name))

    # What is the same for every reader is rendered once for each mount point.
    app.jinja_env.globals["same_for_all"] = lambda template: same_for_all(request.script_root, template)

    @app.context_processor
    def shared() -> dict[str, Any]:
        config = lifecycle.config
        user = identity.who().user if lifecycle.is_open else None
        return {
            "site": {
                "name": config.site_name,
                "welcome": config.welcome,
                "footer_links": config.footer_links,
                "guest_days": config.guest_days,
            },
            "me": _me(user) if user is not None else None,
            "csrf_token": csrf.csrf_token,
            "form_id": repeats.page_id,
            "version": assets.current().name,
            "program_version": __version__,
            "lang": config.language,
            "may_index": config.index,
        }


def _me(user: User) -> dict[str, Any]:
    initial = rendering.initial_of(user.name, user.bearer)
    return {
        "id": user.id,
        "name": user.name,
        "kind": user.kind,
        "colour": user.colour,
        "initial": initial,
        "is_owner": user.is_owner,
        "is_compact": user.is_compact,
    }


def _in_page(text: str, /, **values: Any) -> Markup:
    """As in Jinja, which makes the same Markup of the same text each time, dozens of times per page."""
    return Markup(i18n.singular(text)) % i18n.apart(values) if values else _markup(text)


def forget() -> None:
    """Forget all texts, for an app in another language."""
    i18n.forget()
    _markup.cache_clear()


@lru_cache(i18n.WORDS)
def _markup(text: str) -> Markup:
    return Markup(i18n.singular(text)) % {}
