"""Run `python -m examples.season`: a whole season of buying, on servers of its own."""

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import click
import uvloop

from clients.errors import ClientError
from clients.services import LocalStack
from deploy.local.places import temporary_data_folder
from deploy.local.stack import running_stack
from examples.season import ohio, sample
from examples.season.cast import Clocks
from examples.season.keep_running import keep_running as keep_stack_running
from examples.season.live import AuctionLost
from examples.season.outcome import reckon, summary
from examples.season.pace import Stalled
from examples.season.plan import Season
from examples.season.player import ENVIRONMENT, play
from examples.season.records import Played
from examples.season.screen import Screen
from examples.season.sealed import LotsDiffer
from examples.season.table import show
from examples.season.verdict import faults
from shared.clock import SystemClock
from shared.domain.refusals import Refusal

DataSet = Literal["auto", "ohio", "sample"]

PROJECT: Final = Path(__file__).resolve().parents[2]
REAL_DATA: Final = PROJECT.parent / "shared" / "data"
DISTRICTS_FILE: Final = "ohio_districts.csv"
SUMMARY_FILE: Final = PROJECT / "build" / "demo" / "summary.json"
BUNDLE_FILE: Final = "award-bundle.json"
KEYS_FILE: Final = "receipt-keys.json"
REPORT_FILE: Final = "award-report.html"
PACKAGE_FILE: Final = "ocds.json"
"""The pooled lots as open contracting data, beside the summary."""

FAULTS_SHOWN_MAX: Final = 20
DID_NOT_ADD_UP: Final = 1


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data-set",
    type=click.Choice(["auto", "ohio", "sample"]),
    default="auto",
    show_default=True,
    help="The real season, the invented one, or the real one where its folder is found.",
)
@click.option(
    "--real-data",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="COMMONLOT_REAL_DATA",
    default=REAL_DATA,
    help="The folder of real data.  [env: COMMONLOT_REAL_DATA; default: ../shared/data]",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="A new folder for the servers' data, to keep.  [default: a temporary one]",
)
@click.option(
    "--summary",
    "summary_file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=SUMMARY_FILE,
    help="Where to write the figures of the run.  [default: build/demo/summary.json]",
)
@click.option(
    "--keep-running",
    is_flag=True,
    help="Play the invented season up to its live auctions, then leave all to you until Ctrl-C.",
)
@click.option(
    "--restart-allowance",
    "restart_allowance_s",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    default=Clocks().restart_allowance_s,
    show_default=True,
    help="How long bidding lasts beyond the filing itself, for a service that has to restart.",
)
def main(
    *,
    data_set: DataSet,
    real_data: Path,
    data: Path | None,
    summary_file: Path,
    keep_running: bool,
    restart_allowance_s: float,
) -> None:
    """Play a season of a purchasing cooperative on servers of its own, and check that all adds up.

    Members state needs; vendors seal bids; the custodian opens them; the most contested lots go to
    a live auction; awards stand still and become final; every member gets a signed webhook for its
    part. The season is "Ohio school milk, 1986" where the real data is found, and otherwise that of
    an invented cooperative of twenty districts.

    Exit status: 0 when everything adds up, 1 when something does not (the reason is printed).
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if data is not None and data.exists() and any(data.iterdir()):
        sentence = f"{data} is not empty; a season begins in a new folder."
        raise click.BadParameter(sentence, param_hint="--data")
    screen = Screen()
    with _data_folder(data) as folder:
        try:
            if keep_running:
                keep_stack_running(folder, screen)
            else:
                season = _season(data_set, real_data)
                clocks = Clocks(restart_allowance_s=restart_allowance_s)
                _demonstrate(season, folder, screen, summary_file, clocks=clocks)
        except (ClientError, Refusal, Stalled, LotsDiffer, AuctionLost) as error:
            sentence = f"The season could not be played: {error}"
            raise click.ClickException(sentence) from error


def _demonstrate(
    season: Season, folder: Path, screen: Screen, summary_file: Path, *, clocks: Clocks
) -> None:
    summary_file.unlink(missing_ok=True)
    screen.say(f"{season.dataset}: PostgreSQL, NATS and three services start in {folder}")
    with running_stack(folder, ENVIRONMENT):
        stack = LocalStack.read(folder)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            played = runner.run(
                play(season, stack=stack, screen=screen, clock=SystemClock(), clocks=clocks)
            )
    seconds = screen.elapsed_s
    _write(summary_file, json.dumps(summary(played, seconds=seconds), indent=2))
    for name, text in _published(played):
        _write(summary_file.with_name(name), text)
    if played.package is not None:
        _write(summary_file.with_name(PACKAGE_FILE), json.dumps(dict(played.package), indent=2))
    show(screen.console, played, reckon(played))
    told = f"The figures are in {summary_file}, with the award bundle and its report beside them."
    screen.console.print(f"{seconds:.1f} s in all. {told}", style="dim")
    _leave_unless_right(played)


def _leave_unless_right(played: Played) -> None:
    found = faults(played)
    if not found:
        click.echo("Everything adds up.")
        return
    for fault in found[:FAULTS_SHOWN_MAX]:
        click.echo(f"Does not add up: {fault}.", err=True)
    if len(found) > FAULTS_SHOWN_MAX:
        click.echo(f"... and {len(found) - FAULTS_SHOWN_MAX} more.", err=True)
    sys.exit(DID_NOT_ADD_UP)


def _season(data_set: DataSet, real_data: Path) -> Season:
    is_there = (real_data / DISTRICTS_FILE).is_file()
    if data_set == "sample" or (data_set == "auto" and not is_there):
        return sample.load_season()
    try:
        return ohio.load_season(real_data)
    except FileNotFoundError as error:
        sentence = f"{error.filename} is not there; name the folder of real data."
        raise click.BadParameter(sentence, param_hint="--real-data") from error


@contextmanager
def _data_folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        yield data
        return
    with temporary_data_folder() as folder:
        yield folder


def _published(played: Played) -> Iterator[tuple[str, str]]:
    """Name the files of what was published: `commonlot award verify` takes the first two."""
    yield BUNDLE_FILE, played.published.bundle
    yield KEYS_FILE, played.published.keys
    yield REPORT_FILE, played.published.page


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
