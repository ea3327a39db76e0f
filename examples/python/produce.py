"""Writes events to Kafka as a monitoring pipeline in Python would. README.md says which framing is for whom."""

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient, header_schema_id_serializer
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from fastavro import parse_schema, schemaless_writer
from fastavro.schema import fingerprint, to_parsing_canonical_form

HERE = Path(__file__).parent


def arguments():
    env = os.environ.get
    p = argparse.ArgumentParser(description="JSON lines of standard input become events in Kafka, as Avro.")
    p.add_argument("topic", help="monitoring.drift, monitoring.performance")
    p.add_argument("--brokers", default=env("VTY_BROKERS", "127.0.0.1:9092"))
    p.add_argument("--registry", default=env("VTY_SCHEMA_REGISTRY"), metavar="URL", help="of a schema registry")
    framings = ["prefix", "header", "single-object", "bare"]
    p.add_argument("--framing", choices=framings, help="default: prefix with a registry, else single-object")
    p.add_argument("--schema", type=Path, metavar="FILE", help="of the records; default: drift_check.avsc or quality_check.avsc "
                   "with a registry, the retrainer's own for single-object, which has no other way to know it")  # fmt: skip
    p.add_argument("--compression", default="zstd", choices=["none", "gzip", "snappy", "lz4", "zstd"])
    a = p.parse_args()
    a.framing = a.framing or ("prefix" if a.registry else "single-object")
    if a.framing in ("prefix", "header") and not a.registry:
        p.error(f"--framing {a.framing} needs --registry")
    if not a.schema:
        ours, own = ("DriftEvent", "drift_check") if "drift" in a.topic else ("PerformanceEvent", "quality_check")
        a.schema = HERE / f"{own}.avsc" if a.framing != "single-object" else HERE.parents[1] / "schemas" / f"{ours}.avsc"
    return a


def by_registry(a, text):
    """Confluent's framing: 00 and the schema's id in four bytes before the record, or a header with the schema's GUID."""
    user = os.environ.get("VTY_SCHEMA_REGISTRY_USER")
    login = {"basic.auth.user.info": f"{user}:{os.environ['VTY_SCHEMA_REGISTRY_PASSWORD']}"} if user else {}
    conf = {"subject.name.strategy.type": "TOPIC"}
    if a.framing == "header":
        conf["schema.id.serializer"] = header_schema_id_serializer
    serializer = AvroSerializer(SchemaRegistryClient({"url": a.registry} | login), text, conf=conf)

    def serialize(record):
        context = SerializationContext(a.topic, MessageField.VALUE, [])
        return serializer(record, context), context.headers

    return serialize


def by_itself(a, text):
    """Avro's single-object framing: C3 01, the schema's fingerprint, the record; or the bare record."""
    schema = parse_schema(json.loads(text))
    mark = b"\xc3\x01" + bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))

    def serialize(record):
        out = BytesIO(b"" if a.framing == "bare" else mark)
        out.seek(0, os.SEEK_END)
        schemaless_writer(out, schema, record)
        return out.getvalue(), []

    return serialize


def record_of(line):
    record = json.loads(line)
    # By the line, so that a line sent twice is one event; the retrainer folds it once.
    record.setdefault("event_id", str(uuid5(NAMESPACE_OID, line)))
    for field in ("timestamp", "window_start", "window_end"):
        if field in record:
            record[field] = datetime.fromisoformat(record[field])
    record.setdefault("timestamp", datetime.now(UTC))
    return record


def main():
    a = arguments()
    text = a.schema.read_text()
    serialize = (by_registry if a.framing in ("prefix", "header") else by_itself)(a, text)
    failed = []
    producer = Producer({
        "bootstrap.servers": a.brokers,
        "enable.idempotence": True, "acks": "all",  # a retry writes nothing twice, and in order
        "partitioner": "murmur2_random",  # that of Java; librdkafka's own puts the same key elsewhere
        "compression.type": a.compression, "linger.ms": 20, "enable.metrics.push": False,
    })  # fmt: skip
    written = 0
    for number, line in enumerate(sys.stdin, 1):
        try:
            record = record_of(line)
            value, headers = serialize(record)
        except Exception as e:
            producer.flush()
            raise SystemExit(f"line {number}: {type(e).__name__}: {e}; {written} written before it") from e
        key = record.get("stream_id") or record.get("model_id")
        while True:
            try:
                producer.produce(a.topic, value, key=key, headers=headers, on_delivery=lambda e, _: e and failed.append(e))
                break
            except BufferError:  # librdkafka's queue is full
                producer.poll(0.1)
        producer.poll(0)
        written += 1
    producer.flush()
    if failed:
        sys.exit(f"{len(failed)} of {written} not written: {failed[0]}")
    print(f"{written} written to {a.topic}")


if __name__ == "__main__":
    main()
