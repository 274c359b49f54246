"""Packed answers: what comes out is what went in, whatever stands between the pieces, compressed once."""

import gzip
import json
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.compression import BROTLI, END, GZIP, LONG_BYTES, MOST_CHANGING, PLAIN, Pieces, coding_of, packed

UNPACK = {GZIP: gzip.decompress, BROTLI: brotli.decompress, PLAIN: bytes}
#: Texts that a compressor finds much to refer to in, of their own and of Brotli's dictionary.
WORDS = st.lists(
    st.sampled_from(["Harga beras naik", "true,", "12", "e,", "the ", " and the", '"', "é", "\x00", "😀"])
    | st.text(max_size=9),
    max_size=40,
).map(" ".join)
KEPT = st.lists(WORDS.map(lambda text: json.dumps(text).encode()), min_size=1, max_size=4)
CHANGING = st.integers(0, 10**9).flatmap(
    lambda age: st.sampled_from([b'%d,"stale":true,', b'%d,"stale":false,']).map(lambda form: form % age)
)


@pytest.mark.parametrize("coding", [GZIP, BROTLI, PLAIN])
@given(KEPT, st.data())
def test_it_unpacks_to_the_pieces_with_what_stands_between_them(
    coding: str, kept: list[bytes], data: st.DataObject
) -> None:
    """Also where others of the same length stood there when it was compressed, and of another length."""
    pieces = Pieces(kept)
    for _ in range(3):
        changing = [data.draw(CHANGING) for _ in kept[1:]]
        whole = pieces.whole(changing)
        assert UNPACK[coding](pieces.packed(coding, changing)) == whole
        assert whole.startswith(kept[0])
        assert whole.endswith(kept[-1])


@pytest.mark.parametrize("coding", [GZIP, BROTLI])
@pytest.mark.parametrize("size", [0, 1, LONG_BYTES - 1, LONG_BYTES * 9])
def test_any_size_can_be_packed(coding: str, size: int) -> None:
    content = (json.dumps([{"rank": n, "title": f"Judul {n * 7919 % 1000}"} for n in range(size // 30)]) * 2).encode()
    changing = b"x" * (MOST_CHANGING - len(END)) + END
    assert UNPACK[coding](Pieces([content, content]).packed(coding, [changing])) == content + changing + content
    small = packed(content, coding)
    assert UNPACK[coding](small) == content
    assert len(small) < len(content) / 3 or len(content) < 100


def test_another_second_of_the_same_length_is_not_compressed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = Pieces([b'{"age_s":', b'"items":[]}'])
    for coding in (GZIP, BROTLI):
        pieces.packed(coding, [b'10,"stale":false,'])
    monkeypatch.setattr(zlib, "compressobj", None)
    monkeypatch.setattr(brotli, "Compressor", None)
    for coding in (GZIP, BROTLI):
        found = pieces.packed(coding, [b'10000,"stale":true,'[-17:]])
        assert UNPACK[coding](found) == b'{"age_s":' + b'10000,"stale":true,'[-17:] + b'"items":[]}'


@pytest.mark.parametrize("count", [1, 29, 30, 31, 80])
def test_any_number_of_pieces_can_be_packed(count: int) -> None:
    pieces = Pieces([b'"list %d": [1, 2, 3]' % n for n in range(count + 1)])
    for age in (1, 2):
        changing = [b'%d,"stale":false,' % (age + n) for n in range(count)]
        for coding, unpack in UNPACK.items():
            assert unpack(pieces.packed(coding, changing)) == pieces.whole(changing)


def test_lengths_of_the_past_do_not_pile_up() -> None:
    pieces = Pieces([b"[", b"]"])
    for length in range(3, MOST_CHANGING):
        for coding in (GZIP, BROTLI):
            pieces.packed(coding, [b"x" * length + END])
    assert len(pieces._packed) <= 4


@given(st.binary(max_size=60))
def test_any_accept_encoding_is_understood(given: bytes) -> None:
    assert coding_of(given) in (GZIP, BROTLI, PLAIN)
