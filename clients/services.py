"""Find the services, and get a token from the local issuer.

A running local stack says in `stack.json`, in its data folder, where it answers. Elsewhere the
addresses are given, and tokens come from the installation's own issuer.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from clients.http import Http

STACK_FILE: Final = "stack.json"

DATA_FOLDERS: Final = (
    Path("build/local"),
    Path("/var/lib/commonlot"),
    Path.home() / ".local" / "share" / "commonlot",
)
"""Where the local stack keeps its data unless it is told otherwise, as seen from a checkout."""


class StackNotFound(Exception):  # noqa: N818 - a fact about this machine
    """No local stack runs on the data folder."""


@dataclass(frozen=True, slots=True)
class Services:
    """Where the three services answer: base URLs without a slash at the end."""

    bids: str
    auctions: str
    notify: str

    @classmethod
    def behind(cls, base_url: str) -> Self:
        """Reach all three behind one gateway."""
        base_url = base_url.rstrip("/")
        return cls(base_url, base_url, base_url)


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A stack that runs on this machine."""

    services: Services
    issuer: str
    token_secret_file: Path

    @classmethod
    def read(cls, data: Path) -> Self:
        """Read where the stack on a data folder answers.

        Raises:
            StackNotFound: None runs there, or its `stack.json` may not be read.
        """
        try:
            facts: Mapping[str, str] = json.loads((data / STACK_FILE).read_bytes())
        except OSError as error:
            sentence = f"No local stack can be found by {data / STACK_FILE}: {error.strerror}."
            raise StackNotFound(sentence) from error
        return cls(
            Services(facts["bids"], facts["auctions"], facts["notify"]),
            facts["issuer"],
            Path(facts["token_secret_file"]),
        )

    @classmethod
    def find(cls) -> Self:
        """Read the stack that runs on one of the usual data folders.

        Raises:
            StackNotFound: None runs on any of them.
        """
        for folder in DATA_FOLDERS:
            if (folder / STACK_FILE).is_file():
                return cls.read(folder)
        sentence = (
            "No local stack runs on a usual data folder. Start one with"
            " `python -m deploy.local up`, or name its folder with --data."
        )
        raise StackNotFound(sentence)

    async def token(self, http: Http, *, role: str, party_id: str | None) -> str:
        """Ask the local issuer for an access token.

        Raises:
            Problem: The issuer knows no such role, or the secret is not its own.
            Unreachable: It did not answer in time.
        """
        secret = self.token_secret_file.read_text(encoding="ascii").strip()
        answer = await http.call(
            "POST", f"{self.issuer}/token", token=secret, body={"role": role, "party_id": party_id}
        )
        return str(answer["access_token"])
