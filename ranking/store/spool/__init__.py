"""Events on disk while the store is away."""
