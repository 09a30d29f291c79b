"""Speak to the person at the terminal: `python -m deploy.local up` and `servers`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from deploy.local.places import default_data
from deploy.local.settings import LocalSettings
from deploy.local.startup import run
from shared.domain.refusals import Refusal

FAILED: Final = 1

_PORT: Final = click.IntRange(0, 65_535)
_DATA_OPTION: Final = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help=(
        "The folder that keeps everything; it survives a restart. "
        "Default: build/local in the checkout, or /var/lib/commonlot for root."
    ),
)
_QUIET_OPTION: Final = click.option(
    "--quiet", is_flag=True, help="Show no log lines. They still go to DATA/log."
)


@click.group(context_settings={"max_content_width": 100})
def main() -> None:
    """Run Commonlot on this machine, with nothing else to install.

    PostgreSQL and NATS JetStream come from Python wheels and listen on loopback only, with random
    passwords. Set DATABASE_URL or NATS_URL to use servers of your own instead.
    """


def _port_option(service: str, port: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    text = f"Where {service} answers; 0 for the port it had last, or any free one."
    return click.option(f"--{service}-port", type=_PORT, default=port, help=text, show_default=True)


@main.command()
@_DATA_OPTION
@_QUIET_OPTION
@_port_option("bids", 8101)
@_port_option("auctions", 8102)
@_port_option("notify", 8103)
def up(*, data: Path | None, quiet: bool, **ports: int) -> None:
    """Run everything until Ctrl-C.

    \b
    In order: PostgreSQL, NATS, the local token issuer, migrations, then bids, auctions, notify.
    What dies is started again. Ctrl-C or SIGTERM stops all of it, cleanly, in the other order.

    \b
    DATA/stack.json     where everything answers, once all services are ready
    DATA/token-secret   what the issuer asks for before it gives a token
    DATA/log            one file for each child

    Any COMMONLOT_... variable that is set here reaches the services.
    """  # noqa: D301 - click wants a real backspace before text that it must not wrap
    _run(data, {name.removesuffix("_port"): port for name, port in ports.items()}, quiet=quiet)


@main.command()
@_DATA_OPTION
@_QUIET_OPTION
def servers(*, data: Path | None, quiet: bool) -> None:
    """Run PostgreSQL and NATS alone until Ctrl-C.

    Prints, once both are ready, the DATABASE_URL and NATS_URL to use, as lines for a shell.
    """
    _run(data, {}, quiet=quiet)


def _run(data: Path | None, ports: dict[str, int], *, quiet: bool) -> None:
    if sys.platform != "linux":
        click.echo("The embedded stack runs on Linux alone; see deploy/k8s for others.", err=True)
        sys.exit(FAILED)
    settings = LocalSettings()
    output = None if quiet else sys.stdout
    try:
        status = run(data or settings.data or default_data(), settings, ports, output)
    except Refusal as refusal:
        click.echo(refusal.sentence, err=True)
        status = FAILED
    sys.exit(status)
