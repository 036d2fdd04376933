// A login by Basic, as a person meets it: the page that is left when the dialog is dismissed, and what comes after it.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DESKTOP, PHONE, STATUS, atTheDialog, complained } from "./harness.js";

/** What a page looks like, of what a style says. */
const looks = (page) => page.evaluate(() => ["body", "main", "h1", "p"].map((name) => {
  const element = document.querySelector(name);
  const style = getComputedStyle(element);
  const { font, color, backgroundColor, textAlign, margin, padding } = style;
  return [element.className, font, color, backgroundColor, textAlign, margin, padding];
}));

export default async function (harness) {
  const root = harness.folder();
  mkdirSync(join(root, "folder"));
  writeFileSync(join(root, "folder", "inside.txt"), "inside\n");
  writeFileSync(join(root, "readme.txt"), "hello\n");
  const closed = await harness.ropewalk(["web", "--port", "0", "--path", root, "--user", "ann:sword:fish"]);
  const open = await harness.ropewalk(["web", "--port", "0", "--path", root]);
  const [secret, free] = [closed, open].map((server) => `http://127.0.0.1:${server.ports[0]}/`);

  for (const [name, screen] of [["1280", DESKTOP], ["390", PHONE]]) {
    const { page, complaints } = await harness.page(screen);
    const dismissed = await atTheDialog(page);
    await harness.check(`login ${name}: without one there is a page that looks like the others`, async () => {
      await page.goto(`${free}nothing`);
      const other = await looks(page);
      complained(complaints, STATUS(404));
      const answer = await page.goto(secret);
      assert.deepEqual([answer.status(), dismissed.count], [401, 1]);
      await harness.shot(page, `login-${name}`);
      assert.equal(await page.locator("h1").textContent(), "401");
      assert.equal(await page.getByText("Unauthorized", { exact: true }).count(), 1);
      assert.deepEqual(await looks(page), other);
      complained(complaints, STATUS(401));
    });
    await harness.check(`login ${name}: that page is not wider than the screen, and shows nothing of the folder`, async () => {
      const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(content <= width, `${content} px on a screen of ${width} px`);
      assert.doesNotMatch(await page.content(), /readme/);
    });

    const wrong = await harness.page(screen);
    await harness.check(`login ${name}: a wrong password is asked for again, and leads to no more than none`, async () => {
      const dialogs = await atTheDialog(wrong.page, "ann:wrong", "bob:sword:fish");
      const answer = await wrong.page.goto(secret);
      assert.deepEqual([answer.status(), dialogs.count], [401, 3]);
      assert.equal(await wrong.page.locator("h1").textContent(), "401");
      assert.doesNotMatch(await wrong.page.content(), /readme/);
      complained(wrong.complaints, STATUS(401));
    });

    const right = await harness.page(screen);
    await harness.check(`login ${name}: the right one leads to the listing, and on without being asked again`, async () => {
      const dialogs = await atTheDialog(right.page, "ann:wrong", "ann:sword:fish");
      const answer = await right.page.goto(secret);
      assert.deepEqual([answer.status(), dialogs.count], [200, 2]);
      await right.page.getByRole("link", { name: "readme.txt" }).waitFor();
      await harness.shot(right.page, `logged-in-${name}`);
      await right.page.getByRole("link", { name: /^folder/ }).click();
      await right.page.getByRole("link", { name: "inside.txt" }).click();
      await right.page.getByText("inside", { exact: true }).waitFor();
      assert.equal(dialogs.count, 2);
      complained(right.complaints);
    });
  }
  for (const server of [closed, open]) await server.stop();
}
