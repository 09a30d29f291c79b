"""Check a published award bundle offline: decide everything again, and check what was signed.

Nobody is asked, and nothing of ours need run. Bids are ranked and scored, scenarios checked and
lines computed by the very rules that decided, from nothing but the bundle. That no award costs less
takes a search; where the solver is at hand it is asked again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clients.searching import COMMAND, Say, search_again
from services.bids.domain.replay.bundle import AwardBundle
from services.bids.domain.replay.proving import proof_of
from services.bids.domain.replay.reading import (
    BUNDLE_BYTES_MAX,
    BundleMalformed,
    read_bundle,
    write_bundle,
)
from services.bids.domain.replay.verdict import verdict_on
from shared.domain.refusals import Refusal
from shared.receipts import (
    DOCUMENT_CHARACTERS_MAX,
    DocumentKind,
    claimed_key_id,
    verify_document,
)

Keys = Mapping[str, Ed25519PublicKey]

__all__ = ["BundleMalformed", "Checked", "Proving", "check", "check_file", "told"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found right, in order; the first thing that differs; what could not be checked.

    Of the latter, `not_proven` is what a solver must be asked: that no award costs less.
    """

    rfp_id: str
    title: str
    found: tuple[str, ...]
    difference: str | None
    not_checked: tuple[str, ...]
    not_proven: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proving:
    """That scenarios are to be searched again: how long each search may take, and whom to tell."""

    seconds: int
    say: Say


def check_file(path: Path, keys: Keys | None, proving: Proving | None = None) -> Checked:
    """Check a file; without keys no signature is checked, without a solver no optimality.

    Raises:
        BundleMalformed: It is no award bundle in its one written form.
        OSError: The file cannot be read.
    """
    if path.stat().st_size > BUNDLE_BYTES_MAX:
        sentence = f"The file is longer than any bundle: above {BUNDLE_BYTES_MAX} bytes."
        raise BundleMalformed(sentence)
    return check(path.read_text(encoding="utf-8"), keys, proving)


def check(text: str, keys: Keys | None, proving: Proving | None = None) -> Checked:
    """Check a bundle's text; see `check_file`."""
    bundle = read_bundle(text)
    if write_bundle(bundle) != text.rstrip("\n"):
        sentence = "The bundle is not in its one written form (canonical JSON)."
        raise BundleMalformed(sentence)
    signed, forged = _signatures(bundle, keys)
    verdict = verdict_on(bundle)
    unchecked = () if keys is not None else ("Signatures: give --key.",)
    checked = Checked(
        rfp_id=str(bundle.rfp.id),
        title=bundle.rfp.title,
        found=signed + verdict.checked if forged is None else signed,
        difference=verdict.difference if forged is None else forged,
        not_checked=unchecked + verdict.unproven + verdict.unsolved,
        not_proven=verdict.unsolved,
    )
    if proving is None or checked.difference is not None:
        return checked
    return _proven(checked, bundle, proving)


def _proven(checked: Checked, bundle: AwardBundle, proving: Proving) -> Checked:
    """Add what a solver says that is asked again."""
    found = search_again(bundle, seconds=proving.seconds, say=proving.say, command=COMMAND)
    proof = proof_of(bundle, found)
    unchecked = tuple(each for each in checked.not_checked if each not in checked.not_proven)
    return replace(
        checked,
        found=checked.found + proof.proven,
        difference=proof.difference,
        not_checked=unchecked + proof.unproven,
        not_proven=proof.unproven,
    )


def told(checked: Checked) -> Iterator[str]:
    """Say in lines what was found, what differs, and what could not be checked."""
    yield f"{checked.title} (RFP {checked.rfp_id})"
    for line in checked.found:
        yield f"ok  {line}"
    for line in checked.not_checked:
        yield f"--  Not {'proven' if line in checked.not_proven else 'checked'}. {line}"
    if checked.difference is None:
        yield "Everything that can be computed anew comes out as stated."


def _signatures(bundle: AwardBundle, keys: Keys | None) -> tuple[tuple[str, ...], str | None]:
    """Check what was signed, as far as keys are given; name the first that is not right."""
    found: list[str] = []
    if keys is None:
        return (), None
    for opening in bundle.openings:
        purpose = opening.hash_list.purpose
        documents = (
            ("hash list", opening.signed_hash_list, DocumentKind.HASH_LIST),
            ("record", opening.signed_record, DocumentKind.OPENING_RECORD),
        )
        for name, token, kind in documents:
            if token is not None and not _is_signed(token, keys, kind):
                return tuple(found), f"{purpose} opening: the {name} is not signed with the key"
            found.append(f"The signature of the {purpose} opening's {name} is right.")
    return tuple(found), None


def _is_signed(token: str, keys: Keys, kind: DocumentKind) -> bool:
    try:
        key = keys.get(claimed_key_id(token, characters_max=DOCUMENT_CHARACTERS_MAX))
        if key is None:
            return False
        verify_document(token, key, kind=kind)
    except Refusal:
        return False
    return True
