"""The group of all commands."""

import click

from service import __version__
from service.cli import (
    billing,
    database,
    deliveries,
    doctoring,
    endpoints,
    external_forms,
    forms,
    keys,
    lookups,
    people,
    portals,
    processes,
    providers,
    rereading,
    sending,
)

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


@click.group(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="marketable")
def group() -> None:
    """Marketable: form submissions in, an exact count of marketing contacts out."""


for command in (
    processes.up,
    processes.web,
    processes.relay,
    processes.clock,
    processes.consume,
    database.migrate,
    database.verify,
    database.sweep,
    doctoring.doctor,
    billing.billing,
    portals.portal,
    forms.form,
    people.token,
    people.contact,
    providers.provider,
    endpoints.endpoint,
    external_forms.external_form,
    deliveries.delivery,
    lookups.lookups,
    deliveries.replay,
    keys.key,
    keys.reseal,
    sending.send,
):
    group.add_command(command)
external_forms.external_form.add_command(rereading.read_again)
