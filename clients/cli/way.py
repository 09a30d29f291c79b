"""Reach the services as a command's options say, and leave with a sentence where that fails."""

import asyncio
import functools
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar
from uuid import UUID

import click

from clients.client import Client
from clients.errors import ClientError, Problem, Unreachable
from clients.http import Document, Http, Patience
from clients.services import LocalStack, Services, StackNotFound
from shared.domain.refusals import Refusal

REFUSED: Final = 1
UNREACHABLE: Final = 3

FAULTS_SHOWN_MAX: Final = 20
"""How many faults of a kind a person is shown; `--json` shows all that the service listed."""

ROLES: Final = ("buyer", "member", "vendor", "custodian", "auditor", "observer", "operator")

PATIENCE: Final = Patience(total_s=10.0)
"""A person waits less long than a program."""

Result = TypeVar("Result")
Command = Callable[..., None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a command reaches the services and how it tells what came of it, as its options say."""

    role: str
    data: Path | None = None
    url: str | None = None
    token: str | None = None
    party: UUID | None = None
    as_json: bool = False

    def as_role(self, role: str) -> "Way":
        """Speak in another role."""
        return replace(self, role=role)

    def run(self, act: Callable[[Client], Awaitable[Result]]) -> Result:
        """Do an act to its end, or leave with a sentence and the exit status of its kind."""

        async def within() -> Result:
            async with Http(patience=PATIENCE) as http:
                return await act(await self._client(http))

        with self.leaving():
            return asyncio.run(within())

    def ask_token(self) -> str:
        """Ask the local issuer for a token."""

        async def within() -> str:
            async with Http(patience=PATIENCE) as http:
                return await self._issued(http, self.stack())

        with self.leaving():
            return asyncio.run(within())

    def leaving(self) -> "_Leaving":
        """Turn what goes wrong inside into a sentence and an exit status."""
        return _Leaving(self.as_json)

    def stack(self) -> LocalStack:
        """Find the local stack."""
        return LocalStack.find() if self.data is None else LocalStack.read(self.data)

    def tell(self, document: Document, lines: Iterable[str]) -> None:
        """Tell a program the document, or a person the lines."""
        if self.as_json:
            click.echo(json.dumps(document, indent=2, ensure_ascii=False))
            return
        for line in lines:
            click.echo(line)

    def require_party(self, why: str) -> UUID:
        """Read the party's id, where a command cannot do without."""
        if self.party is None:
            sentence = f"Give --party: {why}"
            raise click.UsageError(sentence)
        return self.party

    async def _client(self, http: Http) -> Client:
        if self.url is not None and self.token is not None:
            return Client(Services.behind(self.url), self.token, http)
        stack = self.stack()
        services = stack.services if self.url is None else Services.behind(self.url)
        return Client(services, self.token or await self._issued(http, stack), http)

    async def _issued(self, http: Http, stack: LocalStack) -> str:
        party_id = None if self.party is None else str(self.party)
        return await stack.token(http, role=self.role, party_id=party_id)


data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="The local stack's data folder.  [default: where one runs]",
)
party_option = click.option(
    "--party",
    type=click.UUID,
    envvar="COMMONLOT_PARTY",
    show_envvar=True,
    help="The caller's party id; a token of the local issuer speaks for it.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the answer, or what went wrong, as JSON."
)
_url_option = click.option(
    "--url",
    envvar="COMMONLOT_URL",
    show_envvar=True,
    help="Where all services answer, instead of --data.",
)
_token_option = click.option(
    "--token",
    envvar="COMMONLOT_TOKEN",
    show_envvar=True,
    help="An access token; without one, the local issuer is asked.",
)
_OPTIONS: Final = (party_option, _url_option, _token_option, data_option, json_option)


def speaks_as(role: str) -> Callable[[Command], Command]:
    """Add the options that say how services are reached, and hand them to a command as `way`."""

    def add(command: Command) -> Command:
        @functools.wraps(command)
        def speaking(
            *,
            data: Path | None,
            url: str | None,
            token: str | None,
            party: UUID | None,
            as_json: bool,
            **chosen: Any,
        ) -> None:
            way = Way(role=role, data=data, url=url, token=token, party=party, as_json=as_json)
            command(way=way, **chosen)

        decorated: Command = speaking
        for option in reversed(_OPTIONS):
            decorated = option(decorated)
        return decorated

    return add


class _Leaving:
    """Leave with the exit status of what went wrong, as `with way.leaving()`."""

    def __init__(self, as_json: bool) -> None:  # noqa: FBT001 - it has one meaning, and one caller
        self._as_json = as_json

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Unreachable | StackNotFound):
            leave(error, UNREACHABLE, as_json=self._as_json)
        if isinstance(error, ClientError | Refusal):
            leave(error, REFUSED, as_json=self._as_json)


def leave(error: Exception, status: int, *, as_json: bool) -> NoReturn:
    """Say on the error stream what went wrong, with every fault that was named, and end."""
    told = dict(error.told) if isinstance(error, ClientError) else {}
    if as_json:
        click.echo(json.dumps(_problem(error) | told, ensure_ascii=False), err=True)
        sys.exit(status)
    click.echo(f"commonlot: {error}", err=True)
    for line in _faults(told):
        click.echo(f"  {line}", err=True)
    sys.exit(status)


def _problem(error: Exception) -> dict[str, Any]:
    code = getattr(error, "code", None) or "local"
    if isinstance(error, Problem):
        return {"code": code, "status": error.status, "detail": error.detail}
    return {"code": code, "detail": str(error)}


def _faults(told: Mapping[str, Any]) -> Iterator[str]:
    for name, said in told.items():
        if not isinstance(said, list):
            continue
        for fault in said[:FAULTS_SHOWN_MAX]:
            yield _fault(fault) if isinstance(fault, Mapping) else f"{name}: {fault}"
        # A service lists the first few hundred, and counts them all.
        counted = told.get("error_count") if name == "errors" else None
        more = (counted or len(said)) - min(len(said), FAULTS_SHOWN_MAX)
        if more > 0:
            yield f"and {more} more"


def _fault(fault: Mapping[str, Any]) -> str:
    match fault:
        case {"line": line, "reason": reason}:
            column = fault.get("column")
            return f"line {line}{f', {column}' if column else ''}: {reason}"
        case {"rule": rule, "sentence": sentence, "source": source}:
            return f"{rule}: {sentence} ({source})"
        case {"sentence": sentence}:
            return str(sentence)
    return ", ".join(f"{name} {value}" for name, value in fault.items())
