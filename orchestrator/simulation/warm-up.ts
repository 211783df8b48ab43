/**
 * How a process gets warm: its code is interpreted first and compiled while it runs. Work costs `factor` times as much at first, and what it costs too much has
 * fallen to 1/e when the process has used `seconds` of CPU: compilers count what was run, not what came of it.
 */
export interface WarmUp {
  readonly factor: number;
  readonly seconds: number;
}

/** CPU seconds that a process has used when it has done what costs a warm one so many; `seconds × ln(factor)` more in the end. */
export function withWarmUp(warmSeconds: number, { factor, seconds }: WarmUp): number {
  if (seconds === 0) return warmSeconds;
  return warmSeconds + seconds * Math.log(factor - (factor - 1) * Math.exp(-warmSeconds / seconds));
}

/** What it would have cost a warm process that used so many CPU seconds: the way back. */
export function withoutWarmUp(cpuSeconds: number, { factor, seconds }: WarmUp): number {
  if (seconds === 0) return cpuSeconds;
  return cpuSeconds + seconds * Math.log((1 + (factor - 1) * Math.exp(-cpuSeconds / seconds)) / factor);
}
