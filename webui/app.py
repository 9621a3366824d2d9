"""The Flask application: guards first, then languages, then a blueprint for each screen."""

from flask import Flask, redirect, url_for
from flask.typing import ResponseReturnValue

from webui import (
    captive,
    closing,
    encrypted,
    language,
    look,
    mishaps,
    options,
    person,
    security,
    streams,
    translate,
)
from webui.person import gateway
from webui.screens import (
    access,
    board,
    box,
    case,
    certificate,
    counter,
    demo,
    insights,
    login,
    network,
    pagers,
    settings,
    setup,
    status,
    steps,
)


def create_app(chosen: options.Options) -> Flask:
    """Put the page together.

    Args:
        chosen: What it was started with.
    """
    app = Flask(__name__)
    app.config.update(SECRET_KEY=chosen.secret_key, SEND_FILE_MAX_AGE_DEFAULT=look.STATIC_AGE_S)
    options.keep(app.extensions, chosen)
    streams.hang(app.extensions)
    closing.hang(app.extensions, chosen.control)
    captive.lead(app)
    security.protect(app, chosen.allowed_hosts)
    encrypted.encrypt(app, chosen)
    translate.install(app, language.choose)
    look.dress(app)
    mishaps.answer(app)
    app.teardown_request(person.hang_up)
    for screen in (
        language,
        streams,
        login,
        board,
        case,
        counter,
        pagers,
        status,
        insights,
        setup,
        steps,
        settings,
        access,
        box,
        network,
        certificate,
    ):
        app.register_blueprint(screen.blueprint)
    if chosen.simulator is not None:
        app.register_blueprint(demo.blueprint)
    app.add_url_rule("/", "root", _root)
    return app


def _root() -> ResponseReturnValue:
    if not gateway().info.claimed:
        return redirect(url_for("setup.index"))
    is_demo = options.options().simulator is not None
    return redirect(url_for("demo.index" if is_demo else "board.index"))
