"""Bind a list of entries to one hash, so that each can later be shown to have been in it.

At closing the root over the hashes of all sealed bids is published before anything is opened; a
vendor who holds a receipt checks with an inclusion proof that its bid is in the list.

Source: RFC 6962 section 2.1 for the tree, RFC 9162 section 2.1.3.2 for checking a proof.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

HASH_BYTES: Final = 32
"""The length of a SHA-256 hash."""

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""The root of a list without entries."""

# The prefixes differ so that no inner node can be passed off as an entry.
_LEAF_PREFIX: Final = b"\x00"
_NODE_PREFIX: Final = b"\x01"


def root(entries: Sequence[bytes]) -> bytes:
    """Hash a list of entries, in their order, to 32 bytes."""
    if not entries:
        return EMPTY_ROOT
    level = [leaf_hash(entry) for entry in entries]
    while len(level) > 1:
        level = _parents(level)
    return level[0]


def inclusion_proof(entries: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """List the hashes that lead from the entry at `index` to the root, lowest first.

    Raises:
        IndexError: No entry stands at `index`.
    """
    if not 0 <= index < len(entries):
        sentence = f"no entry {index} in a list of {len(entries)}"
        raise IndexError(sentence)
    proof: list[bytes] = []
    level = [leaf_hash(entry) for entry in entries]
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            proof.append(level[sibling])
        level = _parents(level)
        index //= 2
    return tuple(proof)


def is_included(
    entry: bytes, proof: Sequence[bytes], *, index: int, size: int, root: bytes
) -> bool:
    """Tell whether `proof` shows `entry` at `index` of the list of `size` entries under `root`.

    Whatever is out of range or of the wrong length shows nothing, and is answered with no.
    """
    if not 0 <= index < size or any(len(sibling) != HASH_BYTES for sibling in proof):
        return False
    node, position, last = leaf_hash(entry), index, size - 1
    for sibling in proof:
        if last == 0:
            return False
        # A last node without a right sibling rises unchanged until it is somebody's right child.
        while position == last and position % 2 == 0:
            position, last = position // 2, last // 2
        is_right_child = position % 2 == 1
        node = node_hash(sibling, node) if is_right_child else node_hash(node, sibling)
        position, last = position // 2, last // 2
    return last == 0 and node == root


def leaf_hash(entry: bytes) -> bytes:
    """Hash one entry of the list."""
    return hashlib.sha256(_LEAF_PREFIX + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two nodes into the node above them."""
    return hashlib.sha256(_NODE_PREFIX + left + right).digest()


def _parents(level: Sequence[bytes]) -> list[bytes]:
    paired = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    # The odd one out rises as it is, which gives the same tree as splitting at the largest
    # power of two below the size.
    return paired if len(level) % 2 == 0 else [*paired, level[-1]]
