"""A small, hand-written feed: a few dozen lots, nine attacks, eleven look-alikes."""
