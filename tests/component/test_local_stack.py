"""The whole stack under its supervisor, with a service of ten lines in the place of each real one.

Started as we are (root, say) and, where we are root, as an ordinary user too.
"""

import asyncio
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
import asyncpg
import jwt
import pytest

from deploy.local.places import temporary_data_folder
from deploy.local.settings import CHECKOUT, inherited_environment
from deploy.local.stack import RunningStack, StackFacts, StackNotStarted, running_stack
from shared.auth import Role, TokenVerifier
from shared.clock import SystemClock

DEADLINE_S = 30.0
NOBODY = 65534

SERVICE = """
import json, os, sys
from aiohttp import web

names = ("COMMONLOT_", "DATABASE_URL", "NATS_URL")
environment = {name: value for name, value in os.environ.items() if name.startswith(names)}

async def ready(request):
    broken = os.environ.get("COMMONLOT_BROKEN", "nobody")
    return web.Response(status=503 if f"commonlot_{broken}:" in str(environment) else 200)

async def tell(request):
    return web.json_response(environment)

app = web.Application()
app.add_routes([web.get("/readyz", ready), web.get("/environment", tell)])
line = {"event": "dummy_started", "level": "info", "timestamp": "2026-11-22T12:03:04Z"}
print(json.dumps(line), flush=True)
port = int(environment["COMMONLOT_PORT"])
web.run_app(app, host=environment["COMMONLOT_HOST"], port=port, print=None)
"""

MIGRATION = """
import os, sys
if os.environ.get("COMMONLOT_BROKEN") == "migrate":
    sys.exit("column price is missing")
print("migrated", *sys.argv[1:], "@commonlot_owner:" in "@" + os.environ["COMMONLOT_DATABASE_URL"]
      .removeprefix("postgresql://"))
"""


@pytest.fixture(scope="module")
def dummies() -> Iterator[Mapping[str, str]]:
    """Write the dummy modules and give the environment that puts them in place."""
    with temporary_data_folder() as folder:
        folder.chmod(0o755)
        (folder / "dummy.py").write_text(SERVICE)
        (folder / "dummy_migrate.py").write_text(MIGRATION)
        yield {
            "PYTHONPATH": str(folder),
            "COMMONLOT_LOCAL_SERVICE_MODULE": "dummy",
            "COMMONLOT_LOCAL_MIGRATION_MODULE": "dummy_migrate",
            "COMMONLOT_SHORT_CLOCK_S": "0.5",
            "COMMONLOT_HOST": "0.0.0.0",  # noqa: S104 - ours must win over it
        }


@pytest.fixture(scope="module")
def stack(dummies: Mapping[str, str]) -> Iterator[RunningStack]:
    with temporary_data_folder() as data, running_stack(data, dummies) as running:
        yield running


@pytest.fixture(scope="module")
def used_data() -> Iterator[Path]:
    """Keep a data folder that one stack after the other starts on: making one takes a second."""
    with temporary_data_folder() as data:
        yield data


def is_alive(pid: int) -> bool:
    """A zombie counts as dead: it waits to be collected, by no matter whom."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def traces_of(data: Path) -> list[int]:
    """Find processes that name the data folder in their command or work in it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_text() + str((entry / "cwd").readlink())
        except OSError:
            continue
        if str(data) in words:
            found.append(int(entry.name))
    return found


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not holds():  # noqa: ASYNC110 - other processes set no event of ours
            await asyncio.sleep(0.02)


async def get_json(url: str) -> dict[str, str]:
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
        assert answer.status == 200
        return dict(await answer.json())


async def post_for_token(stack: RunningStack, body: object, secret: str) -> tuple[int, str]:
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    headers = {"Authorization": f"Bearer {secret}"}
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(f"{stack.facts.issuer}/token", json=body, headers=headers) as answer,
    ):
        return answer.status, await answer.text()


def secret_of(stack: RunningStack) -> str:
    return stack.facts.token_secret_file.read_text().strip()


async def value(database_url: str, query: str) -> object:
    connection = await asyncpg.connect(database_url, timeout=DEADLINE_S)
    try:
        return await connection.fetchval(query, timeout=DEADLINE_S)
    finally:
        await connection.close(timeout=DEADLINE_S)


async def status_of(url: str) -> int:
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
        return answer.status


async def test_every_service_answers_where_the_stack_file_says(stack: RunningStack) -> None:
    facts = stack.facts

    statuses = [
        await status_of(f"{url}/readyz") for url in (facts.bids, facts.auctions, facts.notify)
    ]

    assert statuses == [200, 200, 200]
    assert set(facts.pids) == {
        *("supervisor", "postgres", "nats", "issuer"),
        *("bids", "auctions", "notify"),
    }
    assert all(is_alive(pid) for pid in facts.pids.values())


