// The error pages that a site has made itself.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DESKTOP, PHONE, STATUS, atTheDialog, complained } from "./harness.js";

const CONFIG = `
[files.site]
path = "site"

[accounts.people]
users = ["ann:swordfish", "bob:hunter2"]

[[service]]
kind = "http"
listen = "tcp:0:interface=127.0.0.1"
files = "site"
listing = false
security_headers = true
errors = { 404 = "/errors/missing.html", 403 = "/errors/forbidden.html", 4xx = "/errors/other.html" }

[[service.auth]]
path = "/private/*"
accounts = "people"
users = ["ann"]
`;

const document = (title) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><link rel="stylesheet" href="/errors/style.css">
<h1>${title}</h1><img src="/errors/knot.svg" alt="a knot">
`;

function fixture(root) {
  for (const name of ["site", "site/errors", "site/private", "site/folder"]) mkdirSync(join(root, name));
  const write = (name, text) => writeFileSync(join(root, name), text);
  write("ropewalk.toml", CONFIG);
  write("site/errors/missing.html", document("Lost at sea"));
  write("site/errors/forbidden.html", document("Crew only"));
  write("site/errors/other.html", document("Something else"));
  write("site/errors/style.css", "h1 { color: rgb(1, 2, 3) }\n");
  write("site/errors/knot.svg", "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='40'><circle r='20'/></svg>\n");
  write("site/private/secret.txt", "secret\n");
}

export default async function (harness) {
  const root = harness.folder();
  fixture(root);
  const server = await harness.ropewalk(["run", "--allow-root"], root);
  const base = `http://127.0.0.1:${server.ports[0]}`;

  for (const [name, screen] of [["1280", DESKTOP], ["390", PHONE]]) {
    for (const [claim, path, status, title, ...login] of [
      ["what is not there", "/deep/er/nothing", 404, "Lost at sea"],
      ["a folder that is not listed", "/folder/", 403, "Crew only"],
      ["a person without the right", "/private/secret.txt", 403, "Crew only", "bob:hunter2"],
      ["who has not logged in", "/private/secret.txt", 401, "Something else"],
    ]) {
      const { page, complaints } = await harness.page(screen);
      await atTheDialog(page, ...login);
      await harness.check(`errors ${name}: ${claim} is answered by the site's own page`, async () => {
        const answer = await page.goto(base + path);
        assert.equal(answer.status(), status);
        assert.equal(await page.title(), title);
        assert.equal(new URL(page.url()).pathname, path);
        assert.equal(await page.locator("h1").evaluate((h1) => getComputedStyle(h1).color), "rgb(1, 2, 3)");
        assert.equal(await page.locator("img").evaluate((img) => img.decode().then(() => img.naturalWidth)), 40);
        assert.doesNotMatch(await page.content(), /secret/);
        await harness.shot(page, `error-${status}-${name}`);
        complained(complaints, STATUS(status));
      });
    }
  }

  const { page, complaints } = await harness.page(DESKTOP);
  await harness.check("errors: a page that was lost is found once it is there", async () => {
    assert.equal((await page.goto(`${base}/later.html`)).status(), 404);
    writeFileSync(join(root, "site", "later.html"), document("Here now"));
    assert.equal((await page.reload()).status(), 200);
    assert.equal(await page.title(), "Here now");
    complained(complaints, STATUS(404));
  });
  await harness.check("errors: a script sees the status", async () => {
    await page.goto(`${base}/errors/missing.html`);
    const seen = await page.evaluate(async () => {
      const answers = [await fetch("/nothing"), await fetch("/errors/style.css", { method: "POST" })];
      return answers.map((answer) => [answer.status, answer.headers.get("content-type")]);
    });
    assert.deepEqual(seen, [[404, "text/html; charset=utf-8"], [405, "text/html; charset=utf-8"]]);
    complained(complaints, STATUS(404), STATUS(405));
  });
  await server.stop();
}
