/**
 * The end of `.ci/run`: where the time went, which tests failed, and as the last line the count of vitest's tests and of
 * each other step as one. Plain JavaScript: it must also count where the set-up failed. Usage: node count-results.mjs DIR,
 * with DIR/<step>.status and vitest's DIR/tests.json.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";

const SLOWEST_FILES = 15;

const dir = process.argv[2];
let passed = 0;
let failed = 0;
const problems = [];

for (const name of readdirSync(dir).filter((name) => name.endsWith(".status"))) {
  const step = basename(name, ".status");
  const fine = readFileSync(join(dir, name), "utf8").trim() === "0";
  if (step === "tests") {
    const file = join(dir, "tests.json");
    const report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
    passed += report?.numPassedTests ?? 0;
    failed += report?.numFailedTests ?? 0;
    if (report?.testResults) tell(report.testResults);
    // A file that does not load, a leak, or a set-up that failed is no failed test and yet a failure.
    if (!fine && (report?.numFailedTests ?? 0) === 0) {
      failed += 1;
      problems.push("tests: vitest did not end well although no test failed");
    }
    if (fine && (report?.numPassedTests ?? 0) === 0) {
      failed += 1;
      problems.push("tests: nothing was tested");
    }
  } else if (fine) {
    passed += 1;
  } else {
    failed += 1;
    problems.push(step);
  }
}

if (problems.length > 0) console.log(`\nfailed besides single tests: ${problems.join("; ")}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

/** @param files vitest's, as its JSON reporter writes them */
function tell(files) {
  const seconds = ({ startTime, endTime }) => Math.round((endTime - startTime) / 1000);
  const slowest = files.toSorted((a, b) => seconds(b) - seconds(a)).slice(0, SLOWEST_FILES);
  console.log("\nseconds of the slowest test files");
  for (const file of slowest) console.log(`${String(seconds(file)).padStart(6)}  ${relative("", file.name)}`);
  for (const { name, assertionResults = [] } of files) {
    for (const { status, fullName } of assertionResults) {
      if (status === "failed") console.log(`failed: ${relative("", name)}: ${fullName}`);
    }
  }
}
