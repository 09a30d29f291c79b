"""Hold the Merkle tree to the published vectors, and its proofs to showing nothing else."""

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import merkle

# Inputs, roots of the first 1 to 8 of them, and proofs.
# Source: google/certificate-transparency, cpp/merkletree/merkle_tree_test.cc, for RFC 6962.
INPUTS = [
    bytes.fromhex(digits)
    for digits in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PROOFS: list[tuple[int, int, list[str]]] = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]

distinct_entries = st.lists(st.binary(max_size=40), min_size=1, max_size=40, unique=True)


def flipped(data: bytes, bit: int) -> bytes:
    """Flip one bit, counted from the first byte's lowest."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_empty_list_has_the_hash_of_nothing_as_its_root() -> None:
    root = merkle.root([])

    assert root.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_published_ones(size: int) -> None:
    root = merkle.root(INPUTS[:size])

    assert root.hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("index", "size", "proof"), PROOFS)
def test_proofs_are_the_published_ones(index: int, size: int, proof: list[str]) -> None:
    made = merkle.inclusion_proof(INPUTS[:size], index)

    assert [sibling.hex() for sibling in made] == proof


@pytest.mark.parametrize(("index", "size", "proof"), PROOFS)
def test_published_proofs_show_their_entries(index: int, size: int, proof: list[str]) -> None:
    siblings = [bytes.fromhex(digits) for digits in proof]
    root = bytes.fromhex(ROOTS[size - 1])

    assert merkle.is_included(INPUTS[index], siblings, index=index, size=size, root=root)


@given(distinct_entries)
def test_every_entry_is_shown_by_its_proof_at_its_own_index_alone(entries: list[bytes]) -> None:
    size, root = len(entries), merkle.root(entries)

    for index, entry in enumerate(entries):
        proof = merkle.inclusion_proof(entries, index)
        shown_at = [
            claimed
            for claimed in range(-1, 2 * size)
            if merkle.is_included(entry, proof, index=claimed, size=size, root=root)
        ]
        assert shown_at == [index]


@given(distinct_entries, st.data())
def test_a_flipped_bit_in_entry_proof_root_or_index_shows_nothing(
    entries: list[bytes], data: st.DataObject
) -> None:
    size, root = len(entries), merkle.root(entries)
    index = data.draw(st.integers(0, size - 1))
    entry, proof = entries[index], merkle.inclusion_proof(entries, index)
    anywhere_in_a_hash = st.integers(0, 8 * merkle.HASH_BYTES - 1)

    if entry:
        other = flipped(entry, data.draw(st.integers(0, 8 * len(entry) - 1)))
        assert not merkle.is_included(other, proof, index=index, size=size, root=root)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        bent = [*proof[:at], flipped(proof[at], data.draw(anywhere_in_a_hash)), *proof[at + 1 :]]
        assert not merkle.is_included(entry, bent, index=index, size=size, root=root)
    elsewhere = flipped(root, data.draw(anywhere_in_a_hash))
    assert not merkle.is_included(entry, proof, index=index, size=size, root=elsewhere)
    beside = index ^ 1 << data.draw(st.integers(0, 40))
    assert not merkle.is_included(entry, proof, index=beside, size=size, root=root)


@given(distinct_entries, st.data())
def test_a_proof_with_a_hash_more_or_fewer_shows_nothing(
    entries: list[bytes], data: st.DataObject
) -> None:
    size, root = len(entries), merkle.root(entries)
    index = data.draw(st.integers(0, size - 1))
    entry, proof = entries[index], merkle.inclusion_proof(entries, index)

    longer = [*proof, merkle.HASH_BYTES * b"\x00"]

    assert not merkle.is_included(entry, longer, index=index, size=size, root=root)
    for kept in range(len(proof)):
        assert not merkle.is_included(entry, proof[:kept], index=index, size=size, root=root)


def test_an_inner_node_does_not_pass_for_an_entry() -> None:
    root = bytes.fromhex(ROOTS[3])
    left, right = (merkle.root(INPUTS[:2]), merkle.root(INPUTS[2:4]))

    assert not merkle.is_included(left + right, [], index=0, size=1, root=root)


def test_hashes_of_another_length_show_nothing() -> None:
    first, second = b"first", b"second"
    root = merkle.root([first, second])
    sibling = merkle.leaf_hash(second)

    assert merkle.is_included(first, [sibling], index=0, size=2, root=root)
    assert not merkle.is_included(first, [sibling + b"\x00"], index=0, size=2, root=root)
    assert not merkle.is_included(first, [sibling], index=0, size=2, root=root[:-1])


def test_a_root_over_something_longer_than_a_hash_shows_nothing() -> None:
    entry, overlong = b"entry", 33 * b"x"
    root = hashlib.sha256(b"\x01" + hashlib.sha256(b"\x00" + entry).digest() + overlong).digest()

    assert not merkle.is_included(entry, [overlong], index=0, size=2, root=root)


@pytest.mark.parametrize("index", [-1, 3])
def test_no_proof_is_made_for_an_index_outside_the_list(index: int) -> None:
    with pytest.raises(IndexError):
        merkle.inclusion_proof(INPUTS[:3], index)


def test_no_entry_is_included_in_an_empty_list() -> None:
    assert not merkle.is_included(b"", [], index=0, size=0, root=merkle.EMPTY_ROOT)


@pytest.mark.parametrize("size", [1000, 1025])
def test_a_long_list_agrees_with_the_definition(size: int) -> None:
    entries = [position.to_bytes(4, "big") for position in range(size)]

    assert merkle.root(entries) == tree_hash_by_definition(entries)


def tree_hash_by_definition(entries: list[bytes]) -> bytes:
    """Split at the largest power of two below the size, as RFC 6962 section 2.1 words it."""
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    powers = (2**exponent for exponent in range(64))
    split = next(low for low, high in pairwise(powers) if high >= len(entries))
    left, right = tree_hash_by_definition(entries[:split]), tree_hash_by_definition(entries[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()
