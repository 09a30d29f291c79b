"""Start everything in order and stop it in the opposite one: what the command line calls."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

import click

from deploy.local.apart import until
from deploy.local.launches import (
    answers,
    folders_of,
    issuer_launch,
    keys_of,
    loopback_url,
    migration_launch,
    service_launch,
)
from deploy.local.merged_log import MergedLog
from deploy.local.nats import has_jetstream, nats_launch, nats_url
from deploy.local.places import DataFolder, open_data_folder, write_private
from deploy.local.postgres import accepts_connections, postgres_launch, prepare
from deploy.local.processes import Launch
from deploy.local.roles import Server
from deploy.local.settings import SERVICES, LocalSettings
from deploy.local.stack import StackFacts
from deploy.local.supervisor import Child, run_once
from shared.domain.refusals import Kind, Refusal


class MigrationFailed(Refusal):
    """The migration runner did not end well."""

    kind = Kind.UNAVAILABLE
    code = "migration_failed"


def run(
    data: Path, settings: LocalSettings, ports: Mapping[str, int], output: IO[str] | None
) -> int:
    """Run until SIGINT, SIGTERM or SIGHUP and return the exit status: 0 after a clean stop.

    `ports` names the services to run and the port of each, 0 for the last or any free one; without
    any, the two servers run alone. The merged log goes to `output`, if there is one.

    Raises:
        Refusal: Something is missing, taken, closed, or did not start.
    """
    folder = open_data_folder(data)
    with ExitStack() as cleanup:
        for name in ("stack", "postgres", "nats"):
            cleanup.enter_context(folder.hold(name))
        folder.stack_file.unlink(missing_ok=True)
        chosen = {service: folder.port(service, wanted=port) for service, port in ports.items()}
        servers = _server_launches(folder, settings)
        log = MergedLog(
            folder.logs, output, bytes_max=settings.log_bytes_max, kept=settings.log_files_kept
        )
        cleanup.callback(log.close)
        return asyncio.run(_run(Stack(folder, settings, log, chosen), servers))


async def _run(stack: "Stack", servers: Sequence[Launch]) -> int:
    wish = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup wants hanging up ignored
            asyncio.get_running_loop().add_signal_handler(number, wish.set)
    starting = asyncio.create_task(stack.start(servers))
    wished = asyncio.create_task(wish.wait())
    try:
        await asyncio.wait({starting, wished}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            with suppress(OSError):  # nobody need be there to read it
                click.echo(stack.greeting())
            await wished
    except Refusal as refusal:
        click.echo(stack.last_words(refusal), err=True)
        raise
    finally:
        starting.cancel()
        wished.cancel()
        await asyncio.wait({starting, wished})
        await stack.stop()
    return 0


class Stack:
    """The children, in the order in which they start; without ports, the two servers alone."""

    def __init__(
        self, folder: DataFolder, settings: LocalSettings, log: MergedLog, ports: Mapping[str, int]
    ) -> None:
        """Prepare; nothing runs before `start`."""
        self._folder = folder
        self._settings = settings
        self._log = log
        self._ports = ports
        self._children: dict[str, Child] = {}
        self._server: Server | None = None
        self._issuer_url = ""
        self._is_complete = False

    async def start(self, servers: Sequence[Launch]) -> None:
        """Start everything, each when what it needs is ready."""
        for launch in servers:
            self._start_child(launch)
        server = await self._prepare_servers()
        if self._ports:
            await self._start_issuer()
            await self._migrate(server)
            await self._start_services(server)
        self._server = server
        self._is_complete = bool(self._ports)
        self._write_facts()
        self._log.say("ready")

    async def stop(self) -> None:
        """Stop the services together, then what they need, the last started first."""
        self._is_complete = False
        self._folder.stack_file.unlink(missing_ok=True)
        self._log.say("stopping")
        services = [child for name, child in self._children.items() if name in SERVICES]
        await asyncio.gather(*(child.stop() for child in services))
        for name, child in reversed(self._children.items()):
            if name not in SERVICES:
                await child.stop()
        self._log.say("stopped")

    def greeting(self) -> str:
        """Tell a person what runs where; servers alone are told as settings for a shell."""
        if not self._ports:
            assert self._server is not None
            address = nats_url(self._folder, self._settings)
            return f"export DATABASE_URL='{self._server.url}'\nexport NATS_URL='{address}'"
        places = [f"  {name:<9} {loopback_url(port)}" for name, port in self._ports.items()]
        data = f"  {'data':<9} {self._folder.path} (its stack.json says the rest)"
        return "\n".join(["Commonlot is running.", *places, data, "Stop it with Ctrl-C."])

    def last_words(self, refusal: Refusal) -> str:
        """Show what the child that the refusal is about said last."""
        child = str(refusal.details.get("child", ""))
        return "\n".join(f"{child:<9} {line}" for line in self._log.tail(child))

    def _start_child(self, launch: Launch) -> None:
        child = Child(launch, self._log, self._settings, self._write_facts)
        self._children[launch.name] = child
        child.start()

    async def _prepare_servers(self) -> Server:
        folder, settings = self._folder, self._settings
        await self._until("postgres", lambda: accepts_connections(folder, settings))
        server = await prepare(folder, settings)
        address = nats_url(folder, settings)
        await self._until("nats", lambda: has_jetstream(address))
        return server

    async def _start_issuer(self) -> None:
        port = self._folder.port("issuer")
        self._start_child(issuer_launch(self._folder, self._settings, port))
        self._issuer_url = loopback_url(port)
        address = f"{self._issuer_url}/.well-known/openid-configuration"
        await self._until("issuer", lambda: answers(address))

    async def _migrate(self, server: Server) -> None:
        launch = migration_launch(server, self._settings)
        if launch is None:
            return
        limit_s = self._settings.migration_timeout_s
        try:
            status = await asyncio.wait_for(run_once(launch, self._log), limit_s)
        except TimeoutError:
            status = None
        if status != 0:
            sentence = "The database could not be brought up to date; its log says why."
            raise MigrationFailed(sentence, details={"child": launch.name})
        self._log.say("migrated")

    async def _start_services(self, server: Server) -> None:
        address = nats_url(self._folder, self._settings)
        for service, port in self._ports.items():
            assigned = {
                "COMMONLOT_DATABASE_URL": server.service_url(service),
                "COMMONLOT_NATS_URL": address,
                "COMMONLOT_PORT": str(port),
                "COMMONLOT_ISSUER": self._issuer_url,
                **keys_of(service, self._folder),
                **folders_of(service, self._folder),
            }
            self._start_child(service_launch(service, assigned, self._settings))
        await asyncio.gather(*(self._service_ready(*item) for item in self._ports.items()))

    async def _service_ready(self, service: str, port: int) -> None:
        address = f"{loopback_url(port)}/readyz"
        await self._until(service, lambda: answers(address))

    async def _until(self, name: str, is_ready: Callable[[], Awaitable[bool]]) -> None:
        await until(name, is_ready, timeout_s=self._settings.ready_timeout_s)
        self._log.say("child_ready", child=name)

    def _write_facts(self) -> None:
        """Write `stack.json` once all is ready, and again whenever a process id changes."""
        if not self._is_complete or self._server is None:
            return
        pids = {name: child.pid for name, child in self._children.items() if child.pid is not None}
        places = {service: loopback_url(port) for service, port in self._ports.items()}
        facts = StackFacts(
            bids=places["bids"],
            auctions=places["auctions"],
            notify=places["notify"],
            issuer=self._issuer_url,
            nats_url=nats_url(self._folder, self._settings),
            database_url=self._server.url,
            token_secret_file=self._folder.token_secret_file,
            pids={"supervisor": os.getpid(), **pids},
            data=self._folder.path,
        )
        try:
            write_private(self._folder.stack_file, facts.model_dump_json(indent=2) + "\n")
        except OSError as error:
            # A full disk must not end the child's supervision, which called us.
            self._log.say("stack_file_not_written", level="error", reason=error.strerror)


def _server_launches(folder: DataFolder, settings: LocalSettings) -> list[Launch]:
    launches = []
    if settings.database_url is None:
        launches.append(postgres_launch(folder, settings))
    if settings.nats_url is None:
        launches.append(nats_launch(folder, settings))
    return launches
