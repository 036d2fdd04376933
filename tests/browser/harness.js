// What the checks share: servers, a network that can be cut, and pages that are listened to.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import tls from "node:tls";
import { stripVTControlCharacters } from "node:util";
import { chromium } from "playwright-core";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

export const DESKTOP = { viewport: { width: 1280, height: 800 } };
export const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

/** Where things are, and what has come of the checks so far. */
export class Harness {
  passed = 0;
  failed = 0;
  #target;
  #shots;
  #browser;
  #folders = [];
  #servers = [];

  constructor(target, shots) {
    this.#target = resolve(target);
    this.#shots = resolve(shots);
    mkdirSync(this.#shots, { recursive: true });
  }

  /** One claim, of which one line is printed. */
  async check(claim, test) {
    const patience = new Promise((_, late) => setTimeout(late, 60_000, new Error("it takes too long")).unref());
    try {
      await Promise.race([test(), patience]);
      this.passed++;
      console.log(`ok ${claim}`);
    } catch (error) {
      this.failed++;
      console.log(`FAILED ${claim}: ${stripVTControlCharacters(error.message).replaceAll(/\s+/g, " ")}`);
    }
  }

  /** A folder that is gone in the end. */
  folder() {
    const folder = mkdtempSync(join(tmpdir(), "ropewalk-browser-"));
    this.#folders.push(folder);
    return folder;
  }

  /** The program, with `run` or another server as its first argument. */
  ropewalk(args, cwd) {
    return this.#start("ropewalk", args, cwd);
  }

  /** An example of the HTTP crate, on a port that the system chooses. */
  example(name) {
    return this.#start(join("examples", name), ["tcp:0:interface=127.0.0.1"]);
  }

  /** Starts a server, waits until it is ready, and gives the ports on which it listens. */
  async #start(program, args, cwd) {
    const child = spawn(join(this.#target, program), args, { cwd, stdio: ["ignore", "inherit", "pipe"] });
    this.#servers.push(child);
    const ended = new Promise((end) => child.once("exit", end));
    const ports = [], log = [];
    for await (const line of createInterface({ input: child.stderr })) {
      log.push(line);
      const at = line.match(/listening at=\S+:(\d+)/);
      if (at) ports.push(Number(at[1]));
      if (/ ready$/.test(line)) {
        child.stderr.resume();
        return { ports, stop: () => (child.kill("SIGTERM"), ended) };
      }
    }
    throw new Error(`${program} has ended: ${log.join("\n")}`);
  }

  /** A page of a browser without a past, and what it has complained of. */
  async page(options) {
    this.#browser ??= await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: FLAGS,
    });
    const page = await (await this.#browser.newContext(options)).newPage();
    page.setDefaultTimeout(15_000);
    return { page, complaints: listen(page) };
  }

  /** A certificate for `localhost`, and its key. */
  certificate() {
    const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(this.folder(), name));
    execFileSync(join(this.#target, "ropewalk"), ["cert", "self-signed", "--cert", cert, "--key", key], { stdio: "ignore" });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  }

  shot(page, name, fullPage = false) {
    return page.screenshot({ path: join(this.#shots, `${name}.png`), fullPage });
  }

  async close() {
    await this.#browser?.close();
    for (const child of this.#servers) child.kill();
    for (const folder of this.#folders) rmSync(folder, { recursive: true });
  }
}

/** All that a page says on its console, what its scripts throw, and what its policy (CSP) forbids. */
function listen(page) {
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`thrown: ${error.message}`));
  page.on("console", (message) => {
    // A browser asks for an icon by itself.
    const isIcon = message.location().url.endsWith("/favicon.ico");
    if (["error", "warning"].includes(message.type()) && !isIcon) complaints.push(message.text());
  });
  return complaints;
}

/** A person at the dialog for a login: gives these answers (`name:password`) and then dismisses it. Counts the dialogs. */
export async function atTheDialog(page, ...answers) {
  const session = await page.context().newCDPSession(page);
  const dialogs = { count: 0 };
  session.on("Fetch.requestPaused", ({ requestId }) => session.send("Fetch.continueRequest", { requestId }));
  session.on("Fetch.authRequired", ({ requestId, request }) => {
    // Not by the browser for its icon.
    if (!request.url.endsWith("/favicon.ico")) dialogs.count++;
    const [, username, password] = answers.shift()?.match(/^(.*?):(.*)$/) ?? [];
    const response = password ? "ProvideCredentials" : "CancelAuth";
    session.send("Fetch.continueWithAuth", { requestId, authChallengeResponse: { response, username, password } });
  });
  await session.send("Fetch.enable", { handleAuthRequests: true });
  return dialogs;
}

/** The complaint of a browser about a page whose status is no success: a fact, and no fault of the page. */
export const STATUS = (status) => new RegExp(`^Failed to load resource: the server responded with a status of ${status} `);

/** Whether a page has complained of just these, each a regular expression. */
export function complained(complaints, ...expected) {
  const fits = complaints.length === expected.length && expected.every((one, at) => one.test(complaints[at]));
  if (!fits) throw new Error(`the page complains: ${JSON.stringify(complaints)}`);
  complaints.length = 0;
}

/** Waits until that holds. */
export async function until(what, holds) {
  const patience = Date.now() + 15_000;
  while (!(await holds())) {
    if (Date.now() > patience) throw new Error(`in vain: ${what}`);
    await new Promise((after) => setTimeout(after, 20));
  }
}

/** A way to a server that can be cut, or lead elsewhere; with `secure`, TLS ends here and only HTTP/2 is spoken. */
export class Cable {
  /** What was said by clients, for each connection. */
  heard = [];
  #ends = new Set();

  static async to(port, secure) {
    const cable = new Cable();
    cable.target = port;
    const join = (near) => cable.#join(near);
    const listener = secure ? tls.createServer({ ...secure, ALPNProtocols: ["h2"] }, join) : net.createServer(join);
    await new Promise((listening) => listener.listen(0, "127.0.0.1", listening));
    cable.port = listener.address().port;
    listener.unref();
    return cable;
  }

  #join(near) {
    const far = net.connect(this.target, "127.0.0.1");
    const at = this.heard.push("") - 1;
    near.on("data", (data) => (this.heard[at] += data.toString("latin1")));
    for (const [one, other] of [[near, far], [far, near]]) {
      this.#ends.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => (this.#ends.delete(one), other.destroy()));
      one.pipe(other);
    }
  }

  /** Breaks every connection, with no word. */
  cut() {
    for (const end of this.#ends) end.destroy();
  }
}
