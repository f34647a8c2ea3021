"""A target whose module cannot be imported."""

raise RuntimeError("cannot be imported, says a secret")
