import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.elasticsearch.grok.Grok;
import org.elasticsearch.grok.GrokBuiltinPatterns;

/**
 * Elasticsearch's own grok as a second opinion. Reads JSON lines {bank, patterns, pattern, message} and answers each with
 * {"captures": {…}}, {"captures": null} for a miss, or {"error": "…"}. `bank` is "legacy" or "ecs-v1", the first when it is left
 * out; `patterns` holds further definitions, those of the line before when it is left out.
 *
 * Elasticsearch knows no field references: `[a][b]` in an expression becomes `a.b`, and so it is in the answer. A type that it does
 * not know is a string to it; empty captures are told.
 *
 * Started with the jars of a runtime on the class path: java -cp 'lib/*' GrokOracle.java
 */
public final class GrokOracle {
    /** A field reference where a capture is named: behind `(?<` or `%{NAME:`. */
    private static final Pattern CAPTURE = Pattern.compile("(\\(\\?<|%\\{\\w+:)((?:\\[[@A-Za-z_][\\w@.-]*\\])+)");

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        Map<String, String> patterns = Map.of();
        Map<String, Grok> compiled = new HashMap<>();
        for (String line; (line = in.readLine()) != null; ) {
            StringBuilder answer = new StringBuilder();
            try {
                Map<String, Object> question = Json.object(line);
                if (question.get("patterns") instanceof Map<?, ?> given) {
                    Map<String, String> read = new LinkedHashMap<>();
                    given.forEach((name, regex) -> read.put((String) name, dotted((String) regex)));
                    if (!read.equals(patterns)) {
                        patterns = read;
                        compiled.clear();
                    }
                }
                String bank = question.get("bank") instanceof String name ? name : "legacy";
                String pattern = (String) question.get("pattern");
                Grok grok = compiled.get(bank + " " + pattern);
                if (grok == null) {
                    boolean ecs = bank.equals("ecs-v1");
                    grok = new Grok(GrokBuiltinPatterns.get(ecs).extendWith(patterns), dotted(pattern), warning -> {});
                    compiled.put(bank + " " + pattern, grok);
                }
                answer.append("{\"captures\":");
                Json.write(grok.captures((String) question.get("message")), answer);
            } catch (RuntimeException e) {
                answer.setLength(0);
                answer.append("{\"error\":");
                Json.write(String.valueOf(e.getMessage()), answer);
            }
            out.println(answer.append('}'));
            if (!in.ready()) out.flush();
        }
        out.flush();
    }

    private static String dotted(String regex) {
        return CAPTURE.matcher(regex).replaceAll(found -> Matcher.quoteReplacement(
            found.group(1) + found.group(2).substring(1, found.group(2).length() - 1).replace("][", ".")));
    }
}

/** As much of JSON as the questions and answers need. */
final class Json {
    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> object(String text) {
        return (Map<String, Object>) new Json(text).value();
    }

    private Object value() {
        char first = next();
        if (first == '"') return string();
        if (first == '{') {
            Map<String, Object> object = new LinkedHashMap<>();
            if (peek() == '}') at++;
            else
                do {
                    if (next() != '"') throw new IllegalArgumentException("a key was expected at " + at);
                    String key = string();
                    if (next() != ':') throw new IllegalArgumentException("a colon was expected at " + at);
                    object.put(key, value());
                } while (next() == ',');
            return object;
        }
        int start = --at;
        while (at < text.length() && ",}] ".indexOf(text.charAt(at)) < 0) at++;
        return text.substring(start, at);
    }

    private String string() {
        StringBuilder value = new StringBuilder();
        for (char c; (c = text.charAt(at++)) != '"'; ) {
            if (c != '\\') {
                value.append(c);
                continue;
            }
            c = text.charAt(at++);
            int escape = "nrtbf".indexOf(c);
            if (c == 'u') {
                value.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                at += 4;
            } else value.append(escape < 0 ? c : "\n\r\t\b\f".charAt(escape));
        }
        return value.toString();
    }

    private char peek() {
        while (text.charAt(at) == ' ') at++;
        return text.charAt(at);
    }

    private char next() {
        char c = peek();
        at++;
        return c;
    }

    static void write(Object value, StringBuilder out) {
        if (value instanceof Map<?, ?> map) {
            out.append('{');
            map.forEach((key, field) -> {
                if (out.charAt(out.length() - 1) != '{') out.append(',');
                write(key, out);
                out.append(':');
                write(field, out);
            });
            out.append('}');
        } else if (value instanceof String string) {
            out.append('"');
            for (char c : string.toCharArray()) {
                if (c < ' ') out.append(String.format("\\u%04x", (int) c));
                else if (c == '"' || c == '\\') out.append('\\').append(c);
                else out.append(c);
            }
            out.append('"');
        } else out.append(value);
    }
}
