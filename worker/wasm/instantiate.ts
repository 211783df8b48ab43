/** What is used of WebAssembly here. Node's types lack it, and those of browsers are not for this program. */
interface Api {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => Module;
  readonly Instance: new (module: Module, imports: object) => { readonly exports: Readonly<Record<string, unknown>> };
}

/** A program that is compiled; threads make it for themselves. */
export interface Module {
  readonly __module: never;
}

const { Memory, Module: Compiled, Instance } = (globalThis as unknown as { readonly WebAssembly: Api }).WebAssembly;

export function compileModule(bytes: Uint8Array<ArrayBuffer>): Module {
  return new Compiled(bytes);
}

/** @param pages of 64 KiB, which it keeps */
export function instantiate(module: Module, pages: number) {
  const memory = new Memory({ initial: pages });
  const { exports } = new Instance(module, { m: { memory } });
  return {
    exports: exports as Readonly<Record<string, (...given: readonly number[]) => number>>,
    buffer: memory.buffer,
  };
}
