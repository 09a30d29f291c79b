"""Start the whole stack in a process of its own, and know where it answers.

For tests, examples and benchmarks: `with running_stack(data) as stack: stack.facts.bids`.
"""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from deploy.local.processes import Launch, spawn, stop
from deploy.local.settings import CHECKOUT, SERVICES, LocalSettings, inherited_environment
from shared.domain.refusals import Kind, Refusal

STACK_FILE: Final = "stack.json"
LAST_WORDS_BYTES: Final = 8192

_POLL_S: Final = 0.05


class StackNotStarted(Refusal):
    """The stack ended before it was ready."""

    kind = Kind.UNAVAILABLE
    code = "stack_not_started"


class StackFacts(BaseModel):
    """What `stack.json` says: where the running stack answers. It holds passwords."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bids: str
    auctions: str
    notify: str
    issuer: str
    nats_url: str
    database_url: str
    token_secret_file: Path
    pids: dict[str, int]
    data: Path


@dataclass(frozen=True, slots=True)
class RunningStack:
    """A stack in a process of its own."""

    process: "subprocess.Popen[bytes]"
    stack_file: Path

    @property
    def facts(self) -> StackFacts:
        """Read `stack.json` anew; process ids change when a child is started again."""
        return StackFacts.model_validate_json(self.stack_file.read_bytes())


@contextmanager
def running_stack(
    data: Path, environment: Mapping[str, str] | None = None
) -> Iterator[RunningStack]:
    """Run the whole stack as a child process on free ports; it is stopped at the end.

    Call it in the main thread. `environment` is added to ours: `COMMONLOT_…` reaches the services.

    Raises:
        StackNotStarted: It ended before it was ready; the sentence carries its last words.
    """
    settings = LocalSettings()
    ports = [word for service in SERVICES for word in (f"--{service}-port", "0")]
    launch = Launch(
        name="stack",
        arguments=[
            *(sys.executable, "-m", "deploy.local", "up", "--quiet"),
            *("--data", str(data.resolve())),
            *ports,
        ],
        environment={**inherited_environment(), **(environment or {})},
        folder=CHECKOUT,
        death_signal=signal.SIGTERM,
    )
    with tempfile.TemporaryFile() as output:
        process = spawn(launch, output)
        try:
            stack = RunningStack(process, data.resolve() / STACK_FILE)
            _await_ready(stack, settings, output)
            yield stack
        finally:
            # Services, issuer, NATS and PostgreSQL may each use up their grace.
            stop(process, launch, 5 * settings.stop_grace_s)


def _await_ready(stack: RunningStack, settings: LocalSettings, output: IO[bytes]) -> None:
    """Wait for `stack.json` of this very process; a killed run may have left an older one."""
    deadline = time.monotonic() + settings.migration_timeout_s + 4 * settings.ready_timeout_s
    while not _is_written_by(stack):
        if stack.process.poll() is not None or time.monotonic() > deadline:
            output.seek(0)
            words = output.read()[-LAST_WORDS_BYTES:].decode(errors="replace")
            sentence = f"The stack did not start. It said:\n{words}"
            raise StackNotStarted(sentence)
        time.sleep(_POLL_S)


def _is_written_by(stack: RunningStack) -> bool:
    try:
        return stack.facts.pids["supervisor"] == stack.process.pid
    except (FileNotFoundError, ValidationError):
        return False
