import { ConfigError } from "../../worker/contract/errors.ts";
import { examples, print, type Command } from "./command.ts";
import { formatBytes, formatCount } from "./io.ts";
import type { Manifest } from "../sample/index.ts";

interface SampleCommandOptions {
  readonly month: string;
  readonly lines: string;
  readonly seed: string;
  readonly out: string;
  readonly hosts: string;
  readonly overlap?: true;
  readonly timeZone: string;
  readonly unterminated: string;
}

/** `gridharvest sample`: a realistic archive to try things on. */
export const sample: Command = {
  name: "sample",
  register(program, run) {
    program
      .command("sample")
      .description("Writes a realistic archive of one month to try things on, and a manifest of what is in it")
      .requiredOption("--month <month>", "the month of all lines, e.g. 2013-01")
      .requiredOption(
        "--out <dir>",
        "directory to make: DIR/hosts is the archive, DIR/manifest.json the truth about it",
      )
      .option("--lines <n>", "lines of log", "1000000")
      .option("--seed <n>", "the same seed gives the same bytes", "1")
      .option("--hosts <n>", "machines that send logs", "500")
      .option(
        "--overlap",
        "auth and pbs lines also in their host's files, as in a real archive: these lines stand twice",
      )
      .option("--time-zone <zone>", "IANA zone of the local times in the lines", "UTC")
      .option("--unterminated <n>", "files whose last line has no line end (`wc -l` does not count that line)", "0")
      .addHelpText(
        "after",
        examples(
          "gridharvest sample --month 2013-01 --out /data/sample",
          "gridharvest sample --month 2013-03 --lines 50000 --seed 7 --hosts 60 --overlap --time-zone Europe/Prague --out /tmp/march",
        ),
      )
      .action((options: SampleCommandOptions) =>
        run(async (io, signal) => {
          const { writeSample } = await import("../sample/index.ts");
          const lines = numberOf("--lines", options.lines);
          const manifest = await writeSample({
            month: options.month,
            lines,
            seed: numberOf("--seed", options.seed),
            dir: options.out,
            hosts: numberOf("--hosts", options.hosts),
            overlap: options.overlap === true,
            timeZone: options.timeZone,
            unterminated: numberOf("--unterminated", options.unterminated),
            signal,
            ...(io.isTTY && !io.json
              ? { onProgress: (done) => io.stdout.write(`\r${formatCount(done)} of ${formatCount(lines)} lines`) }
              : {}),
          });
          if (io.isTTY && !io.json) io.stdout.write("\r\u001b[2K");
          const { files, days: _days, ssh: _ssh, ...facts } = manifest;
          print(io, { ...facts, files: files.length, out: options.out }, () => summary(manifest, options.out));
          return 0;
        }),
      );
  },
};

function numberOf(flag: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new ConfigError("USAGE", `${flag} ${text}: write a whole number`);
  return Number(text);
}

function summary(manifest: Manifest, out: string): string {
  const { lines, bytes, bytesOnDisk, files, options, distinctMessages, unparsed } = manifest;
  return [
    `${formatCount(lines)} lines of ${options.month}, ${formatBytes(bytes)} (${formatBytes(bytesOnDisk)} on disk) in ${formatCount(files.length)} files below ${out}/hosts`,
    `about ${formatCount(distinctMessages)} distinct messages; ${formatCount(unparsed.total)} dirty lines that no parser understands`,
    `what is in it, counted: ${out}/manifest.json`,
    `to load it: gridharvest launch --set archive.root=${out} --set archive.timeZone=${options.timeZone} --month ${options.month}`,
    "",
  ].join("\n");
}
