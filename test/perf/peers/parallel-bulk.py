"""What one writes in an afternoon with the Python client: a regular expression, parallel_bulk.

parallel-bulk.py ACCESS.JSON. A line on stdin, "FILE tab INDEX tab MONTH", is a run; its answer is "DOCUMENTS CPU_MICROS WALL_MICROS".
Its own ids are the lines' offsets.
"""

import json
import re
import sys
import time

from elasticsearch import Elasticsearch
from elasticsearch.helpers import parallel_bulk

HEADER = re.compile(r"^(\w{3}) +(\d+) (\d\d:\d\d:\d\d) (\S+) (?:([^\s:\[]+)(?:\[(\d+)\])?: )?(.*)$")
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
# The seven events of sshd with which this project began.
EVENTS = [
    (
        "AUTHN",
        re.compile(
            r"^(?P<result>Accepted|Failed) (?P<method>\S+) for (?:invalid user )?(?P<user>.*) from (?P<remote>\S+) port \d+"
        ),
    ),
    ("AUTHZ", re.compile(r"^(?P<result>Authorized) to (?P<user>.*), krb5 principal (?P<principal>\S+) \(")),
    ("SCAN", re.compile(r"^Did not receive (?P<result>identification) string from (?P<remote>\S+)")),
    ("INVALID", re.compile(r"^(?P<result>Invalid) user (?P<user>.*) from (?P<remote>\S+)")),
    ("DISCONNECT", re.compile(r"^Received (?P<result>disconnect) from (?P<remote>\S+): 11: disconnected by user")),
    (
        "WRONGKEY",
        re.compile(
            r"^Authentication (?P<result>tried) for (?P<user>.*) with (?P<method>correct key) but not from .*ip=(?P<remote>[^)]+)"
        ),
    ),
    ("REFUSED", re.compile(r"^(?P<result>refused) connect from \S+ \((?P<remote>[^)]+)\)")),
]


def actions(file, index, year, with_ids):
    offset = 0
    with open(file, encoding="utf-8", newline="\n") as lines:
        for line in lines:
            match = HEADER.match(line)
            if match:
                month, day, clock, host, program, pid, message = match.groups()
                document = {
                    "@timestamp": f"{year}-{MONTHS.index(month) + 1:02}-{int(day):02}T{clock}.000Z",
                    "host": host,
                    "program": program,
                    "message": message,
                }
                if pid:
                    document["pid"] = pid
                if program == "sshd":
                    for event, expression in EVENTS:
                        found = expression.match(message)
                        if found:
                            document["ssh"] = {"event": event, **found.groupdict()}
                            break
                action = {"_op_type": "create", "_index": index, "_source": document}
                if with_ids:
                    action["_id"] = str(offset)
                yield action
            offset += len(line)


def load(client, file, index, month, with_ids):
    written = 0
    todo = actions(file, index, int(month[:4]), with_ids)
    for ok, item in parallel_bulk(client, todo, thread_count=4, chunk_size=5000, raise_on_error=False):
        if ok:
            written += 1
        # There already: an earlier run wrote it.
        elif item["create"]["status"] != 409:
            raise RuntimeError(f"a document was refused: {item}")
    return written


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        access = json.load(file)
    client = Elasticsearch(
        access["url"],
        ca_certs=access["authorityFile"],
        basic_auth=(access["username"], access["password"]),
        request_timeout=120,
    )
    for request in sys.stdin:
        file, index, month = request.rstrip("\n").split("\t")
        begin, cpu = time.perf_counter(), time.process_time()
        written = load(client, file, index, month, access["ids"] == "derived")
        wall = time.perf_counter() - begin
        print(written, round((time.process_time() - cpu) * 1e6), round(wall * 1e6), flush=True)


main()
