"""A trainer that speaks Kafka and Avro itself, without `retrainer worker`. README.md says when that is worth it."""

import logging
import os
import signal
import socket
import threading
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from fastavro import schemaless_reader, schemaless_writer
from fastavro.schema import fingerprint, load_schema, to_parsing_canonical_form

from train import train

BROKERS = {"bootstrap.servers": os.environ.get("VTY_BROKERS", "127.0.0.1:9092"), "enable.metrics.push": False}
# What an aborted transaction wrote was never commanded. Offsets are committed by hand, when the end is written.
READER = BROKERS | {"isolation.level": "read_committed", "auto.offset.reset": "earliest", "enable.auto.commit": False}
GROUP = {"group.id": "retrain.consumer.py", "session.timeout.ms": 10_000}
SCHEMAS = Path(__file__).parents[2] / "schemas"
REGISTRY = os.environ.get("VTY_SCHEMA_REGISTRY")
WORKER = f"{socket.gethostname()}:{os.getpid()}"
log = logging.getLogger("consumer")


class Codec:
    """Avro's single-object framing: C3 01, the fingerprint of the schema, the record. With a registry it reads Confluent's too."""

    def __init__(self, name):
        text = (SCHEMAS / f"{name}.avsc").read_text()
        self.schema = load_schema(SCHEMAS / f"{name}.avsc")
        self.by_id = REGISTRY and AvroDeserializer(SchemaRegistryClient({"url": REGISTRY}), text)
        canonical = to_parsing_canonical_form(self.schema)
        self.header = b"\xc3\x01" + bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO"))  # little-endian already

    def decode(self, value):
        if self.by_id and value and value[0] == 0:  # 00, the schema's id in the registry, the record
            return self.by_id(value)
        if not value or not value.startswith(self.header):
            raise ValueError(f"no {self.schema['name']} as in {SCHEMAS}; if the retrainer is newer, take its schemas")
        return schemaless_reader(BytesIO(value[len(self.header) :]), self.schema)

    def encode(self, record):
        out = BytesIO()
        schemaless_writer(out, self.schema, record)
        return self.header + out.getvalue()


COMMAND, PROGRESS = Codec("Command"), Codec("Progress")


class Trainer:
    def __init__(self):
        self.consumer = Consumer(READER | GROUP)
        # Without a time limit: a broker that is away comes back, and an end that was not written is a training for nothing.
        self.producer = Producer(BROKERS | {"enable.idempotence": True, "message.timeout.ms": 0})
        self.training = self.stopping = False

    def run(self):
        self.consumer.subscribe(["retrain.commands"], on_assign=self.assigned)
        log.info("waiting for commands")
        while True:
            message = self.poll(self.consumer, 1)
            if message is None:
                continue
            if message.error():
                log.warning("%s", message.error())  # librdkafka goes on trying
                continue
            command = COMMAND.decode(message.value())  # fails: to go on would leave a command untrained
            if why := self.declines(command):
                log.info("%s left alone: %s", command["command_id"], why)
            else:
                self.take(command)
            try:
                self.consumer.commit(message, asynchronous=False)
            except KafkaException as e:  # the partition is another's by now, who finds the end in the progress topic
                log.warning("offset not committed: %s", e)

    def stop(self, *_):
        self.stopping = True

    def poll(self, consumer, seconds):
        """What has come. Whoever is told to end does so here: a signal that raises in the midst of librdkafka is lost there."""
        message = consumer.poll(seconds)
        if self.stopping:
            raise KeyboardInterrupt
        return message

    def assigned(self, consumer, partitions):
        consumer.assign(partitions)
        if self.training:
            consumer.pause(partitions)

    def declines(self, command):
        if command["kind"] != "train" or command["claim"] != "none":
            return "it asks for what this trainer cannot do"
        told = self.told(command)
        if told & {"succeeded", "failed"}:
            return "its end is written already"
        if not told and datetime.now(UTC) > command["start_by"]:
            return "it had to be started before"
        return ""

    def told(self, command):
        """What was said of a command: by this trainer before a crash, or by another that had the partition before."""
        reader = Consumer(READER | {"group.id": "unused", "enable.partition.eof": True})
        topic = reader.list_topics("retrain.progress", timeout=60).topics["retrain.progress"]
        since = int((command["issued_at"] - timedelta(hours=1)).timestamp() * 1000)  # clocks differ
        starts = [TopicPartition(topic.topic, partition, since) for partition in topic.partitions]
        reader.assign(reader.offsets_for_times(starts, timeout=60))
        kinds, unread = set(), set(topic.partitions)
        while unread:
            message = self.poll(reader, 1)
            if message and not message.error():
                try:
                    progress = PROGRESS.decode(message.value())
                except Exception:  # no trainer's word, and a dead letter of the retrainer's
                    log.exception("offset %d of retrain.progress left alone", message.offset())
                    continue
                if progress["command_id"] == command["command_id"]:
                    kinds.add(progress["kind"])
            elif message and message.error().code() == KafkaError._PARTITION_EOF:
                unread.discard(message.partition())
        reader.close()
        return kinds

    def take(self, command):
        self.tell(command, kind="started")
        log.info("%s: %s training of %s", command["command_id"], command["action"], command["model"])
        # A training may outlast max.poll.interval.ms, after which the group gives the command to another trainer. So it runs
        # in a thread, and the paused consumer is polled on. It ends with the process, and is begun again by the next.
        end = {}
        thread = threading.Thread(target=self.carry_out, args=(command, end), daemon=True)
        self.training = True
        self.consumer.pause(self.consumer.assignment())
        thread.start()
        while thread.is_alive():
            self.poll(self.consumer, 0.2)
        self.tell(command, **end)
        while self.producer.flush(0.2):
            self.poll(self.consumer, 0)
        self.training = False
        self.consumer.resume(self.consumer.assignment())
        log.info("%s: %s", command["command_id"], end)

    def carry_out(self, command, end):
        try:
            result = train(command, Path("retrainer-models"), lambda step: self.tell(command, kind="progress", **step))
            end.update(kind="succeeded", **result)
        except Exception as e:
            log.exception("%s", command["command_id"])
            end.update(kind="failed", error_code=type(e).__name__, error_message=str(e), retryable=False)

    def tell(self, command, **fields):
        progress = {"command_id": command["command_id"], "worker": WORKER, "at": datetime.now(UTC), **fields}
        value = PROGRESS.encode(progress)
        self.producer.produce("retrain.progress", value, key=command["command_id"], on_delivery=delivered)
        self.producer.poll(0)


def delivered(error, _):
    if error:
        raise KafkaException(error)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    trainer = Trainer()
    for told in signal.SIGINT, signal.SIGTERM:
        signal.signal(told, trainer.stop)
    try:
        trainer.run()
    except KeyboardInterrupt:
        pass
    finally:
        trainer.consumer.close()  # leaves the group, so that others have its partitions at once
