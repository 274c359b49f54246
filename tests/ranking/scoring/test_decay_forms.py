"""The two halves of a decay's row have the same names, and each row is what its list is ranked and told by."""

import json
from datetime import UTC
from pathlib import Path

import numpy as np
import pytest

from ranking.scoring.decay import HalfLife
from ranking.scoring.decay_forms import DECAY_FORMS
from ranking.scoring.describe import described, in_words
from ranking.scoring.formula import Formula
from ranking.settings.decays import DECAYS
from ranking.settings.learned import Correction
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


def test_a_forecast_is_described_as_a_half_life_until_something_corrects_it() -> None:
    settings = ListSettings(decay="forecast")
    assert Formula(settings, UTC).horizon(0.0).decay == HalfLife(7200.0)
    assert described(settings).endswith("x 2^-(age / 2h)")
    corrected = settings.corrected(Correction(7200.0, 3600.0, {"age": 0.1}))
    assert described(corrected).endswith(", x the forecast of the next 1h, see its terms")


def test_the_ops_page_and_the_example_name_no_decay_that_the_table_does_not_have() -> None:
    example = (ROOT / "populer.example.toml").read_text()
    assert all(f"{name} " in example or f"{name} |" in example for name in DECAYS)
    page = (ROOT / "api/static/ops/tunable.js").read_text()
    only_ours = DECAYS.keys() - {"half-life", "window", "power", "daily"}
    assert not [name for name in only_ours if json.dumps(name) in page]
