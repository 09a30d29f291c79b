"""Sign what is sent, so that a receiver knows who sent it and when.

Source: Standard Webhooks 1.0.0, sections "Webhook headers" and "Signature scheme".
"""

import base64
import binascii
import hmac
from typing import Final

from shared.domain.ids import EventId

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - it marks a secret and is none itself

SECRET_BYTES: Final = 32
"""As long as the hash that it keys; the standard allows 24 to 64 bytes."""


def secret_text(key: bytes) -> str:
    """Write a signing key as its receiver is shown it: `whsec_` and base64."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def secret_key(text: str) -> bytes:
    """Read the signing key out of what its receiver was shown.

    Raises:
        ValueError: It is not `whsec_` and base64.
    """
    if not text.startswith(SECRET_PREFIX):
        sentence = "a signing secret begins with whsec_"
        raise ValueError(sentence)
    try:
        return base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        sentence = "a signing secret is written in base64"
        raise ValueError(sentence) from error


def sign(key: bytes, body: bytes, *, event_id: EventId, timestamp_s: int) -> str:
    """Sign `id.timestamp.body` with HMAC-SHA256: the value of the header `webhook-signature`.

    `timestamp_s` is the whole second of the attempt, not of the event.
    """
    signed = b"%b.%d.%b" % (str(event_id).encode(), timestamp_s, body)
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
