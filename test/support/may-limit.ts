import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cpuGroup, readGroup } from "./control-group.ts";
import { mountImageDisk } from "./image-disk.ts";

const PROBE_BYTES = 4 * 2 ** 20;

/** Whether a group of processes can be kept from the processors here: root may, with control groups of either version that can be written. */
export function mayLimitProcessors(): boolean {
  const group = cpuGroup(`gridharvest-probe-${String(process.pid)}`, 1);
  group?.remove();
  return group !== undefined;
}

/** Whether reading from a disk can be slowed down here: root may, with loop devices and control groups of either version. */
export function mayLimitReading(): boolean {
  const dir = mkdtempSync(join(tmpdir(), "gridharvest-probe-"));
  const disk = mountImageDisk(join(dir, "image"), join(dir, "disk"), PROBE_BYTES);
  try {
    const group = disk && readGroup(`gridharvest-probe-${String(process.pid)}`, disk.device, PROBE_BYTES);
    group?.remove();
    return group !== undefined;
  } finally {
    disk?.remove();
    rmSync(dir, { recursive: true, force: true });
  }
}
