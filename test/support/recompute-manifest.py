"""Computes a campaign's manifest again from the raw files, sharing nothing with the product.

    recompute-manifest.py MANIFEST CHUNK_BYTES IDENTITY=RAW_FILE ...

Which lines a chunk owns, their number and their digest come from the raw bytes; what became of them (documents, dropped, rejected)
stands in the manifest, and must add up to the lines. Prints {"roots": by month, "differences": [...]} as JSON.
"""

import hashlib
import json
import sys

from raw_lines import content, lines_of


def sha256(data):
    return hashlib.sha256(data).digest()


def root(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0])
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha256(b"\x01" + root(leaves[:half]) + root(leaves[half:]))


def owned(data, chunk_bytes):
    """Chunk number -> [first, last, lines], by the first byte of each line."""
    chunks = {}
    at = 0
    for line in lines_of(data):
        chunk = chunks.setdefault(at // chunk_bytes, [at, at, 0])
        at += len(line)
        chunk[1] = at
        chunk[2] += 1
    return chunks


manifest = json.load(open(sys.argv[1], encoding="utf-8"))
chunk_bytes = int(sys.argv[2])
raw = dict(pair.rsplit("=", 1) for pair in sys.argv[3:])
differences = []
months = {}
for file in sorted(manifest["files"], key=lambda file: file["path"].encode()):
    path = file["path"]
    if path not in raw:
        differences.append(f"{path}: no raw file")
        continue
    data = content(raw.pop(path))
    chunks = owned(data, chunk_bytes)
    stated = {int(chunk["id"].rsplit("-", 1)[1]): chunk for chunk in file["chunks"]}
    if sorted(stated) != sorted(chunks):
        differences.append(f"{path}: chunks {sorted(stated)}, in the file {sorted(chunks)}")
    leaves = []
    for n in sorted(chunks):
        first, last, lines = chunks[n]
        says = stated.get(n, {"documents": lines, "dropped": 0, "rejected": 0})
        here = {"first": first, "last": last, "sha256": sha256(data[first:last]).hex(), "read": lines}
        for name, value in here.items():
            if says.get(name) != value:
                differences.append(f"{path}: chunk {n}: {name} {says.get(name)}, in the file {value}")
        if says["documents"] + says["dropped"] + says["rejected"] != lines:
            differences.append(f"{path}: chunk {n}: its counts do not add up to {lines} lines")
        words = [*here.values(), says["documents"], says["dropped"], says["rejected"]]
        leaves.append(" ".join(str(word) for word in words).encode())
    file_root = root(leaves).hex()
    if file.get("length") != len(data):
        differences.append(f"{path}: length {file.get('length')}, in the file {len(data)}")
    months.setdefault(file["month"], []).append(f"{file_root} {len(data)} {path}".encode())
differences += [f"{path}: not in the manifest" for path in raw]
print(json.dumps({"roots": {month: root(leaves).hex() for month, leaves in months.items()}, "differences": differences}))
