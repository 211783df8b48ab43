import type { Rules } from "../contract/rules.ts";

/**
 * A pipeline that uses each filter and each kind of capture, for the specimens: what the program makes of it is a part of every
 * pipeline's hash. A new filter gets a step here.
 */
export const SPECIMEN_RULES: Rules = {
  pipelines: [
    {
      services: ["syslog"],
      file: "specimens",
      text: `
name: specimens
filters:
  - stage: sshd
    if: '[program] =~ /^sshd/'
    filters:
      - grok:
          match:
            message:
              - '^(?<[ssh][result]>Accepted|Failed) %{WORD:[ssh][method]} for (?:invalid user )?(?<[ssh][user]>.*) from (?<[ssh][remote]>%{WORD:[ssh][remote_ip]:ip})(?: port %{NUMBER:[ssh][port]:int})?'
              - '(?i)^(?<[ssh][result]>invalid) user (?<[ssh][user]>.*?) from (?<[ssh][remote]>\\S++)'
          add_field: { '[ssh][event]': AUTHN }
          tag_on_failure: [_missed]
      - if: '![ssh][user]'
        then:
          - mutate: { add_field: { note: 'nobody' } }
  - if: '[message] =~ /^scratch|repeated/ or [pid] > 100'
    then:
      - dissect: { mapping: { message: '%{first} %{+first} %{?rest}' }, tag_on_failure: [] }
      - kv: { target: pairs }
      - mutate: { uppercase: [first], gsub: [first, 'A+', 'a'] }
  - syslog_pri: {}
  - json: { source: message, skip_on_invalid_json: true, target: parsed }
  - truncate: { fields: [note], length_bytes: 3 }
  - date: { match: ['[parsed][time]', ISO8601, UNIX], tag_on_failure: [] }
  - if: '[program] == "dropped-two"'
    then:
      - drop: { reason: specimen }
  - tags: { add: [seen], remove: [_missed] }
`,
    },
  ],
  otherwise: "syslog",
  patterns: [
    { name: "WORD", text: "[^ ]+", where: "specimens" },
    { name: "NUMBER", text: "[0-9]+", where: "specimens" },
  ],
  databases: [],
};
