"""A supply chain whose truth is known."""
