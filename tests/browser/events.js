// Server-sent events, and how a page goes on after its connection was lost.
import assert from "node:assert/strict";
import { DESKTOP, Cable, complained, until } from "./harness.js";

/** Listens on the page's own, and keeps what comes. */
function gather() {
  window.ids = [];
  window.states = [];
  window.source = new EventSource("/events");
  source.addEventListener("tick", (event) => ids.push([Number(event.lastEventId), event.data]));
  source.onopen = () => states.push("open");
  source.onerror = () => states.push(["connecting", "open", "closed"][source.readyState]);
}

const ids = (page) => page.evaluate(() => window.ids);

/** Whether each event is there once, in its order, and says what its number is. */
function assertWhole(ids) {
  assert.deepEqual(ids, ids.map((_, at) => [at + 1, `${at + 1} tick${at ? "s" : ""}`]));
}

/** The last id that a client said when it came back. */
const lastIds = (cable) => cable.heard.join("").match(/(?<=^last-event-id: ).*(?=\r$)/gim) ?? [];

export default async function (harness) {
  const first = await harness.example("http_events");
  const cable = await Cable.to(first.ports[0]);
  const { page, complaints } = await harness.page(DESKTOP);
  await page.goto(`http://127.0.0.1:${cable.port}/`);

  await harness.check("events: the page shows each as it comes", async () => {
    const shown = async () => Number((await page.locator("#clock").textContent()).match(/^\d+(?= ticks?$)/));
    await until("one is shown", async () => (await shown()) > 0);
    const first = await shown();
    await until("another is shown", async () => (await shown()) > first);
    complained(complaints);
  });

  await page.evaluate(gather);
  await harness.check("events: a page whose connection broke comes back and misses nothing", async () => {
    await until("three events", async () => (await ids(page)).length >= 3);
    cable.cut();
    const [last] = (await ids(page)).at(-1);
    await until("three more", async () => (await ids(page)).length >= last + 3);
    assertWhole(await ids(page));
    assert.ok(lastIds(cable).some((id) => Number(id) >= last), `${lastIds(cable)} for ${last}`);
    assert.deepEqual(await page.evaluate(() => states), ["open", "connecting", "open"]);
    // Both, the page's own and this one's.
    complained(complaints, /net::ERR_/, /net::ERR_/);
  });

  await harness.check("events: a server that stops ends its streams, and another goes on with them", async () => {
    const second = await harness.example("http_events");
    cable.target = second.ports[0];
    const before = lastIds(cable).length;
    assert.equal(await first.stop(), 0);
    await until("both come back", () => lastIds(cable).length >= before + 2);
    const seen = (await ids(page)).length;
    await until("three more", async () => (await ids(page)).length >= seen + 3);
    assertWhole(await ids(page));
    // An answer that has ended is no error.
    complained(complaints);
    await page.evaluate(() => source.close());
    assert.equal(await page.evaluate(() => source.readyState), 2);
  });
}
