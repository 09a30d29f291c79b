"""Hold the sender's shares of what is in the air, and the vault, to their promises."""

import ssl
from uuid import UUID

import aiohttp
import pytest

from services.notify.domain.deliveries import Failure
from services.notify.ports import Secret
from services.notify.sender.guard import AddressRefused
from services.notify.sender.post import failure_of
from services.notify.sender.slots import Slots
from services.notify.store.vault import SecretUnreadable, Vault, VaultKeyMalformed
from shared.domain.ids import EndpointId

ONE, TWO, THREE = (EndpointId(UUID(int=number)) for number in (1, 2, 3))


def slots(*, concurrency_max: int = 100, per_endpoint_max: int = 8) -> Slots:
    return Slots(concurrency_max=concurrency_max, per_endpoint_max=per_endpoint_max)


def attempt(shares: Slots, endpoint_id: EndpointId, *, is_good: bool) -> None:
    shares.begin(endpoint_id)
    shares.end(endpoint_id, is_good=is_good)
    shares.recorded(1)


def test_unknown_endpoint_begins_with_one_at_a_time() -> None:
    shares = slots()

    assert shares.quotas([ONE, TWO]) == {ONE: 1, TWO: 1}
    shares.begin(ONE)
    assert shares.quotas([ONE, TWO]) == {TWO: 1}


def test_good_answers_double_an_endpoint_s_share_up_to_its_bound() -> None:
    shares = slots(per_endpoint_max=6)
    seen = []

    for _ in range(4):
        attempt(shares, ONE, is_good=True)
        seen.append(shares.quotas([ONE])[ONE])

    assert seen == [2, 4, 6, 6]


def test_failure_takes_an_endpoint_back_to_one_at_a_time() -> None:
    shares = slots()
    for _ in range(3):
        attempt(shares, ONE, is_good=True)

    attempt(shares, ONE, is_good=False)

    assert shares.quotas([ONE]) == {ONE: 1}


def test_failing_endpoints_together_get_half_of_the_whole() -> None:
    shares = slots(concurrency_max=4)
    failing = [EndpointId(UUID(int=number)) for number in range(10, 20)]
    for endpoint_id in failing:
        attempt(shares, endpoint_id, is_good=False)

    first = shares.quotas([*failing, ONE])
    shares.begin(failing[0])
    then = shares.quotas([*failing, ONE])

    assert first == {failing[0]: 1, failing[1]: 1, ONE: 1}
    assert then == {failing[1]: 1, ONE: 1}


def test_slot_is_free_only_once_its_outcome_is_on_record() -> None:
    shares = slots(concurrency_max=2)

    shares.begin(ONE)
    assert shares.free == 1
    shares.end(ONE, is_good=True)
    assert shares.free == 1
    shares.recorded(1)
    assert shares.free == 2


VAULT = Vault(bytes(range(32)))
SECRET = Secret(b"s" * 32)


def test_vault_opens_what_it_sealed() -> None:
    assert VAULT.open(ONE, VAULT.seal(ONE, SECRET)) == SECRET


def test_vault_does_not_store_the_secret_in_clear_nor_the_same_twice() -> None:
    first, second = VAULT.seal(ONE, SECRET), VAULT.seal(ONE, SECRET)

    assert SECRET.key not in first
    assert first != second


@pytest.mark.parametrize(
    ("vault", "endpoint_id", "change"),
    [
        (VAULT, TWO, 0),
        (Vault(bytes(32)), ONE, 0),
        (VAULT, ONE, 1),
    ],
    ids=["another endpoint", "another key", "a changed byte"],
)
def test_vault_refuses_what_it_did_not_seal_for_the_endpoint(
    vault: Vault, endpoint_id: EndpointId, change: int
) -> None:
    sealed = VAULT.seal(ONE, SECRET)
    sealed = sealed[:-1] + bytes([sealed[-1] ^ change])

    with pytest.raises(SecretUnreadable):
        vault.open(endpoint_id, sealed)


def test_vault_refuses_another_format() -> None:
    with pytest.raises(SecretUnreadable):
        VAULT.open(ONE, b"\x02" + VAULT.seal(ONE, SECRET)[1:])


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "A" * 44])
def test_vault_key_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(VaultKeyMalformed):
        Vault.from_text(text)


def test_vault_key_is_read_from_base64() -> None:
    vault = Vault.from_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")

    assert vault.open(ONE, VAULT.seal(ONE, SECRET)) == SECRET


def test_printed_secret_is_hidden() -> None:
    assert "s" * 8 not in f"{SECRET} {SECRET!r} {[SECRET]}"


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (TimeoutError(), Failure.TIMEOUT),
        (aiohttp.ServerTimeoutError(), Failure.TIMEOUT),
        (aiohttp.ServerDisconnectedError(), Failure.CONNECTION_LOST),
        (ConnectionResetError(), Failure.CONNECTION_LOST),
        (aiohttp.ClientPayloadError(), Failure.ANSWER_MALFORMED),
        (ssl.SSLError(), Failure.TLS_FAILED),
        (AddressRefused(), Failure.ADDRESS_REFUSED),
        (aiohttp.InvalidURL("x"), Failure.CONNECTION_FAILED),
        (ValueError(), Failure.CONNECTION_FAILED),
    ],
)
def test_error_on_the_way_is_named_without_its_words(error: Exception, failure: Failure) -> None:
    assert failure_of(error) is failure