async def test_a_service_is_told_its_own_place_role_and_issuer(stack: RunningStack) -> None:
    facts = stack.facts

    told = await get_json(f"{facts.auctions}/environment")

    assert told.pop("COMMONLOT_DATABASE_URL").startswith("postgresql://commonlot_auctions:")
    for key in ("COMMONLOT_CHECKPOINT_KEY", "COMMONLOT_VAULT_KEY"):
        assert len(b64decode(told.pop(key), validate=True)) == 32
    assert told == {
        "COMMONLOT_AUDIENCE": "commonlot",
        "COMMONLOT_HOST": "127.0.0.1",
        "COMMONLOT_ISSUER": facts.issuer,
        "COMMONLOT_LOG_FORMAT": "json",
        "COMMONLOT_NATS_URL": facts.nats_url,
        "COMMONLOT_PORT": facts.auctions.rpartition(":")[2],
        "COMMONLOT_SHORT_CLOCK_S": "0.5",
    }


async def test_only_notify_may_send_to_loopback(stack: RunningStack) -> None:
    told = await get_json(f"{stack.facts.notify}/environment")

    assert told["COMMONLOT_WEBHOOK_ALLOW_LOOPBACK"] == "true"


def test_migrations_run_as_the_owner(stack: RunningStack) -> None:
    said = (stack.facts.data / "log" / "migrate.log").read_text()

    assert said == "migrated bids auctions notify True\n"


def test_what_the_children_say_is_kept_raw(stack: RunningStack) -> None:
    first = (stack.facts.data / "log" / "bids.log").read_text().splitlines()[0]

    assert json.loads(first)["event"] == "dummy_started"


def test_secrets_are_readable_by_their_owner_alone(stack: RunningStack) -> None:
    data = stack.facts.data
    files = [data / name for name in ("stack.json", "token-secret", "issuer-key.pem", "nats.conf")]

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files}

    assert modes == dict.fromkeys(modes, 0o600)


def test_a_second_supervisor_is_refused(stack: RunningStack) -> None:
    facts = stack.facts

    with pytest.raises(StackNotStarted, match=r"already runs stack on .*another folder"):
        running_stack(facts.data).__enter__()

    assert stack.facts == facts


async def test_a_token_of_the_issuer_is_one_that_services_accept(stack: RunningStack) -> None:
    party_id = uuid4()
    wanted = {"role": "vendor", "party_id": str(party_id)}

    status, text = await post_for_token(stack, wanted, secret_of(stack))
    answer = json.loads(text)
    verifier = TokenVerifier(stack.facts.issuer, "commonlot", clock=SystemClock())
    principal = await verifier.verify(answer.pop("access_token"))

    assert (status, answer) == (200, {"token_type": "Bearer", "expires_in": 3600})
    assert (principal.role, principal.party_id) == (Role.VENDOR, party_id)
    assert "bid:write" in principal.scopes


