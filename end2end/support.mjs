// What every journey needs: the real server, a real browser, events, and eyes (axe, screenshots).

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

export const root = resolve(import.meta.dirname, "..");
/** `cargo xtask test browser` says which binary and browser; without it, the usual ones. */
const binary = process.env.WATCHBOOK_BINARY ?? join(root, "target/debug/watchbook");
const browserPath = process.env.WATCHBOOK_CHROMIUM ?? "/usr/bin/chromium";
const shots = join(import.meta.dirname, "shots");
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Whether it is the release build that is looked at: what is about speed is asserted only there. */
export const release = process.env.WATCHBOOK_RELEASE === "1" || /[\\/]release[\\/]/.test(binary);

/** The sizes that every page has to be good at. */
export const sizes = {
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
  narrow: { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
  desktop: { viewport: { width: 1280, height: 800 } },
};

/** Every way of looking that a journey is taken in: phone and desktop, light and dark. */
export const looks = ["phone", "desktop"].flatMap((size) => ["light", "dark"].map((colour) => ({ size, colour })));

/** Starts a browser; close it with `browser.close()`. It asks nobody but the server under test. */
export function launch() {
  return chromium.launch({
    executablePath: browserPath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-dev-shm-usage",
    ],
  });
}

/**
 * Opens a page in a context of its own. `page.complaints` collects what the browser complains about:
 * script errors, refused content, failed requests. `calm(page)` asserts that there is nothing.
 */
export async function open(browser, url, { size = "desktop", colour = "light", javaScript = true, storage } = {}) {
  const context = await browser.newContext({ reducedMotion: "reduce",
    ...sizes[size],
    colorScheme: colour,
    javaScriptEnabled: javaScript,
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    storageState: storage,
    baseURL: url,
  });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  page.plain = javaScript ? undefined : { ...sizes[size], colorScheme: colour };
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => {
    // A page that is meant to answer 4xx is asked for with its status; the browser need not repeat it.
    const asked = /the server responded with a status of 4/.test(message.text());
    // What is fetched ahead for the script is not used where there is none.
    const unused = !javaScript && /was preloaded using link preload but not used/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !asked && !unused) {
      page.complaints.push(message.text());
    }
  });
  if (url) await page.goto(url);
  return page;
}

/** Asserts that the browser had nothing to complain about. */
export function calm(page) {
  assert.deepEqual(page.complaints, []);
}

