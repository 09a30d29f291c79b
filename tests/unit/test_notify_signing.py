"""Hold signatures to what an independent verifier of Standard Webhooks accepts."""

import base64
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from services.notify.domain.signing import secret_key, secret_text, sign
from shared.domain.ids import EventId

KEY = bytes(range(32))
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
EVENT_ID = EventId(UUID("01890000-0000-7000-8000-000000000001"))


@given(
    key=st.binary(min_size=24, max_size=64),
    event_id=st.uuids(),
    timestamp_s=st.integers(min_value=1, max_value=4_102_444_800),
    text=st.text(),
)
def test_signature_equals_the_independent_library_s(
    key: bytes, event_id: UUID, timestamp_s: int, text: str
) -> None:
    verifier = Webhook(secret_text(key))

    signature = sign(key, text.encode(), event_id=EventId(event_id), timestamp_s=timestamp_s)

    at = datetime.fromtimestamp(timestamp_s, UTC)
    assert signature == verifier.sign(str(event_id), at, text)


@pytest.mark.parametrize(
    "other",
    [
        sign(KEY[::-1], b"{}", event_id=EVENT_ID, timestamp_s=100),
        sign(KEY, b"{ }", event_id=EVENT_ID, timestamp_s=100),
        sign(KEY, b"{}", event_id=EventId(UUID(int=7)), timestamp_s=100),
        sign(KEY, b"{}", event_id=EVENT_ID, timestamp_s=101),
    ],
    ids=["key", "body", "id", "timestamp"],
)
def test_signature_covers_key_body_id_and_timestamp(other: str) -> None:
    assert sign(KEY, b"{}", event_id=EVENT_ID, timestamp_s=100) != other


def test_secret_is_written_as_the_standard_says() -> None:
    assert secret_text(KEY) == SECRET
    assert base64.b64decode(SECRET.removeprefix("whsec_")) == KEY


def test_secret_is_read_back() -> None:
    assert secret_key(SECRET) == KEY


@pytest.mark.parametrize("text", ["AAECAwQF", "whsec_not base64", "whpk_AAEC"])
def test_what_is_no_secret_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="a signing secret"):
        secret_key(text)