async def test_a_token_lives_for_an_hour_and_speaks_for_its_party(stack: RunningStack) -> None:
    party_id = str(uuid4())
    body = {"role": "member", "party_id": party_id}

    _, text = await post_for_token(stack, body, secret_of(stack))
    token = json.loads(text)["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})

    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    assert jwt.get_unverified_header(token)["alg"] == "EdDSA"
    assert claims["exp"] - claims["iat"] == 3600
    assert (claims["sub"], claims["party_id"]) == (party_id, party_id)
    assert abs(claims["iat"] - time.time()) < DEADLINE_S


async def test_a_role_may_have_no_party(stack: RunningStack) -> None:
    body = {"role": "observer", "party_id": None}

    _, text = await post_for_token(stack, body, secret_of(stack))
    claims = jwt.decode(json.loads(text)["access_token"], options={"verify_signature": False})

    assert (claims["sub"], claims["party_id"]) == ("role:observer", None)


@pytest.mark.parametrize("shown", ["", "wrong", "\u00e9"])
async def test_no_token_without_the_secret(stack: RunningStack, shown: str) -> None:
    status, text = await post_for_token(stack, {"role": "buyer"}, shown)

    assert (status, json.loads(text)["code"]) == (401, "token_secret_wrong")


@pytest.mark.parametrize(
    "body",
    [
        {"role": "king"},
        {"party_id": None},
        {"role": "buyer", "party_id": "me"},
        {"role": "buyer", "scope": "everything"},
        [],
    ],
)
async def test_a_token_request_that_makes_no_sense_is_refused(
    stack: RunningStack, body: object
) -> None:
    status, text = await post_for_token(stack, body, secret_of(stack))

    assert (status, json.loads(text)["code"]) == (422, "token_request_invalid")


async def test_a_large_token_request_is_refused(stack: RunningStack) -> None:
    status, _ = await post_for_token(stack, {"role": "x" * 5000}, secret_of(stack))

    assert status == 413


@pytest.mark.parametrize("name", ["bids", "issuer", "nats", "postgres"])
async def test_a_killed_child_is_started_again_at_the_same_place(
    stack: RunningStack, name: str
) -> None:
    before = stack.facts

    os.kill(before.pids[name], signal.SIGKILL)
    await until(lambda: stack.facts.pids[name] != before.pids[name])

    after = stack.facts
    assert after.model_copy(update={"pids": before.pids}) == before
    assert is_alive(after.pids[name])
    await until(lambda: is_listening(port_of(after, name)))


def port_of(facts: StackFacts, name: str) -> int:
    urls = {
        "bids": facts.bids,
        "issuer": facts.issuer,
        "nats": facts.nats_url,
        "postgres": facts.database_url,
    }
    port = urlsplit(urls[name]).port
    assert port is not None
    return port


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_clean_stop_leaves_nothing(dummies: Mapping[str, str], used_data: Path) -> None:
    with running_stack(used_data, dummies) as running:
        running.process.terminate()
        status = running.process.wait(DEADLINE_S)

    assert status == 0
    assert traces_of(used_data) == []
    assert not (used_data / "stack.json").exists()


async def test_after_kill_9_of_the_supervisor_nothing_is_left_and_a_new_start_recovers(
    dummies: Mapping[str, str],
) -> None:
    with temporary_data_folder() as data:
        with running_stack(data, dummies) as first:
            before = first.facts
            made = "CREATE TABLE kept AS SELECT 7 AS number"
            await value(before.database_url, made)
            first.process.kill()
            first.process.wait(DEADLINE_S)

        # At once, while PostgreSQL and NATS are still on their way out.
        with running_stack(data, dummies) as second:
            after = second.facts
            survivors = [name for name, pid in before.pids.items() if is_alive(pid)]
            number = await value(after.database_url, "SELECT number FROM kept")
            second.process.kill()
            second.process.wait(DEADLINE_S)
            await until(lambda: traces_of(data) == [])

    assert survivors == []
    assert number == 7
    assert after.model_copy(update={"pids": {}}) == before.model_copy(update={"pids": {}})


def test_a_service_that_never_becomes_ready_stops_all(
    dummies: Mapping[str, str], used_data: Path
) -> None:
    environment = {
        **dummies,
        "COMMONLOT_BROKEN": "notify",
        "COMMONLOT_LOCAL_READY_TIMEOUT_S": "3",
    }

    with pytest.raises(StackNotStarted) as refused:
        running_stack(used_data, environment).__enter__()

    assert "notify was not ready within 3 seconds." in refused.value.sentence
    assert 'notify    {"event": "dummy_started"' in refused.value.sentence
    assert traces_of(used_data) == []


def test_a_failed_migration_stops_all(dummies: Mapping[str, str], used_data: Path) -> None:
    environment = {**dummies, "COMMONLOT_BROKEN": "migrate"}

    with pytest.raises(StackNotStarted, match="column price is missing"):
        running_stack(used_data, environment).__enter__()

    assert traces_of(used_data) == []


def test_a_taken_port_is_refused(dummies: Mapping[str, str], used_data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [*UP, "--data", str(used_data), "--bids-port", str(port)],
            env={**inherited_environment(), **dummies},
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Port {port} for bids is taken.")


UP = [sys.executable, "-m", "deploy.local", "up"]
FREE_PORTS = ["--bids-port", "0", "--auctions-port", "0", "--notify-port", "0"]


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run as an ordinary user already")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
async def test_an_ordinary_user_can_run_it_and_sees_one_merged_log(
    dummies: Mapping[str, str],
) -> None:
    # The interpreter may lie in root's home: the capability lets it be read, and nothing else.
    reader = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    with temporary_data_folder() as data:
        os.chown(data, NOBODY, NOBODY)
        process = subprocess.Popen(  # noqa: ASYNC220 - starting takes no time
            ["setpriv", *user, *reader, *UP, "--data", str(data), *FREE_PORTS],
            env={**inherited_environment(), **dummies},
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        await until(lambda: (data / "stack.json").exists() or process.poll() is not None)
        owner = (data / "stack.json").stat().st_uid
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=DEADLINE_S)[0].decode()

    names = {line.split(maxsplit=1)[0] for line in said.splitlines() if line.strip()}
    assert (process.returncode, owner) == (0, NOBODY)
    assert {"postgres", "nats", "issuer", "migrate", "bids", "auctions", "notify"} <= names
    assert 'bids     {"event": "dummy_started"' in said
    assert "Commonlot is running." in said


def test_help_teaches() -> None:
    said = subprocess.run(
        [*UP, "--help"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
    ).stdout

    for word in ("--data", "--quiet", "--bids-port", "stack.json", "Ctrl-C", "token-secret"):
        assert word in said
