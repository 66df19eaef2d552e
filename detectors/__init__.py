"""Localized detectors, graph measures and the screen that runs them."""
