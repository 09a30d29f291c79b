"""Ask the bids service: parties, requirements, solicitations, sealed bids, openings."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

from clients.http import Document
from clients.route import Caller

PartyKind = Literal["member", "vendor", "custodian"]
PoolBy = Literal["alone", "item", "area"]


class BidsClient:
    """One caller at the bids service."""

    def __init__(self, caller: Caller) -> None:
        """Speak as this caller."""
        self._caller = caller

    async def register_party(
        self, kind: PartyKind, *, reference: str, name: str, area: str | None = None
    ) -> Document:
        """Register a party (buyer): its `id` goes into that party's tokens."""
        body = {"kind": kind, "reference": reference, "name": name}
        return await self._caller.post("/v1/parties", body | ({"area": area} if area else {}))

    async def name_buyer(self, *, reference: str, name: str) -> Document:
        """Say how the caller itself is called, on reports and in open data (buyer)."""
        return await self._caller.put("/v1/buyer", {"reference": reference, "name": name})

    async def import_parties(self, table: str) -> Document:
        """Register many parties by CSV, with what is known of members: all, or none (buyer)."""
        return await self._caller.post("/v1/parties/import", table)

    def parties(self) -> AsyncIterator[Document]:
        """List the registered parties (buyer, auditor)."""
        return self._caller.items("/v1/parties")

    async def register_custodian_key(self, public_key: str) -> Document:
        """Register the key to which shares are sealed for this custodian: base64url, 32 bytes."""
        return await self._caller.put("/v1/custodian-key", {"public_key": public_key})

    async def state_requirement(self, requirement: Mapping[str, Any]) -> Document:
        """State one need (member, or the buyer for a member)."""
        return await self._caller.post("/v1/requirements", requirement)

    async def import_requirements(
        self, table: str, *, currency: str, decimal: Literal["point", "comma"] | None = None
    ) -> Document:
        """State many needs by CSV: all of them, or none; `decimal` where numbers are ambiguous."""
        notation = {} if decimal is None else {"decimal": decimal}
        path = "/v1/requirements/import"
        return await self._caller.post(path, table, currency=currency, **notation)

    def requirements(self) -> AsyncIterator[Document]:
        """List the needs that were stated (a member: its own)."""
        return self._caller.items("/v1/requirements")

    async def draft_rfp(
        self,
        *,
        title: str,
        currency: str,
        custodian_id: str,
        closes_at: datetime,
        standstill_s: int,
        consortium_model: str = "group_procurement",
        policy_profile: str = "open",
    ) -> Document:
        """Draft a solicitation (buyer)."""
        body = {
            "title": title,
            "currency": currency,
            "consortium_model": consortium_model,
            "policy_profile": policy_profile,
            "custodian_id": custodian_id,
            "closes_at": closes_at.isoformat(),
            "standstill_s": standstill_s,
        }
        return await self._caller.post("/v1/rfps", body)

    async def draft(self, draft: Mapping[str, Any]) -> Document:
        """Draft a solicitation by all that its route takes: terms, or a template (buyer)."""
        return await self._caller.post("/v1/rfps", draft)

    async def breaches(self, rfp_id: str) -> Document:
        """Name every rule of its policy that publishing a draft now would break (buyer)."""
        return await self._caller.get(f"/v1/rfps/{rfp_id}/breaches")

    async def amend(
        self,
        rfp_id: str,
        *,
        text: str,
        is_substantial: bool,
        closes_at: datetime | None = None,
    ) -> Document:
        """Issue the next addendum of a published solicitation (buyer)."""
        body: dict[str, Any] = {"text": text, "is_substantial": is_substantial}
        if closes_at is not None:
            body["closes_at"] = closes_at.isoformat()
        return await self._caller.post(f"/v1/rfps/{rfp_id}/addenda", body)

    def addenda(self, rfp_id: str) -> AsyncIterator[Document]:
        """List a solicitation's addenda, oldest first."""
        return self._caller.items(f"/v1/rfps/{rfp_id}/addenda")

    def questions(self, rfp_id: str) -> AsyncIterator[Document]:
        """List a solicitation's questions: answered ones, and to its buyer the open ones."""
        return self._caller.items(f"/v1/rfps/{rfp_id}/questions")

    async def answer_question(
        self, question_id: str, *, answer: str, reworded: str | None = None
    ) -> Document:
        """Answer a question to all, worded anew where it would tell who asked (buyer)."""
        body = {"answer": answer} | ({} if reworded is None else {"question": reworded})
        return await self._caller.post(f"/v1/questions/{question_id}/answer", body)

    async def pool_by(self, rfp_id: str, request: Mapping[str, Any]) -> Document:
        """Pool requirements by all that the route takes: category, item, rules (buyer)."""
        return await self._caller.post(f"/v1/rfps/{rfp_id}/pool", request)

    async def preview_pool(self, rfp_id: str, request: Mapping[str, Any]) -> Document:
        """See what pooling would make; nothing is kept (buyer)."""
        return await self._caller.post(f"/v1/rfps/{rfp_id}/pool/preview", request)

    async def case(self, rfp_id: str, case: Mapping[str, Any]) -> Document:
        """Reckon what pooling saves or costs each member; nothing is kept (buyer)."""
        return await self._caller.post(f"/v1/rfps/{rfp_id}/case", case)

    async def pool(self, rfp_id: str, *, by: PoolBy, references: Sequence[str]) -> Document:
        """Pool the named requirements into the lots of a draft (buyer)."""
        body = {"by": by, "requirement_references": list(references)}
        return await self._caller.post(f"/v1/rfps/{rfp_id}/pool", body)

    async def publish(self, rfp_id: str) -> Document:
        """Publish a draft: its lots take sealed bids (buyer)."""
        return await self._caller.post(f"/v1/rfps/{rfp_id}/publish")

    async def cancel(self, rfp_id: str, *, reason: str) -> Document:
        """Cancel a solicitation; its requirements are free for another (buyer)."""
        return await self._caller.post(f"/v1/rfps/{rfp_id}/cancel", {"reason": reason})

    async def invite(self, rfp_id: str, vendor_ids: Sequence[str]) -> Document:
        """Invite vendors; those that were invited before are not told again (buyer)."""
        body = {"vendor_ids": list(vendor_ids)}
        return await self._caller.post(f"/v1/rfps/{rfp_id}/invitations", body)

    def invitations(self, rfp_id: str) -> AsyncIterator[Document]:
        """List who is invited and what each intends: all to the buyer, to a vendor its own."""
        return self._caller.items(f"/v1/rfps/{rfp_id}/invitations")

    async def state_intent(
        self, rfp_id: str, intent: Literal["bid", "decline"], *, reason: str | None = None
    ) -> Document:
        """Say whether one will bid; it binds to nothing, and may change until the deadline."""
        body = {"intent": intent} | ({} if reason is None else {"reason": reason})
        return await self._caller.put(f"/v1/rfps/{rfp_id}/intent", body)

    def rfps(self) -> AsyncIterator[Document]:
        """List the solicitations."""
        return self._caller.items("/v1/rfps")

    async def rfp(self, rfp_id: str) -> Document:
        """Read one solicitation."""
        return await self._caller.get(f"/v1/rfps/{rfp_id}")

    def lots(self, rfp_id: str) -> AsyncIterator[Document]:
        """List a solicitation's lots."""
        return self._caller.items(f"/v1/rfps/{rfp_id}/lots")

    async def lot(self, lot_id: str) -> Document:
        """Read one lot."""
        return await self._caller.get(f"/v1/lots/{lot_id}")

    async def put_document(self, file: Path, **said: str) -> Document:
        """Put a file into keeping by its `sha256`; `clients.documents` does it all."""
        return await self._caller.post("/v1/documents", file, **said)

    def documents(self) -> AsyncIterator[Document]:
        """List one's own documents."""
        return self._caller.items("/v1/documents")

    async def bid_documents(self, bid_id: str) -> Document:
        """List those documents of an opened bid that one may read (buyer, evaluator, vendor)."""
        return await self._caller.get(f"/v1/bids/{bid_id}/documents")

    async def fetch_document(self, sha256: str, file: BinaryIO) -> None:
        """Write a document into a file; `clients.documents` checks it too."""
        await self._caller.download(f"/v1/documents/{sha256}", file)

    def shares(self, lot_id: str) -> AsyncIterator[Document]:
        """List the requirements that a lot is made of (buyer, auditor; a member: its own)."""
        return self._caller.items(f"/v1/lots/{lot_id}/shares")

    async def file_bid(self, lot_id: str, *, unit_price: str, currency: str) -> Document:
        """File a sealed bid, or a new version of it; the answer is its receipt (vendor)."""
        body = {"unit_price": unit_price, "currency": currency}
        return await self._caller.post(f"/v1/lots/{lot_id}/bids", body)

    async def file_sealed_bid(
        self, lot_id: str, *, bid_version_id: str, sealed: str, technical: str | None = None
    ) -> Document:
        """File a bid that was sealed here (vendor); `clients.sealed_bids` does it all."""
        body = {"bid_version_id": bid_version_id, "sealed": sealed}
        if technical is not None:
            body["technical"] = technical
        return await self._caller.post(f"/v1/lots/{lot_id}/sealed-bids", body)

    async def file_table(
        self, rfp_id: str, table: str, *, tiers_apply: str = "all_units"
    ) -> Document:
        """File bids by CSV: one for each lot that is priced, all of them or none (vendor)."""
        path = f"/v1/rfps/{rfp_id}/bids/import"
        return await self._caller.post(path, table, tiers_apply=tiers_apply)

    async def bid_form(self, rfp_id: str) -> Document:
        """Read what bids of a solicitation are checked against, and the keys to seal to."""
        return await self._caller.get(f"/v1/rfps/{rfp_id}/bid-form")

    def own_bids(self) -> AsyncIterator[Document]:
        """List one's own bids (vendor)."""
        return self._caller.items("/v1/bids")

    async def inclusion(self, bid_id: str) -> Document:
        """Read the proof that one's own bid is in the opening (vendor)."""
        return await self._caller.get(f"/v1/bids/{bid_id}/inclusion")

    async def hash_list(self, opening_id: str) -> Document:
        """Read the signed list of sealed bids, from the close on."""
        return await self._caller.get(f"/v1/openings/{opening_id}/hash-list")

    async def opening_record(self, opening_id: str) -> Document:
        """Read the signed record of an opening, once the bids are opened."""
        return await self._caller.get(f"/v1/openings/{opening_id}/record")

    async def withdraw_bid(self, lot_id: str) -> Document:
        """Withdraw a sealed bid before the deadline (vendor)."""
        return await self._caller.post(f"/v1/lots/{lot_id}/bids/withdraw")

    async def confirm_bid(self, lot_id: str, *, addendum: int) -> Document:
        """Let one's bid stand under the last addendum (vendor)."""
        return await self._caller.post(f"/v1/lots/{lot_id}/bids/confirm", {"addendum": addendum})

    async def bid(self, bid_id: str) -> Document:
        """Read the receipts of one's own bid (vendor)."""
        return await self._caller.get(f"/v1/bids/{bid_id}")

    async def receipt_keys(self) -> Document:
        """Read the public keys with which receipts are verified offline."""
        return await self._caller.get("/v1/receipt-keys")

    async def opening(self, rfp_id: str) -> Document:
        """Read how far a solicitation's opening is, and what was sealed once it is closed."""
        return await self._caller.get(f"/v1/rfps/{rfp_id}/opening")

    async def opening_by_id(self, opening_id: str) -> Document:
        """Read one opening; rehearsals have no other address."""
        return await self._caller.get(f"/v1/openings/{opening_id}")

    def custody(self) -> AsyncIterator[Document]:
        """List the openings in which one has a seat, rehearsals among them (custodian)."""
        return self._caller.items("/v1/openings")

    async def plan_ceremony(
        self,
        rfp_id: str,
        *,
        custodian_ids: Sequence[str],
        threshold: int,
        opening_window_s: int = 3600,
        envelopes: int = 1,
    ) -> Document:
        """Name who opens a draft's bids: any `threshold` of the custodians (buyer)."""
        body = {
            "custodian_ids": list(custodian_ids),
            "threshold": threshold,
            "opening_window_s": opening_window_s,
            "envelopes": envelopes,
        }
        return await self._caller.put(f"/v1/rfps/{rfp_id}/ceremony", body)

    async def ceremony(self, rfp_id: str) -> Document:
        """Read who opens a solicitation's bids."""
        return await self._caller.get(f"/v1/rfps/{rfp_id}/ceremony")

    async def rehearse(self, rfp_id: str) -> Document:
        """Deal a throwaway key, for the custodians to practise on (buyer)."""
        return await self._caller.post(f"/v1/rfps/{rfp_id}/rehearsals")

    async def sealed_share(self, opening_id: str) -> Document:
        """Read the share that was dealt to this custodian, sealed to its registered key."""
        return await self._caller.get(f"/v1/openings/{opening_id}/share")

    async def submit_share(
        self, opening_id: str, *, opener_key: str, resealed_share: str
    ) -> Document:
        """Hand the share over, sealed to the opener's key (custodian)."""
        body = {"opener_key": opener_key, "resealed_share": resealed_share}
        return await self._caller.post(f"/v1/openings/{opening_id}/share", body)

    async def claim_withdrawal(
        self, lot_id: str, *, mistake: str, reason: str, evidence_sha256: str
    ) -> Document:
        """Claim one's opened bid back for a clerical error; the buyer decides (vendor)."""
        body = {"mistake": mistake, "reason": reason, "evidence_sha256": evidence_sha256}
        return await self._caller.post(f"/v1/lots/{lot_id}/withdrawal-claims", body)

    def withdrawal_claims(self, lot_id: str) -> AsyncIterator[Document]:
        """List a lot's claims to withdraw: the buyer all of them, a vendor its own."""
        return self._caller.items(f"/v1/lots/{lot_id}/withdrawal-claims")

    async def decide_withdrawal(
        self, lot_id: str, claim_id: str, *, is_granted: bool, reason: str
    ) -> Document:
        """Grant a claim, so that its bid leaves the ranking, or refuse it (buyer)."""
        path = f"/v1/lots/{lot_id}/withdrawal-claims/{claim_id}/decision"
        return await self._caller.put(path, {"is_granted": is_granted, "reason": reason})

    async def claim(self, bid_id: str, *, part: str, ground: str) -> Document:
        """Claim that a part of one's opened bid is confidential (vendor)."""
        body = {"part": part, "ground": ground}
        return await self._caller.post(f"/v1/bids/{bid_id}/claims", body)

    async def claims(self, rfp_id: str) -> Document:
        """List the claims of a solicitation (buyer, auditor; a vendor: its own)."""
        return await self._caller.get(f"/v1/rfps/{rfp_id}/claims")

    async def judge_claim(self, claim_id: str, *, is_granted: bool, reason: str) -> Document:
        """Grant or refuse a claim (buyer)."""
        body = {"is_granted": is_granted, "reason": reason}
        return await self._caller.put(f"/v1/claims/{claim_id}", body)

    async def disclose(self, rfp_id: str) -> Document:
        """Make what a public-records request may get (buyer)."""
        return await self._caller.post(f"/v1/rfps/{rfp_id}/disclosures")

    async def disclosures(self, rfp_id: str) -> Document:
        """List what was disclosed of a solicitation (buyer, auditor)."""
        return await self._caller.get(f"/v1/rfps/{rfp_id}/disclosures")

    async def fetch_disclosure(self, disclosure_id: str, file: BinaryIO) -> None:
        """Write a disclosure's ZIP file into a file (buyer, auditor)."""
        await self._caller.download(f"/v1/disclosures/{disclosure_id}", file)

    async def request_auction(
        self,
        lot_id: str,
        *,
        opens_at: datetime,
        closes_at: datetime,
        rules: Mapping[str, Any],
    ) -> Document:
        """Take an evaluated lot to a live auction (buyer)."""
        body = {
            "opens_at": opens_at.isoformat(),
            "closes_at": closes_at.isoformat(),
            "rules": dict(rules),
        }
        return await self._caller.post(f"/v1/lots/{lot_id}/auction", body)

    async def ocds(self, rfp_id: str) -> Document:
        """Read a published solicitation as a release package of open contracting data."""
        return await self._caller.get(f"/v1/rfps/{rfp_id}/ocds")

    def chain(self, aggregate_id: str) -> AsyncIterator[Document]:
        """Read a hash chain from its beginning (buyer, auditor)."""
        return self._caller.items(f"/v1/chains/{aggregate_id}")
