"""Check an auction's exported log offline: chain, checkpoint, ranking and winner.

Nobody is asked, and nothing of ours need run: the chain and the checkpoint are checked with the
keys at hand, and the ranking and the winner are computed anew from the rules that the log's first
entry publishes, by the same pure rules that the auction ran on.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.auctions.domain.verify import Verdict, replay
from shared.auction_log import CheckedLog, LogBroken, check_log


@dataclass(frozen=True, slots=True)
class Verified:
    """A log that is whole and bears out its outcome."""

    log: CheckedLog
    verdict: Verdict


def verify_file(path: Path, keys: Mapping[str, Ed25519PublicKey] | None) -> Verified:
    """Check a file; without keys the checkpoint's signature is not checked.

    Raises:
        LogBroken: A line was altered, or the outcome does not follow from the rules.
        OSError: The file cannot be read.
    """
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        return verify(file, keys)


def verify(lines: Iterable[str], keys: Mapping[str, Ed25519PublicKey] | None) -> Verified:
    """Check a log's lines; see `verify_file`."""
    log = check_log(lines, keys)
    verdict = replay(log.entries)
    if verdict.first_broken is not None:
        # The first line is the header, so that entry 1 stands on line 2.
        raise LogBroken(verdict.first_broken + 1, verdict.why or "the rules do not allow it")
    return Verified(log, verdict)


def told(verified: Verified) -> Iterator[str]:
    """Say in lines what was found, and what could not be checked."""
    log, verdict = verified.log, verified.verdict
    yield f"Auction {log.auction_id}: {len(log.entries)} entries, the chain is whole."
    yield _checkpoint(log)
    if verdict.winner is not None:
        yield f"Winner: {verdict.winner} at {verdict.price}."
    for place in verdict.ranking:
        yield f"{place.rank:>4}  {place.alias}  {place.price}"
    for name in verdict.hidden:
        yield f"Not checked, since it is secret: {name}."


def _checkpoint(log: CheckedLog) -> str:
    if log.checkpoint is None:
        return "There is no checkpoint: the end of the log may be missing."
    signed = f"Checkpoint over {log.checkpoint.size} entries at {log.checkpoint.at.isoformat()}"
    if log.is_signature_checked:
        return f"{signed}, signature checked."
    return f"{signed}; without --key its signature was not checked."
