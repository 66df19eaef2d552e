"""A fuzzer for the readers of documents: mutations of a kept corpus, led by new lines reached."""
