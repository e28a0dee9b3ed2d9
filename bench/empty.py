"""The yardstick: a Flask view that does nothing, served exactly as the service is."""

from flask import Flask, Response

from bench.traffic import PATH_RULE


def create_app() -> Flask:
    """Make an application that answers every submission with nothing."""
    application = Flask("empty", static_folder=None)

    @application.post(PATH_RULE)
    def submit(portal_id: str, form_guid: str) -> Response:  # noqa: ARG001 - Flask hands over what the path holds
        return Response(b"")

    return application
