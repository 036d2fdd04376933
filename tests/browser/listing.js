// The listing of a folder: at desktop and phone width, light and dark.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { STATUS, complained } from "./harness.js";

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

/** What is in the page, however it came there, cannot act. */
async function scripts(page, complaints) {
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "document.title = 'taken over'";
    document.body.append(script);
    document.body.append(Object.assign(new Image(), { src: "https://elsewhere.test/x.png" }));
  });
  assert.notEqual(await page.title(), "taken over");
  complained(complaints, /inline script.*Content Security Policy/s, /image.*Content Security Policy/s);
}

export default async function (harness) {
  const root = harness.folder();
  fixture(root);
  const server = await harness.ropewalk(["web", "--port", "0", "--path", root]);
  const base = `http://127.0.0.1:${server.ports[0]}/`;
  for (const screen of SCREENS) {
    const { name, ...options } = screen;
    const { page, complaints } = await harness.page(options);
    for (const [claim, test] of Object.entries(tests)) {
      await harness.check(`listing ${name}: ${claim}`, async () => {
        await page.goto(base);
        await test(page, screen);
        complained(complaints);
      });
    }
    await page.goto(base);
    await harness.shot(page, `listing-${name}`, name.startsWith("phone"));
    await harness.check(`listing ${name}: what is not there is said so, by a page alike`, async () => {
      const answer = await page.goto(`${base}nothing`);
      assert.equal(answer.status(), 404);
      await harness.shot(page, `missing-${name}`);
      complained(complaints, STATUS(404));
    });
  }
  const { page, complaints } = await harness.page();
  for (const path of ["", "nothing"]) {
    await harness.check(`listing: no script runs and nothing is fetched on /${path}`, async () => {
      await page.goto(base + path);
      complaints.length = 0;
      await scripts(page, complaints);
    });
  }
}
