import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoField;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.elasticsearch.grok.Grok;
import org.elasticsearch.grok.GrokBuiltinPatterns;
import org.elasticsearch.grok.PatternBank;

/**
 * Elasticsearch's own grok in the parse benchmark: header, date, with "ssh" as argument the seven events of sshd too, JSON.
 * A line on stdin, INPUT tab OUTPUT tab MONTH, is a run; the answer is its lines, microseconds of CPU of all threads, and of wall clock.
 */
public final class GrokPeer {
    private static final Map<String, String> PATTERNS = Map.of(
        "SSHUSER", ".*",
        "PRINCIPAL", "[a-zA-Z0-9_/.-]+@%{HOSTNAME}");

    private record Event(String name, Grok grok) {}

    private final Grok header;
    private final List<Event> events;

    private GrokPeer(boolean ssh) {
        header = grok("\\A(?:<%{NONNEGINT:pri}>)?%{SYSLOGTIMESTAMP:timestamp} %{SYSLOGHOST:host} (?:%{PROG:program}(?:\\[%{POSINT:pid}\\])?: )?%{GREEDYDATA:message}");
        events = !ssh ? List.of() : List.of(
            new Event("AUTHN", grok("\\A(?<result>Accepted|Failed) %{NOTSPACE:method} for (?:invalid user )?%{SSHUSER:user} from %{IPORHOST:remote} port %{POSINT:port}")),
            new Event("AUTHZ", grok("\\A(?<result>Authorized) to %{SSHUSER:user}, krb5 principal %{PRINCIPAL:principal} \\(")),
            new Event("SCAN", grok("\\ADid not receive (?<result>identification) string from %{IPORHOST:remote}")),
            new Event("INVALID", grok("\\A(?<result>Invalid) user %{SSHUSER:user} from %{IPORHOST:remote}")),
            new Event("DISCONNECT", grok("\\AReceived (?<result>disconnect) from %{IPORHOST:remote}: 11: disconnected by user")),
            new Event("WRONGKEY", grok("\\AAuthentication (?<result>tried) for %{SSHUSER:user} with (?<method>correct key) but not from .*ip=%{IPORHOST:remote}")),
            new Event("REFUSED", grok("\\A(?<result>refused) connect from %{NOTSPACE} \\(%{IPORHOST:remote}\\)")));
    }

    private static Grok grok(String expression) {
        PatternBank bank = GrokBuiltinPatterns.get(false).extendWith(PATTERNS);
        return new Grok(bank, expression, warning -> {});
    }

    public static void main(String[] args) throws IOException {
        GrokPeer peer = new GrokPeer(args.length > 0 && args[0].equals("ssh"));
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String request; (request = requests.readLine()) != null; ) {
            String[] words = request.split("\t");
            long begin = System.nanoTime();
            long before = system.getProcessCpuTime();
            long lines = peer.run(words[0], words[1], Integer.parseInt(words[2].substring(0, 4)));
            long cpu = system.getProcessCpuTime() - before;
            System.out.println(lines + " " + cpu / 1000 + " " + (System.nanoTime() - begin) / 1000);
        }
    }

    private long run(String input, String output, int year) throws IOException {
        DateTimeFormatter stamp = new DateTimeFormatterBuilder()
            .appendPattern("MMM ").padNext(2).appendPattern("d HH:mm:ss")
            .parseDefaulting(ChronoField.YEAR, year)
            .toFormatter(Locale.ENGLISH);
        long lines = 0;
        StringBuilder document = new StringBuilder();
        try (
            BufferedReader in = new BufferedReader(new InputStreamReader(new FileInputStream(input), StandardCharsets.UTF_8), 1 << 16);
            OutputStream out = new BufferedOutputStream(new FileOutputStream(output), 1 << 16)
        ) {
            for (String line; (line = in.readLine()) != null; lines++) {
                document.setLength(0);
                Json.write(read(line, stamp), document);
                document.append('\n');
                out.write(document.toString().getBytes(StandardCharsets.UTF_8));
            }
        }
        return lines;
    }

    private Map<String, Object> read(String line, DateTimeFormatter stamp) {
        Map<String, Object> fields = header.captures(line);
        if (fields == null) return Map.of("message", line, "tags", "_grokparsefailure");
        Map<String, Object> document = new LinkedHashMap<>(fields);
        try {
            LocalDateTime time = LocalDateTime.parse((String) document.remove("timestamp"), stamp);
            document.put("@timestamp", DateTimeFormatter.ISO_INSTANT.format(time.toInstant(ZoneOffset.UTC)));
        } catch (DateTimeParseException e) {
            document.put("tags", "_dateparsefailure");
        }
        if (!events.isEmpty() && "sshd".equals(document.get("program"))) {
            String message = (String) document.get("message");
            for (Event event : events) {
                Map<String, Object> captures = event.grok().captures(message);
                if (captures == null) continue;
                Map<String, Object> ssh = new LinkedHashMap<>();
                ssh.put("event", event.name());
                ssh.putAll(captures);
                document.put("ssh", ssh);
                break;
            }
        }
        return document;
    }
}

/** As much of JSON as documents need. */
final class Json {
    private static final String HEX = "0123456789abcdef";

    private Json() {}

    static void write(Object value, StringBuilder out) {
        if (value instanceof Map<?, ?> map) {
            char separator = '{';
            for (Map.Entry<?, ?> field : map.entrySet()) {
                out.append(separator);
                string(field.getKey().toString(), out);
                out.append(':');
                write(field.getValue(), out);
                separator = ',';
            }
            out.append('}');
        } else {
            string(String.valueOf(value), out);
        }
    }

    private static void string(String text, StringBuilder out) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < ' ') out.append("\\u00").append(HEX.charAt(c >> 4)).append(HEX.charAt(c & 15));
            else if (c == '"' || c == '\\') out.append('\\').append(c);
            else out.append(c);
        }
        out.append('"');
    }
}
