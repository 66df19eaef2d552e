"""The case library: known attacks and known harmless look-alikes, each with its signals."""
