// WebSockets that a page opens: what it sends comes back, how they end, and that pages of elsewhere are refused.
import assert from "node:assert/strict";
import { DESKTOP, complained, until } from "./harness.js";

/** Sends these through `/echo`, and gives what came back and how it ended. */
async function echo({ url, messages, end }) {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  const came = [];
  let failed = false;
  const closed = new Promise((close) => {
    socket.onclose = ({ code, reason, wasClean }) => close({ code, reason, wasClean });
    socket.onerror = () => (failed = true);
    socket.onmessage = ({ data }) => {
      came.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
      if (came.length === messages.length && end) socket.close(...end);
    };
    socket.onopen = () => {
      for (const one of messages) socket.send(typeof one === "string" ? one : new Uint8Array(one));
    };
  });
  return { ...(await closed), came, failed };
}

const octets = (count) => Array.from({ length: count }, (_, at) => at % 251);

export default async function (harness) {
  const server = await harness.example("http_websocket");
  const port = server.ports[0];
  const { page, complaints } = await harness.page(DESKTOP);
  const url = `ws://127.0.0.1:${port}/echo`;
  await page.goto(`http://127.0.0.1:${port}/`);

  for (const [claim, messages] of [
    ["text comes back, whatever is in it", ["hello", "", "é \u{1f9f6} \0", "x".repeat(100_000)]],
    ["octets come back", [octets(3), [], octets(70_000)]],
  ]) {
    await harness.check(`websocket: ${claim}, and so does the code of the close`, async () => {
      const end = [4001, "as asked"];
      const said = await page.evaluate(echo, { url, messages, end });
      assert.deepEqual(said.came, messages);
      assert.deepEqual([said.code, said.wasClean, said.failed], [4001, true, false]);
      complained(complaints);
    });
  }

  await harness.check("websocket: a message that is too long is answered by 1009", async () => {
    const said = await page.evaluate(echo, { url, messages: ["x".repeat(1_100_000)] });
    // How clean that is depends on how much was under way.
    assert.deepEqual([said.code, said.came], [1009, []]);
    complained(complaints);
  });

  await harness.check("websocket: a page of elsewhere is refused", async () => {
    const { page, complaints } = await harness.page(DESKTOP);
    await page.goto(`http://localhost:${port}/`);
    // Of the same host, it may.
    const own = await page.evaluate(echo, { url: url.replace("127.0.0.1", "localhost"), messages: ["x"], end: [1000] });
    assert.deepEqual([own.came, own.code], [["x"], 1000]);
    complained(complaints);
    const said = await page.evaluate(echo, { url, messages: ["x"], end: [1000] });
    assert.deepEqual(said, { code: 1006, reason: "", wasClean: false, came: [], failed: true });
    complained(complaints, /WebSocket connection to .* Unexpected response code: 403/);
  });

  await harness.check("websocket: what is said in one window is read in the other", async () => {
    const other = await harness.page(DESKTOP);
    await other.page.goto(`http://127.0.0.1:${port}/`);
    await other.page.getByText(/^\d here$/).waitFor();
    for (const [from, to, text] of [[page, other.page, "<b>hello</b>"], [other.page, page, "who is there?"]]) {
      await from.getByRole("textbox").fill(text);
      await from.getByRole("button", { name: "Say" }).click();
      await to.getByText(text, { exact: true }).waitFor();
    }
    complained(complaints);
    complained(other.complaints);
  });

  await harness.check("websocket: a server that stops says so", async () => {
    await page.evaluate((url) => {
      const socket = new WebSocket(url);
      socket.onopen = () => (window.isOpen = true);
      window.ended = new Promise((close) => (socket.onclose = ({ code, wasClean }) => close({ code, wasClean })));
    }, url);
    await until("it is open", () => page.evaluate(() => window.isOpen));
    const exit = server.stop();
    assert.deepEqual(await page.evaluate(() => window.ended), { code: 1001, wasClean: true });
    assert.equal(await exit, 0);
    await page.getByText("(the end)").waitFor();
    complained(complaints);
  });
}
