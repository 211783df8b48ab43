/**
 * Writes a MaxMind database as small as the tests need one.
 * @source MaxMind DB File Format Specification 2.0
 */

type Value = string | number | boolean | readonly Value[] | { readonly [key: string]: Value };

/** A node of the search tree: what lies behind the bits 0 and 1. */
type Branch = Tree | number | undefined;
type Tree = [Branch, Branch];

const RECORD_BITS = 24;

/** @param records network (`192.0.2.0/24`, `2001:db8::/32`) → its record */
export function writeMmdb(
  databaseType: string,
  ipVersion: 4 | 6,
  records: Readonly<Record<string, Value>>,
): Uint8Array {
  const root: Tree = [undefined, undefined];
  const data: Buffer[] = [];
  let dataSize = 0;
  for (const [network, record] of Object.entries(records)) {
    const encoded = encode(record);
    insert(root, bitsOf(network, ipVersion), dataSize);
    data.push(encoded);
    dataSize += encoded.length;
  }
  const nodes: Tree[] = [];
  const number = (tree: Tree) => {
    nodes.push(tree);
    for (const branch of tree) if (Array.isArray(branch)) number(branch);
  };
  number(root);
  const tree = Buffer.alloc((nodes.length * RECORD_BITS * 2) / 8);
  nodes.forEach((node, i) =>
    node.forEach((branch, side) => {
      const value =
        branch === undefined
          ? nodes.length
          : typeof branch === "number"
            ? nodes.length + 16 + branch
            : nodes.indexOf(branch);
      tree.writeUIntBE(value, i * 6 + side * 3, 3);
    }),
  );
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_700_000_000,
    database_type: databaseType,
    description: { en: "test" },
    ip_version: ipVersion,
    languages: ["en"],
    node_count: nodes.length,
    record_size: RECORD_BITS,
  });
  return Buffer.concat([tree, Buffer.alloc(16), ...data, Buffer.from("\xab\xcd\xefMaxMind.com", "latin1"), metadata]);
}

function insert(root: Tree, bits: readonly number[], offset: number): void {
  let tree = root;
  bits.forEach((bit, i) => {
    if (i === bits.length - 1) tree[bit] = offset;
    else tree = (tree[bit] ??= [undefined, undefined]) as Tree;
  });
}

/** The bits of a network's prefix; IPv4 lies in the lowest 32 bits of a tree for IPv6. */
function bitsOf(network: string, ipVersion: 4 | 6): readonly number[] {
  const [address = "", length = ""] = network.split("/");
  const v4 = address.includes(".");
  const bytes = v4 ? address.split(".").map(Number) : v6Bytes(address);
  const bits = bytes.flatMap((byte) => Array.from({ length: 8 }, (_, i) => (byte >> (7 - i)) & 1));
  const prefix = bits.slice(0, Number(length));
  return v4 && ipVersion === 6 ? [...new Array<number>(96).fill(0), ...prefix] : prefix;
}

function v6Bytes(address: string): number[] {
  const [left = [], right = []] = address.split("::").map((half) => half.split(":").filter((group) => group !== ""));
  const zeros = new Array<string>(8 - left.length - right.length).fill("0");
  return [...left, ...zeros, ...right]
    .map((group) => parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 255]);
}

function encode(value: Value): Buffer {
  if (typeof value === "string") return Buffer.concat([control(2, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === "boolean") return control(14, value ? 1 : 0);
  if (typeof value === "number") {
    const whole = Number.isInteger(value) && value >= 0;
    const bytes = Buffer.alloc(whole ? 4 : 8);
    if (whole) bytes.writeUInt32BE(value);
    else bytes.writeDoubleBE(value);
    return Buffer.concat([control(whole ? 6 : 3, bytes.length), bytes]);
  }
  if (Array.isArray(value)) return Buffer.concat([control(11, value.length), ...value.map(encode)]);
  const entries = Object.entries(value);
  return Buffer.concat([control(7, entries.length), ...entries.flatMap(([key, of]) => [encode(key), encode(of)])]);
}

/** Type and size; sizes of 29 and more take a byte of their own. */
function control(type: number, size: number): Buffer {
  if (size >= 29 + 256) throw new RangeError("longer than a test needs");
  const low = Math.min(size, 29);
  return Buffer.from([
    type < 8 ? (type << 5) | low : low,
    ...(type < 8 ? [] : [type - 7]),
    ...(size < 29 ? [] : [size - 29]),
  ]);
}
