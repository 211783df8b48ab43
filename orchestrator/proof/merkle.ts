import { createHash } from "node:crypto";

const LEAF = Uint8Array.of(0);
const INNER = Uint8Array.of(1);

/**
 * A Merkle tree over leaves that come in their order: SHA-256, 0x00 before a leaf's bytes, 0x01 before two hashes, the left side
 * taking the largest power of two that is smaller than the number of leaves. No leaves: SHA-256 of nothing.
 * @source RFC 6962, 2.1
 */
export class MerkleTree {
  /** One hash for each complete subtree of the leaves so far, largest first: a tree of any number of leaves needs no more. */
  readonly #complete: { readonly size: number; readonly hash: Buffer }[] = [];

  add(leaf: string | Uint8Array): void {
    let tree = { size: 1, hash: sha256(LEAF, Buffer.from(leaf)) };
    for (let last = this.#complete.at(-1); last?.size === tree.size; last = this.#complete.at(-1)) {
      this.#complete.pop();
      tree = { size: 2 * tree.size, hash: sha256(INNER, last.hash, tree.hash) };
    }
    this.#complete.push(tree);
  }

  /** Of the leaves so far, in hexadecimal. */
  root(): string {
    const root = this.#complete
      .map(({ hash }) => hash)
      .reduceRight<Buffer | undefined>((right, left) => (right ? sha256(INNER, left, right) : left), undefined);
    return (root ?? sha256()).toString("hex");
  }
}

/** The root over some leaves. */
export function merkleRoot(leaves: Iterable<string | Uint8Array>): string {
  const tree = new MerkleTree();
  for (const leaf of leaves) tree.add(leaf);
  return tree.root();
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}
