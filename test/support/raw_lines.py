"""Lines of raw files of an archive, as a stranger reads them: shares nothing with the product."""

import gzip


def content(file):
    with open(file, "rb") as handle:
        data = handle.read()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def lines_of(data):
    *whole, rest = data.split(b"\n")
    return [line + b"\n" for line in whole] + ([rest] if rest else [])


def offsets_of(data):
    """Where each line begins."""
    at = 0
    for line in lines_of(data):
        yield at
        at += len(line)
