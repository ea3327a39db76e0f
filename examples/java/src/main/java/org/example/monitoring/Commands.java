package org.example.monitoring;

import io.apicurio.registry.serde.avro.AvroKafkaDeserializer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Prints commands and results, one JSON line each, from the first on: Commands [how many, then it ends]. */
public final class Commands {
    public static void main(String[] args) {
        int left = args.length > 0 ? Integer.parseInt(args[0]) : Integer.MAX_VALUE;
        Properties settings = new Properties();
        settings.put("bootstrap.servers", System.getenv().getOrDefault("VTY_BROKERS", "127.0.0.1:9092"));
        settings.put("group.id", "org.example.monitoring");
        settings.put("auto.offset.reset", "earliest");
        settings.put("isolation.level", "read_committed"); // the default shows commands that were aborted, so never given

        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), deserializer(System.getenv("APICURIO_URL")))) {
            String app = System.getenv().getOrDefault("VTY_APP", "retrain");
            consumer.subscribe(List.of(app + ".commands", app + ".results"));
            while (left > 0) {
                for (ConsumerRecord<String, GenericRecord> record : consumer.poll(Duration.ofSeconds(1))) {
                    if (left-- > 0) System.out.println(record.value());
                }
            }
        }
    }

    private static Deserializer<GenericRecord> deserializer(String registry) {
        Deserializer<GenericRecord> byFingerprint = SingleObject.deserializer(
            SingleObject.schema(Path.of("schemas", "Command.avsc")), SingleObject.schema(Path.of("schemas", "Result.avsc")));
        if (registry == null) {
            return byFingerprint;
        }
        Deserializer<GenericRecord> byId = new AvroKafkaDeserializer<>();
        byId.configure(Map.of("apicurio.registry.url", registry), false);
        return new Deserializer<>() { // a topic has both framings when the registry came later
            @Override
            public GenericRecord deserialize(String topic, byte[] bytes) {
                return (bytes != null && bytes[0] == 0 ? byId : byFingerprint).deserialize(topic, bytes);
            }

            @Override
            public void close() {
                byId.close(); // its client has threads of its own, which would keep the program alive
            }
        };
    }

    private Commands() {}
}
