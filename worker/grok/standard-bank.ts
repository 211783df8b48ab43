import type { PatternFile, StandardBank } from "../contract/grok.ts";
import { mergeBanks, nestDottedFields, parseBank, type Bank } from "./bank.ts";

/**
 * A standard bank from the copy that Elasticsearch carries (`patterns/<bank>/*` in its grok jar), with what that copy has
 * lost put back and nested fields named as Logstash names them.
 * @source Elasticsearch 8.19.21, elasticsearch-grok; compared with logstash-patterns-core 4.3.4 definition by definition
 */
export function standardBank(name: StandardBank, files: readonly PatternFile[]): Bank {
  const bank = mergeBanks(...files.map((file) => parseBank(file.text, `${name}/${file.name}`)));
  const mended = new Map(bank);
  for (const { definition, wrong, right } of ERRATA[name]) {
    const found = bank.get(definition);
    // Another release may have mended it.
    if (found)
      mended.set(definition, { ...found, text: (mended.get(definition) ?? found).text.replace(wrong, () => right) });
  }
  return nestDottedFields(mended);
}

interface Erratum {
  readonly definition: string;
  readonly wrong: string;
  readonly right: string;
}

/**
 * What differs from the originals. Turning `[a][b]` into `a.b` took brackets away that belonged to the expression; such
 * a definition never matches what it is for, or is none at all. Three of the old bank are older wordings.
 */
const ERRATA: Readonly<Record<StandardBank, readonly Erratum[]>> = {
  legacy: [
    { definition: "UNIXPATH", wrong: String.raw`(/([\w_%!$@:.,+~-]+|\\.)*)+`, right: "(/[[[:alnum:]]_%!$@:.,+~-]*)+" },
    { definition: "LOGLEVEL", wrong: "[Ii]nfo|INFO|", right: "[Ii]nfo?(?:rmation)?|INFO?(?:RMATION)?|" },
    { definition: "TIMESTAMP_ISO8601", wrong: "%{ISO8601_HOUR}", right: "%{HOUR}" },
  ],
  "ecs-v1": [
    ...["CISCOFW106023", "CISCOFW106100", "CISCOFW106100_2_3"].map((definition) => ({
      definition,
      wrong: String.raw`\%{DATA:[@metadata`,
      right: String.raw`\[%{DATA:@metadata`,
    })),
    { definition: "CISCOFW733100", wrong: String.raw`\\s*%{DATA:[cisco`, right: String.raw`\[\s*%{DATA:cisco` },
    { definition: "ELB_URI", wrong: "(?::^@*)", right: "(?::[^@]*)" },
    { definition: "EXIM_REMOTE_HOST", wrong: String.raw`\%{IP:source.ip}\]`, right: String.raw`\[%{IP:source.ip}\]` },
    { definition: "IPTABLES", wrong: "(?::A-Fa-f0-9{2}:A-Fa-f0-9{2})", right: "(?::[A-Fa-f0-9]{2}:[A-Fa-f0-9]{2})" },
    {
      definition: "S3_ACCESS_LOG",
      wrong: String.raw`\%{HTTPDATE:timestamp}\ `,
      right: String.raw`\[%{HTTPDATE:timestamp}\] `,
    },
    ...["ZEEK_FILES_RX_HOSTS", "ZEEK_FILES_TX_HOSTS"].map((definition) => ({
      definition,
      wrong: String.raw`(?:\s,%{IP})`,
      right: String.raw`(?:[\s,]%{IP})`,
    })),
  ],
};
