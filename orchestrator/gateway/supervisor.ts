/** Runs haproxy and the master until told to stop or left alone for too long. */
export async function runGatewaySupervisor(dir: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  throw new Error(dir);
}
