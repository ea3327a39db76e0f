package org.example.monitoring;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.message.BinaryMessageDecoder;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;

/** Avro's single-object framing, without a registry: C3 01, the fingerprint of the schema, the record. */
final class SingleObject {
    static final GenericData PLAIN = new GenericData(); // timestamps stay longs

    static Schema schema(Path file) {
        try {
            return new Schema.Parser().parse(file.toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Serializer<GenericRecord> serializer(Schema schema) {
        BinaryMessageEncoder<GenericRecord> encoder = new BinaryMessageEncoder<>(PLAIN, schema);
        return (topic, record) -> {
            try {
                java.nio.ByteBuffer buffer = encoder.encode(record);
                byte[] bytes = new byte[buffer.remaining()];
                buffer.get(bytes);
                return bytes;
            } catch (IOException e) {
                throw new SerializationException(e);
            }
        };
    }

    /** Reads what was written with one of the schemas. */
    static Deserializer<GenericRecord> deserializer(Schema... schemas) {
        BinaryMessageDecoder<GenericRecord> decoder = new BinaryMessageDecoder<>(PLAIN, null);
        for (Schema schema : schemas) {
            decoder.addSchema(schema);
        }
        return (topic, bytes) -> {
            try {
                return bytes == null ? null : decoder.decode(bytes);
            } catch (IOException e) {
                throw new SerializationException(e);
            }
        };
    }

    private SingleObject() {}
}
