# Copyright (c) 2026 the muster.fleet authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""RabbitMQ with streams, in a container of its own, and what a test needs to know of a stream."""

from __future__ import annotations

import time
from pathlib import Path

from . import root
from .command import CommandFailed
from .daemon import Daemon
from .images import Image, image, layer

CONSUMER = Path(__file__).with_name("consumer.py")
USER = "annotator"
# Runs in the broker's container: publishes COUNT messages, PAUSE seconds apart, and waits until each is stored. It ends
# early, between two messages, when it is told so by a file, which it takes away.
QUIET = "/run/quiet"
PUBLISH = """
import os, sys, time, pika
stream, count, pause = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
channel = pika.BlockingConnection().channel()
channel.queue_declare(stream, durable=True, arguments={"x-queue-type": "stream"})
channel.confirm_delivery()
for number in range(count):
    if os.path.exists("/run/quiet"):
        os.remove("/run/quiet")
        break
    channel.basic_publish("", stream, b"annotation %d" % number)
    time.sleep(pause)
"""
# Prints the offset of the last message: reads the last chunk to its end. A stream's length is what it retains instead.
LAST = """
import sys, pika
channel = pika.BlockingConnection().channel()
channel.basic_qos(prefetch_count=1000)
last = -1
for method, properties, _ in channel.consume(sys.argv[1], arguments={"x-stream-offset": "last"}, inactivity_timeout=1):
    if method is None:
        break
    last = properties.headers["x-stream-offset"]
    channel.basic_ack(method.delivery_tag)
print(last)
"""


class Broker:
    """The broker at ``address``; its user's password is ``password``."""

    def __init__(self, daemon: Daemon, name: str, address: str, password: str) -> None:
        self.daemon, self.name, self.address = daemon, name, address
        self.url = f"amqp://{USER}:{password}@{address}:5672/%2F"
        self._password = password

    def create(self, machine_image: str, *options: str) -> None:
        """Start the container of the broker; ``options`` are more of ``docker run``."""
        own = ["--name", self.name, "--hostname", self.name, "--network", "rack", "--ip", self.address]
        self.daemon.docker("run", "-d", *own, *options, machine_image, "rabbitmq-server")

    def wait(self) -> None:
        """Wait until it takes connections, and make its user."""
        ends = time.monotonic() + 90
        while True:
            try:
                self._exec("rabbitmqctl", "await_startup", "--timeout", "60")
                break
            except CommandFailed:
                if time.monotonic() > ends:
                    raise
                time.sleep(1)
        self._exec("rabbitmqctl", "add_user", USER, self._password)
        self._exec("rabbitmqctl", "set_permissions", USER, ".*", ".*", ".*")

    def publish(self, stream: str, count: int, pause_s: float = 0.0, *, wait: bool = True) -> None:
        """Publish messages; without ``wait`` they keep coming while the test goes on."""
        words = ["python3", "-c", PUBLISH, stream, str(count), str(pause_s)]
        if wait:
            self._exec(*words)
        else:
            self.daemon.docker("exec", "-d", self.name, *words)

    def stop_publishing(self) -> None:
        """Let no more messages come."""
        self._exec("sh", "-c", f"touch {QUIET}; while [ -e {QUIET} ]; do sleep 0.05; done")

    def last_offset(self, stream: str) -> int:
        """Return the offset of the stream's last message, -1 if it has none."""
        return int(self._exec("python3", "-c", LAST, stream))

    def retained(self, stream: str) -> int:
        """Return what the broker calls the queue's messages: of a stream, all that it retains, read or not."""
        rows = self._exec("rabbitmqctl", "-q", "list_queues", "name", "messages", "--no-table-headers").splitlines()
        return next(int(row.split()[1]) for row in rows if row.split()[:1] == [stream])

    def _exec(self, *words: str) -> str:
        return self.daemon.docker("exec", self.name, *words)


def consumer(daemon: Daemon, version: str, mode: str) -> Image:
    """Return an image of the consumer: Python and the broker's client out of the machines' root, and the program."""
    program = layer({"consumer.py": CONSUMER.read_text(), "VERSION": version, "MODE": mode})
    config = {"Entrypoint": ["/usr/bin/python3", "/consumer.py"], "StopSignal": "SIGTERM"}
    return image([root.python_layer(daemon).read_bytes(), program], config)
