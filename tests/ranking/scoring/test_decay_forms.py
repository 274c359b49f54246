"""The two halves of a decay's row have the same names, and each row is what its list is ranked and told by."""

import json
from datetime import UTC
from pathlib import Path

import numpy as np
import pytest

from ranking.scoring.decay import HalfLife, Mix
from ranking.scoring.decay_forms import DECAY_FORMS
from ranking.scoring.describe import described, in_words
from ranking.scoring.formula import Formula
from ranking.settings.decays import DECAYS
from ranking.settings.learned import MixPart
from ranking.settings.lists import ListSettings

ROOT = Path(__file__).parents[3]
AGES_S = np.array([0.0, 3600.0, 86_400.0, 1e7])


def test_a_decay_has_a_row_in_both_tables() -> None:
    assert list(DECAYS) == list(DECAY_FORMS)


@pytest.mark.parametrize("name", DECAYS)
def test_every_decay_is_made_described_and_never_rises(name: str) -> None:
    settings = ListSettings(decay=name, window="1d")
    decay = Formula(settings, UTC).horizon(0.0).decay
    assert decay == DECAY_FORMS[name].make(settings)
    assert (np.diff(decay(AGES_S)) <= 0).all()
    assert DECAY_FORMS[name].formula(settings) in described(settings)
    assert in_words(settings).endswith(".")


def test_a_forecast_is_described_by_its_mix_once_it_has_one() -> None:
    part = MixPart({"30m": 0.7, "8h": 0.3})
    settings = ListSettings(decay="forecast").model_copy(update={"mix": (part,)})
    decay = Formula(settings, UTC).horizon(0.0).decay
    assert decay == Mix(((1800.0, 0.7), (28_800.0, 0.3)))
    assert "(0.7 x 2^-(age / 30m) + 0.3 x 2^-(age / 8h))" in described(settings, decay)
    assert DECAY_FORMS["forecast"].make(settings) == HalfLife(7200.0)


def test_the_ops_page_and_the_example_name_no_decay_that_the_table_does_not_have() -> None:
    example = (ROOT / "populer.example.toml").read_text()
    assert all(f"{name} " in example or f"{name} |" in example for name in DECAYS)
    page = (ROOT / "api/static/ops/tunable.js").read_text()
    only_ours = DECAYS.keys() - {"half-life", "window", "power", "daily"}
    assert not [name for name in only_ours if json.dumps(name) in page]
