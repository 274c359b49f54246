"""The use case of choosing a decay: walks through a past, measures, evidence, nightly choice."""
