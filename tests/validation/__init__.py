"""The validation pack: requirements, where each is built, what shows it, and what came of it."""
