"""Make an opening's key and deal it: the one place where a whole private key is in memory early.

Nothing of it leaves but shares, each sealed to its custodian; whoever runs this process could keep
the key, which is why it is said to be a trusted dealer.
"""

import secrets
from collections.abc import Sequence

from services.bids.domain.ceremony import Ceremony, CustodianKeys, Dealt, Purpose, Seat
from services.bids.domain.rehearsal import canary_content, canary_context
from shared import sealing
from shared.domain.ids import OpeningId, PartyId, new_id
from shared.sealing import Share


def deal_openings(
    opening_id: OpeningId, ceremony: Ceremony, keys: CustodianKeys
) -> Sequence[Dealt]:
    """Deal the keys of an RFP's openings; that of the prices has the given id."""
    ids = (opening_id, OpeningId(new_id()))
    return [
        _dealt(own_id, purpose, ceremony, keys)
        for own_id, purpose in zip(ids, ceremony.purposes, strict=False)
    ]


def deal_rehearsal(opening_id: OpeningId, ceremony: Ceremony, keys: CustodianKeys) -> Dealt:
    """Deal a throwaway key, and seal a canary to it for the custodians to open."""
    return _dealt(opening_id, Purpose.REHEARSAL, ceremony, keys)


def _dealt(
    opening_id: OpeningId, purpose: Purpose, ceremony: Ceremony, keys: CustodianKeys
) -> Dealt:
    pair = sealing.generate_key_pair()
    canary = None
    if purpose is Purpose.REHEARSAL:
        context = canary_context(opening_id)
        canary = sealing.seal(canary_content(opening_id), pair.public, context)
    custodians = ceremony.custodian_ids
    shares = sealing.deal(pair.private, threshold=ceremony.threshold, custodians=len(custodians))
    return Dealt(
        opening_id=opening_id,
        purpose=purpose,
        public_key=pair.public,
        threshold=ceremony.threshold,
        window_s=ceremony.opening_window_s,
        seats=tuple(
            _seat(opening_id, share, custodian, keys[custodian])
            for share, custodian in zip(shares, custodians, strict=True)
        ),
        canary=canary,
    )


def _seat(opening_id: OpeningId, share: Share, custodian_id: PartyId, key: bytes) -> Seat:
    salt = secrets.token_bytes(sealing.SALT_BYTES)
    return Seat(
        index=share.index,
        custodian_id=custodian_id,
        salt=salt,
        commitment=sealing.commit_to(share, salt),
        sealed_share=sealing.seal_share(
            share.to_bytes(), key, opening_id=opening_id, purpose="custody"
        ),
    )
