"""The scheduled batch and the command line: the steps and their order."""
