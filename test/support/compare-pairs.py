"""Compares the pairs (file, offset) of all documents with the lines of the raw files, sharing nothing with the product.

    compare-pairs.py PAIRS IDENTITY=RAW_FILE ... [--without IDENTITY=FROM-TO ...]

PAIRS holds a line `OFFSET<tab>IDENTITY` for each document. `--without` names ranges of offsets of which nothing may stand there, since
they could not be read. Prints {"lines", "lost", "doubled", "foreign", "examples"} as JSON: lines that ought to have a document, those that
have none, documents too many for their line, documents of no such line.
"""

import collections
import json
import sys

from raw_lines import content, offsets_of

pairs, *words = sys.argv[1:]
files = words[: words.index("--without")] if "--without" in words else words
without = collections.defaultdict(list)
for word in words[len(files) + 1 :]:
    identity, bounds = word.rsplit("=", 1)
    without[identity].append([int(bound) for bound in bounds.split("-")])

expected = set()
for word in files:
    identity, raw = word.rsplit("=", 1)
    for offset in offsets_of(content(raw)):
        if not any(first <= offset < end for first, end in without[identity]):
            expected.add((identity, offset))

stored = collections.Counter()
with open(pairs, encoding="utf-8") as handle:
    for line in handle:
        offset, identity = line.rstrip("\n").split("\t", 1)
        stored[(identity, int(offset))] += 1

lost = expected - stored.keys()
foreign = stored.keys() - expected
doubled = {pair: n - 1 for pair, n in stored.items() if n > 1}
print(
    json.dumps(
        {
            "lines": len(expected),
            "lost": len(lost),
            "doubled": sum(doubled.values()),
            "foreign": len(foreign),
            "examples": [f"{identity} {offset}" for identity, offset in sorted({*lost, *foreign, *doubled})[:5]],
        }
    )
)
