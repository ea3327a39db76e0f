package org.example.monitoring;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Writes the JSON lines of standard input to a topic of events: Events TOPIC [compression]. */
public final class Events {
    public static void main(String[] args) throws Exception {
        String topic = args[0];
        String registry = System.getenv("APICURIO_URL");
        Schema schema = schema(topic, registry != null);
        Properties settings = new Properties();
        settings.put("bootstrap.servers", System.getenv().getOrDefault("VTY_BROKERS", "127.0.0.1:9092"));
        settings.put("compression.type", args.length > 1 ? args[1] : "zstd");
        settings.put("linger.ms", "20");
        settings.put("acks", "all"); // and idempotence: both are the defaults of this client, and its partitioner is murmur2

        AtomicReference<Exception> failed = new AtomicReference<>();
        int written = 0;
        ObjectMapper json = new ObjectMapper();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), serializer(schema, registry))) {
            for (String line; (line = lines.readLine()) != null; written++) {
                JsonNode fields = json.readTree(line);
                String key = fields.has("stream_id") ? fields.get("stream_id").asText() : fields.get("model_id").asText();
                producer.send(new ProducerRecord<>(topic, key, record(schema, line, fields)), (to, e) -> {
                    if (e != null) failed.compareAndSet(null, e);
                });
            }
        }
        if (failed.get() != null) throw failed.get();
        System.out.println(written + " written to " + topic);
    }

    /** Without a registry the retrainer knows only its own schemas; with one it takes any with the same field names. */
    private static Schema schema(String topic, boolean registered) throws IOException {
        boolean drift = topic.contains("drift");
        if (!registered) {
            return SingleObject.schema(Path.of("schemas", drift ? "DriftEvent.avsc" : "PerformanceEvent.avsc"));
        }
        try (InputStream own = Events.class.getResourceAsStream(drift ? "/drift_check.avsc" : "/quality_check.avsc")) {
            return new Schema.Parser().parse(own);
        }
    }

    private static Serializer<GenericRecord> serializer(Schema schema, String registry) {
        if (registry == null) {
            return SingleObject.serializer(schema);
        }
        // 00, the schema's id in four bytes, the record. The id is the contentId, which is the id of the registry's Confluent API;
        // with "globalId" serve needs --registry-id global.
        Serializer<GenericRecord> serializer = new AvroKafkaSerializer<>();
        serializer.configure(Map.of("apicurio.registry.url", registry, "apicurio.registry.auto-register", true,
            "apicurio.registry.use-id", System.getenv().getOrDefault("APICURIO_USE_ID", "contentId")), false);
        return serializer;
    }

    private static GenericRecord record(Schema schema, String line, JsonNode fields) {
        GenericRecord record = new GenericData.Record(schema);
        for (Schema.Field field : schema.getFields()) {
            JsonNode value = fields.get(field.name());
            if (value != null && value.isNumber()) {
                record.put(field.name(), value.asDouble());
            } else if (value != null && field.name().equals("timestamp")) {
                record.put(field.name(), Instant.parse(value.asText()).toEpochMilli());
            } else if (value != null && value.isTextual()) {
                record.put(field.name(), value.asText());
            }
        }
        if (record.get("timestamp") == null) record.put("timestamp", System.currentTimeMillis());
        if (record.get("event_id") == null) { // by the line, so that a line sent twice is one event
            record.put("event_id", UUID.nameUUIDFromBytes(line.getBytes(StandardCharsets.UTF_8)).toString());
        }
        return record;
    }

    private Events() {}
}
