// Elastic's grok for Go in the parse benchmark: header, date, with "ssh" as argument the seven events of sshd too, JSON.
// A line on stdin, INPUT tab OUTPUT tab MONTH, is a run; the answer is its lines, microseconds of CPU of all threads, and of wall clock.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/elastic/go-grok"
)

type event struct {
	name string
	grok *grok.Grok
}

type peer struct {
	header *grok.Grok
	events []event
}

func main() {
	p := newPeer(len(os.Args) > 1 && os.Args[1] == "ssh")
	requests := bufio.NewScanner(os.Stdin)
	for requests.Scan() {
		words := strings.Split(requests.Text(), "\t")
		begin, before := time.Now(), cpuMicros()
		lines, err := p.run(words[0], words[1], words[2][:4])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(lines, cpuMicros()-before, time.Since(begin).Microseconds())
	}
}

func newPeer(ssh bool) *peer {
	p := &peer{header: compile(`^(?:<%{NONNEGINT:pri}>)?%{SYSLOGTIMESTAMP:timestamp} %{SYSLOGHOST:host} (?:%{PROG:program}(?:\[%{POSINT:pid}\])?: )?%{GREEDYDATA:message}`)}
	if ssh {
		p.events = []event{
			{"AUTHN", compile(`^(?P<result>Accepted|Failed) %{NOTSPACE:method} for (?:invalid user )?%{SSHUSER:user} from %{IPORHOST:remote} port %{POSINT:port}`)},
			{"AUTHZ", compile(`^(?P<result>Authorized) to %{SSHUSER:user}, krb5 principal %{PRINCIPAL:principal} \(`)},
			{"SCAN", compile(`^Did not receive (?P<result>identification) string from %{IPORHOST:remote}`)},
			{"INVALID", compile(`^(?P<result>Invalid) user %{SSHUSER:user} from %{IPORHOST:remote}`)},
			{"DISCONNECT", compile(`^Received (?P<result>disconnect) from %{IPORHOST:remote}: 11: disconnected by user`)},
			{"WRONGKEY", compile(`^Authentication (?P<result>tried) for %{SSHUSER:user} with (?P<method>correct key) but not from .*ip=%{IPORHOST:remote}`)},
			{"REFUSED", compile(`^(?P<result>refused) connect from %{NOTSPACE} \(%{IPORHOST:remote}\)`)},
		}
	}
	return p
}

func compile(expression string) *grok.Grok {
	g, err := grok.NewComplete(map[string]string{"SSHUSER": ".*", "PRINCIPAL": `[a-zA-Z0-9_/.-]+@%{HOSTNAME}`})
	if err == nil {
		err = g.Compile(expression, true)
	}
	if err != nil {
		panic(err)
	}
	return g
}

func (p *peer) run(input, output, year string) (int, error) {
	in, err := os.Open(input)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := os.OpenFile(output, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	reader, writer := bufio.NewReaderSize(in, 1<<16), bufio.NewWriterSize(out, 1<<16)
	documents := json.NewEncoder(writer)
	documents.SetEscapeHTML(false)
	for lines := 0; ; lines++ {
		line, err := reader.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			return lines, writer.Flush()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return lines, err
		}
		document, err := p.read(strings.TrimRight(line, "\r\n"), year)
		if err == nil {
			err = documents.Encode(document)
		}
		if err != nil {
			return lines, err
		}
	}
}

func (p *peer) read(line, year string) (map[string]any, error) {
	fields, err := p.header.ParseString(line)
	if err != nil {
		return nil, err
	}
	if len(fields) == 0 {
		return map[string]any{"message": line, "tags": "_grokparsefailure"}, nil
	}
	document := make(map[string]any, len(fields)+1)
	for name, value := range fields {
		document[name] = value
	}
	delete(document, "timestamp")
	if stamp, err := time.Parse("2006 Jan _2 15:04:05", year+" "+fields["timestamp"]); err == nil {
		document["@timestamp"] = stamp.Format(time.RFC3339)
	} else {
		document["tags"] = "_dateparsefailure"
	}
	if fields["program"] != "sshd" {
		return document, nil
	}
	for _, event := range p.events {
		captures, err := event.grok.ParseString(fields["message"])
		if err != nil {
			return nil, err
		}
		if len(captures) > 0 {
			captures["event"] = event.name
			document["ssh"] = captures
			break
		}
	}
	return document, nil
}

func cpuMicros() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return (usage.Utime.Nano() + usage.Stime.Nano()) / 1000
}
