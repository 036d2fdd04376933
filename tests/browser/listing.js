// The listing of a folder, in Chromium: at desktop and phone width, light and dark.
// Usage: node listing.js PROGRAM DIRECTORY-FOR-SCREENSHOTS
// Environment: CHROMIUM (default: /usr/bin/chromium).
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [program = "../../target/debug/ropewalk", shots = "../../target/screenshots"] = process.argv.slice(2);

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

const SCREENS = [
  { name: "desktop-light", viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  { name: "desktop-dark", viewport: { width: 1280, height: 800 }, colorScheme: "dark" },
  { name: "phone-light", viewport: { width: 360, height: 740 }, colorScheme: "light", deviceScaleFactor: 2, hasTouch: true },
  { name: "phone-dark", viewport: { width: 360, height: 740 }, colorScheme: "dark", deviceScaleFactor: 2, hasTouch: true },
];

/** A folder with names that are hard on a page. */
function fixture(root) {
  mkdirSync(join(root, "folder"));
  writeFileSync(join(root, "folder", "inside.txt"), "inside\n");
  writeFileSync(join(root, "readme.txt"), "hello\n");
  writeFileSync(join(root, "large.bin"), Buffer.alloc(3 * 1024 * 1024));
  writeFileSync(join(root, "<b>markup & more?#.txt"), "odd\n");
  writeFileSync(join(root, "a-name-" + "without-a-place-to-break".replaceAll("-", "").repeat(6) + ".txt"), "long\n");
  writeFileSync(join(root, "Übermäßig schöne Datei.txt"), "ü\n");
  for (let i = 0; i < 20; i++) writeFileSync(join(root, `page-${i}.html`), "<title>page</title>\n");
}

/** Starts the server on a port that the system chooses, and gives its address. */
async function serve(root) {
  const server = spawn(program, ["web", "--port", "0", "--path", root], { stdio: ["ignore", "inherit", "pipe"] });
  for await (const line of createInterface({ input: server.stderr })) {
    const at = line.match(/listening at=(\S+)/);
    if (at) {
      server.stderr.resume();
      return { server, base: `http://${at[1]}/` };
    }
  }
  throw new Error("the server has ended");
}

const tests = {
  async "nothing is wider than the screen"(page) {
    const { content, screen } = await page.evaluate(() => ({
      content: document.documentElement.scrollWidth,
      screen: document.documentElement.clientWidth,
    }));
    assert.ok(content <= screen, `${content} px on a screen of ${screen} px`);
  },

  async "the text stands out from its ground"(page, screen) {
    const light = await page.evaluate(() => {
      const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g).map(Number);
      const canvas = getComputedStyle(document.documentElement).backgroundColor.match(/[\d.]+/g).map(Number);
      const [x, y, z, alpha = 1] = canvas;
      return (alpha === 0 ? r + g + b : x + y + z) / 3;
    });
    if (screen.colorScheme === "dark") assert.ok(light < 90, `ground ${light} in the dark`);
    else assert.ok(light > 200, `ground ${light} in the light`);
  },

  async "markup in a name is text"(page) {
    assert.equal(await page.locator("table b").count(), 0);
    assert.equal(await page.getByText("<b>markup & more?#.txt").count(), 1);
  },

  async "every link leads somewhere"(page) {
    const links = await page.locator("a").evaluateAll((all) => all.map((a) => a.href));
    assert.ok(links.length > 20);
    for (const link of links) assert.equal((await page.request.get(link)).status(), 200, link);
  },

  async "a folder is entered and left by clicks"(page) {
    await page.getByRole("link", { name: /^folder/ }).click();
    await page.getByRole("link", { name: "inside.txt" }).waitFor();
    await page.goBack();
    await page.getByRole("link", { name: "readme.txt" }).waitFor();
  },

  async "a click on a column sorts by it"(page) {
    const names = () => page.locator("tbody a, li a").allTextContents();
    const sort = page.getByRole("link", { name: /size/i }).first();
    const before = await names();
    await sort.click();
    const after = await names();
    assert.notDeepEqual(after, before);
    assert.deepEqual([...after].sort(), [...before].sort());
  },
};

const root = mkdtempSync(join(tmpdir(), "ropewalk-browser-"));
const profile = mkdtempSync(join(tmpdir(), "ropewalk-profile-"));
const tree = join(root, "tree");
mkdirSync(tree);
mkdirSync(shots, { recursive: true });
fixture(tree);
let passed = 0, failed = 0, server;
try {
  const running = await serve(tree);
  server = running.server;
  for (const screen of SCREENS) {
    const { name, ...options } = screen;
    const context = await chromium.launchPersistentContext(join(profile, name), {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: FLAGS, ...options,
    });
    const page = await context.newPage();
    for (const [claim, test] of Object.entries(tests)) {
      try {
        await page.goto(running.base);
        await test(page, screen);
        passed++;
        console.log(`ok ${name}: ${claim}`);
      } catch (error) {
        failed++;
        console.log(`FAILED ${name}: ${claim}: ${error.message}`);
      }
    }
    await page.goto(running.base);
    await page.screenshot({ path: join(shots, `listing-${name}.png`), fullPage: name.startsWith("phone") });
    await page.goto(new URL("nothing", running.base).href);
    await page.screenshot({ path: join(shots, `missing-${name}.png`) });
    await context.close();
  }
} finally {
  server?.kill();
  rmSync(root, { recursive: true });
  rmSync(profile, { recursive: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
