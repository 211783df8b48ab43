import { Random, zipf, type WeightedTable } from "./random.ts";

/** What a machine is for; it decides what its syslog talks about. */
export type HostRole = "worker" | "frontend" | "mail" | "monitor";

export interface Host {
  readonly name: string;
  /** Names the host's folder, as `%fromhost-ip%` does at the collector. */
  readonly ip: string;
  readonly role: HostRole;
  /** Fixed number of this host, from which its daemons' process ids are made. */
  readonly number: number;
}

/** Everybody and everything that the lines speak of. Addresses are from ranges that are nobody's (RFC 2544, 3849, 5737, 1918). */
export interface Population {
  readonly hosts: readonly Host[];
  /** Machines of the cloud that lived on one day only. */
  readonly shortLived: readonly Host[];
  readonly users: readonly string[];
  readonly userRank: WeightedTable;
  /** Where people log in from. */
  readonly homes: readonly string[];
  readonly homeRank: WeightedTable;
  readonly attackers: readonly string[];
  readonly attackerRank: WeightedTable;
  /** Names that attackers try. */
  readonly guesses: readonly string[];
  readonly guessRank: WeightedTable;
}

const CLUSTERS = ["hildor", "skirit", "tarkil", "nympha", "minos", "konos", "perian", "loslab", "mandos", "ramdal"];
const SURNAMES =
  "novak svoboda novotny dvorak cerny prochazka kucera vesely horak nemec marek pospisil hajek jelinek kral ruzicka benes fiala sedlak dolezal zeman kolar navratil cermak urban vanek blazek kriz kopecky kovar".split(
    " ",
  );
const GUESSES =
  "root admin test oracle guest prueba user mysql postgres nagios ftp web www info backup tomcat support webmaster student apache git teamspeak minecraft hadoop zabbix jenkins ubuntu pi deploy sales office alex david john paul mike maria carlos jose ana luis dev demo temp tester administrator operator games mail news uucp proxy list irc sshd daemon bin sync man lp svn cvs squid named nobody vpn test1 test2 test123 user1 user2 admin1 master server public data shop china xbox a b c rpc sys cisco ubnt vagrant elastic ftpuser upload download cron ldap samba dns bind radius asterisk sip voip video camera sara emma anna peter tom steve mark scott kevin brian jason ryan eric adam".split(
    " ",
  );

/** Makes everybody. The same seed and number of hosts give the same population. */
export function createPopulation(seed: number, hostCount: number): Population {
  const random = new Random(seed, "population");
  const shortLivedCount = hostCount >= 20 ? Math.round(hostCount / 40) : 0;
  const all = Array.from({ length: hostCount }, (_, i) => makeHost(i, i >= hostCount - shortLivedCount));
  const users = unique(500, () => {
    const name = random.pick(SURNAMES);
    return random.chance(0.5)
      ? name + String(random.between(1, 99))
      : `${name}${random.pick(["j", "p", "m", "k", "t", "a"])}${random.chance(0.4) ? String(random.between(1, 9)) : ""}`;
  });
  const homes = unique(600, () => {
    const kind = random.below(100);
    if (kind < 70) return `192.168.${String(random.below(250))}.${String(random.between(2, 250))}`;
    if (kind < 88) return `203.0.113.${String(random.between(1, 254))}`;
    if (kind < 94) return `2001:db8:${random.hex(3)}::${random.hex(4)}`;
    return `${random.pick(["dhcp", "nat", "pc", "lab"])}${String(random.between(1, 400))}.${random.pick(["campus", "dorm", "lib"])}.example.org`;
  });
  const attackers = unique(3000, () => {
    const kind = random.below(100);
    if (kind < 94)
      return `198.${String(random.between(18, 19))}.${String(random.below(256))}.${String(random.between(1, 254))}`;
    if (kind < 97)
      return `host-${String(random.between(1, 254))}-${String(random.between(1, 254))}.dynamic.example.net`;
    return `2001:db8:bad:${random.hex(4)}::${random.hex(2)}`;
  });
  return {
    hosts: all.slice(0, hostCount - shortLivedCount),
    shortLived: all.slice(hostCount - shortLivedCount),
    users,
    userRank: zipf(users.length, 1),
    homes,
    homeRank: zipf(homes.length, 1),
    attackers,
    attackerRank: zipf(attackers.length, 1),
    guesses: GUESSES,
    guessRank: zipf(GUESSES.length, 0.9),
  };
}

function makeHost(i: number, shortLived: boolean): Host {
  const ip = `10.${String(16 + Math.floor(i / 60_000))}.${String(Math.floor(i / 250) % 240)}.${String((i % 250) + 1)}`;
  if (shortLived) return { name: `vm-${String(i)}.cloud.example.org`, ip, role: "worker", number: i };
  const role: HostRole = i % 100 === 7 ? "mail" : i % 100 === 42 ? "monitor" : i % 25 === 3 ? "frontend" : "worker";
  const prefix = role === "worker" ? (CLUSTERS[Math.floor(i / 8) % CLUSTERS.length] ?? "node") : role;
  // Some senders give their full name, most the short one.
  const short =
    role === "worker" ? `${prefix}${String(Math.floor(i / 80) + 1)}-${String((i % 80) + 1)}` : `${prefix}${String(i)}`;
  return { name: i % 9 === 0 ? `${short}.grid.example.org` : short, ip, role, number: i };
}

function unique(count: number, make: () => string): readonly string[] {
  const made = new Set<string>();
  // Few enough are asked for that names cannot run out; the bound only keeps a mistake from hanging.
  for (let tries = 0; made.size < count && tries < count * 100; tries++) made.add(make());
  return [...made];
}
