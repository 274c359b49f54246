"""What a site's keys may be, and what they are called."""

from hashlib import sha256
from typing import Any

import pytest
from pydantic import ValidationError

from ranking.settings.keys import NamedKey, SiteKeys, hashed

KEY, OTHER = "a-key-of-sixteen!", "another-key-of-it"


def test_a_plain_key_is_named_after_its_grade_and_others_have_names_of_their_own() -> None:
    keys = SiteKeys.model_validate({"write": KEY, "admin": {"siti": OTHER, "ops": hashed(KEY)}})
    digest, other = sha256(KEY.encode()).digest(), sha256(OTHER.encode()).digest()
    assert list(keys.named()) == [
        NamedKey("write", "write", digest),
        NamedKey("admin", "siti", other),
        NamedKey("admin", "ops", digest),
    ]


def test_only_a_plain_key_can_be_sent() -> None:
    keys = SiteKeys.model_validate({"write": {"hash": hashed(KEY), "plain": OTHER}, "admin": hashed(KEY)})
    assert (keys.plain("write"), keys.plain("admin"), keys.plain("editor")) == (OTHER, None, None)


@pytest.mark.parametrize(
    "bad",
    [
        {"write": "too-short"},
        {"write": "sechzehn-zeichen-ü"},
        {"write": "a line\nand another"},
        {"admin": "sha256:" + "0" * 63},
        {"admin": {'si"ti': KEY}},
        {"admin": {"": KEY}},
        {"admin": {"siti": KEY}, "editor": {"siti": OTHER}},
        {"reader": KEY},
    ],
)
def test_what_is_no_key_or_no_name_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SiteKeys.model_validate(bad)


def test_no_key_is_in_what_is_printed() -> None:
    assert KEY not in repr(SiteKeys.model_validate({"write": KEY}))