/** Asserts that axe finds nothing wrong, by all rules of WCAG 2.2 A and AA. */
export async function axe(page, what = page.url()) {
  if (page.plain) return axeOfCopy(page, what);
  // Put into the page once: bringing it again for every look takes longer than looking.
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axeSource);
  const violations = await page.evaluate(async () => {
    const values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
    const { violations } = await window.axe.run(document, { runOnly: { type: "tag", values }, resultTypes: ["violations"] });
    return violations.map(({ id, help, nodes }) => ({
      id,
      help,
      nodes: nodes.map(({ target, failureSummary }) => `    ${target}: ${failureSummary}`),
    }));
  });
  const words = violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.join("\n")}`);
  assert.equal(violations.length, 0, `axe on ${what}:\n${words.join("\n")}`);
}

/** Axe cannot run where scripts cannot: it looks at the same page in a browser that would run them, without them. */
async function axeOfCopy(page, what) {
  const context = await page.context().browser().newContext(page.plain);
  const copy = await context.newPage();
  const body = (await page.content()).replace(/<script\b[^]*?<\/script>/g, "");
  await copy.route("**", (route) =>
    route.request().isNavigationRequest() ? route.fulfill({ body, contentType: "text/html; charset=utf-8" }) : route.continue(),
  );
  await copy.goto(page.url());
  await axe(copy, what);
  await context.close();
}

/** Asserts that nothing has to be scrolled sideways to be read. */
export async function fits(page) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= window, `the page is ${content} px wide in a window of ${window}`);
}

/** Keeps what the page looks like, for people: end2end/shots/NAME.png. */
export async function shot(page, name) {
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true, animations: "disabled" });
}

/** Waits until `check` does not throw, and gives what it gave; the last error is thrown. */
export async function eventually(check, { within = 5_000 } = {}) {
  const until = Date.now() + within;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

/** Runs `watchbook` with these words and gives what it printed. */
export function watchbook(args, { input = "" } = {}) {
  return execFileSync(binary, args, { cwd: root, input, encoding: "utf8" }).trim();
}

/** A running server with a folder of its own. */
export class Server {
  /** Starts one and waits until it listens. `demo` plays the example day. */
  static async start({ demo = false, args = [], book } = {}) {
    const server = new Server();
    server.folder = mkdtempSync(join(tmpdir(), "watchbook-end2end-"));
    if (!book && !demo) {
      // What is saved in the browser is written to the book: never to the one of this repository.
      book = join(server.folder, "book");
      cpSync(join(root, "runbooks"), book, { recursive: true });
    }
    server.database = `sqlite://${join(server.folder, "watchbook.db")}`;
    server.args = ["serve", "--listen", "127.0.0.1:0"];
    server.args.push(...(demo ? ["--demo"] : ["--book", book, "--database-url", server.database]), ...args);
    await server.listen();
    return server;
  }

  async listen(listen = "127.0.0.1:0") {
    this.args[2] = listen;
    this.said = "";
    this.process = spawn(binary, this.args, {
      cwd: root,
      stdio: ["ignore", "inherit", "pipe"],
      env: { ...process.env, TMPDIR: this.folder },
    });
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
    const lines = createInterface({ input: this.process.stderr });
    this.url = await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`the server did not listen in 30 s; it said:\n${this.said}`)), 30_000);
      lines.on("line", (line) => {
        this.said += `${line}\n`;
        const address = /listening on (http:\/\/[\w.:[\]-]+)/i.exec(line);
        if (address) {
          clearTimeout(late);
          resolve(address[1]);
        }
      });
      this.process.once("error", reject);
      this.process.once("exit", (code) => {
        clearTimeout(late);
        reject(new Error(`${binary} ended with ${code}; it said:\n${this.said}`));
      });
    });
  }

  /** Stops it as an administrator does, or with SIGKILL; its folder stays. */
  async halt(signal = "SIGTERM") {
    this.process.kill(signal);
    await this.ended;
  }

  /** Starts it again at the same address, with the same folder. */
  again() {
    return this.listen(new URL(this.url).host);
  }

  /** Stops it and removes its folder. */
  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.halt();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A token of a scope, made once. Not in the demo, whose database is its own. */
  token(scope = "ingest") {
    this.tokens ??= {};
    this.tokens[scope] ??= watchbook([
      ...["token", "create", "--name", `end2end-${scope}`, "--scope", scope],
      ...["--database-url", this.database],
    ]);
    return this.tokens[scope];
  }

  /** Makes an account and gives its password. */
  account(name, role) {
    const password = `the ${name} of this test`;
    watchbook(["user", "add", name, "--role", role, "--database-url", this.database], { input: `${password}\n` });
    return password;
  }

  /** Sends events as NDJSON; every one has to be accepted. Gives the answer. */
  async events(list) {
    const response = await fetch(`${this.url}/api/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${this.token()}`, "content-type": "application/x-ndjson" },
      body: list.map((event) => JSON.stringify(event)).join("\n"),
    });
    const answer = await response.json();
    assert.equal(response.status, 202, JSON.stringify(answer));
    assert.equal(answer.refused ?? 0, 0, JSON.stringify(answer));
    return answer;
  }

  /** Reads `/api/v1/{path}` with a read token. */
  async api(path) {
    const response = await fetch(`${this.url}/api/v1/${path}`, { headers: { authorization: `Bearer ${this.token("read")}` } });
    assert.equal(response.status, 200, `${path}: ${response.status}`);
    return response.json();
  }
}

/** Signs in on the form that the page shows, and waits for the page after it. */
export async function signIn(page, name, password) {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await Promise.all([
    page.waitForURL((url) => url.pathname !== "/sign-in"),
    page.getByRole("main").getByRole("button", { name: "Sign in" }).click(),
  ]);
}

/** A copy of the example book that a test may change; remove it with `book.remove()`. */
export class Book {
  constructor({ empty = false } = {}) {
    this.folder = mkdtempSync(join(tmpdir(), "watchbook-book-"));
    if (!empty) cpSync(join(root, "runbooks"), this.folder, { recursive: true });
  }

  /** Replaces words in a file, in one move, as a deployment does. They have to be there. */
  edit(file, from, to) {
    const path = join(this.folder, file);
    const before = readFileSync(path, "utf8");
    assert.ok(before.includes(from), `${file} does not say ${from}`);
    // The draft is outside the watched folder, on the same disk.
    const draft = `${this.folder}.draft`;
    writeFileSync(draft, before.replace(from, to));
    renameSync(draft, path);
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** One step event; the rest of its fields go in `more`. */
export const step = (workflow, run, step, state, more = {}) => ({ type: "step", workflow, run, step, state, ...more });

/** The built site: where its files are, and the address they are served under. */
export function site() {
  const hash = readFileSync(join(root, "target/site/HASH.txt"), "utf8").trim();
  return { folder: join(root, "target/site/pkg", hash), address: `/pkg/${hash}` };
}
