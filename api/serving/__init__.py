"""What a published list looks like, in every form that it is served in."""
