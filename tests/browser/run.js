// Real pages in Chromium, against the built program and its examples: one line for each claim, and a sum.
// Usage: node run.js [TARGET [DIRECTORY-FOR-SCREENSHOTS [FILE …]]]
// TARGET is where the program lies, and its examples in `examples/`. Environment: CHROMIUM (default: /usr/bin/chromium).
import { Harness } from "./harness.js";

const FILES = ["listing", "login", "errors", "events", "websocket"];
const [target = "../../target/debug", shots = "../../target/screenshots", ...files] = process.argv.slice(2);

const harness = new Harness(target, shots);
try {
  for (const file of files.length ? files : FILES) await (await import(`./${file}.js`)).default(harness);
} finally {
  await harness.close();
}
console.log(`${harness.passed} passed, ${harness.failed} failed`);
process.exitCode = harness.failed || !harness.passed ? 1 : 0;
