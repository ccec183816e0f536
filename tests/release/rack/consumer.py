# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A consumer of a RabbitMQ stream that keeps its place in /data/offset.yaml: the whole program of a container.

It writes down everything it does in /data/ledger.jsonl, line by line and synced, so that a test can prove afterwards
where it began, what it consumed and up to where it had committed. /MODE ``stuck`` connects and consumes nothing.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pika

COMMIT_EVERY = 10
PLACE, LEDGER = Path("/data/offset.yaml"), Path("/data/ledger.jsonl")


class Consumer:
    """One life of the consumer, from its start at the committed offset to its end."""

    def __init__(self, version: str) -> None:
        self.version, self.seen = version, -1
        self.committed = int(PLACE.read_text().split()[1]) if PLACE.exists() else -1

    def note(self, event: str, offset: int) -> None:
        """Append to the ledger."""
        with LEDGER.open("a", encoding="utf-8") as ledger:
            ledger.write(json.dumps({"event": event, "offset": offset, "version": self.version}) + "\n")
            ledger.flush()
            os.fsync(ledger.fileno())

    def commit(self) -> None:
        """Make the last message seen the place to go on from."""
        if self.seen > self.committed:
            beside = PLACE.with_suffix(".new")
            beside.write_text(f"offset: {self.seen}\n")
            beside.replace(PLACE)
            self.committed = self.seen
            self.note("committed", self.seen)

    def message(self, channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        """Consume one message."""
        self.seen = properties.headers["x-stream-offset"]
        self.note("consumed", self.seen)
        channel.basic_ack(method.delivery_tag)
        if self.seen - self.committed >= COMMIT_EVERY:
            self.commit()

    def run(self, url: str, stream: str) -> None:
        """Consume until SIGTERM."""
        self.note("started", self.committed + 1)
        connection = pika.BlockingConnection(pika.URLParameters(url))
        channel = connection.channel()
        channel.basic_qos(prefetch_count=100)
        channel.basic_consume(stream, self.message, arguments={"x-stream-offset": self.committed + 1})
        print(f"{self.version}: consuming {stream} from offset {self.committed + 1}", flush=True)
        try:
            while True:
                connection.process_data_events(time_limit=0.2)
        except SystemExit:
            self.commit()
            print(f"{self.version}: stopped at offset {self.committed}", flush=True)
            raise


def main() -> None:
    """Consume what the environment names."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    while Path("/MODE").read_text() == "stuck":
        time.sleep(0.2)
    Consumer(Path("/VERSION").read_text()).run(os.environ["AMQP_URL"], os.environ["STREAM"])


if __name__ == "__main__":
    main()
