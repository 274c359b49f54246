"""From counts to scores: decays, ageing, channel weights, sums and burst measures."""
