// Reading and ticking while the portal cannot be reached, on a phone: what is kept says so, ticks wait, and nothing
// stays behind for the next person.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Book, Server, axe, eventually, fits, launch, open, shot, signIn, step } from "./support.mjs";

// One that nobody keeps without having read it, and one that has steps to do.
const slug = "refund-failed";
const guide = "erp-refuses-orders";

/** The paths that are kept on this device. */
const kept = (page) =>
  page.evaluate(async () => {
    const paths = [];
    for (const name of await caches.keys()) {
      for (const { url } of await (await caches.open(name)).keys()) paths.push(new URL(url).pathname);
    }
    return paths.filter((path) => !path.startsWith("/pkg/")).sort();
  });

/** Waits until these paths are kept. */
const keeps = (page, paths) =>
  eventually(async () => {
    const there = await kept(page);
    for (const path of paths) assert.ok(there.includes(path), `${path} is not among ${there}`);
  }, { within: 15_000 });

describe("without the portal", () => {
  let book, server, browser, password;

  before(async () => {
    book = new Book();
    server = await Server.start({ book: book.folder });
    browser = await launch();
    password = server.account("olga", "operator");
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    book?.remove();
  });

  /** Somebody signed in on a phone, with what is critical kept. */
  async function phone() {
    const page = await open(browser, `${server.url}/sign-in`, { size: "phone" });
    await signIn(page, "olga", password);
    const critical = (await server.api("runbooks")).items.filter((row) => row.critical).map((row) => `/runbooks/${row.slug}`);
    assert.ok(critical.length > 0, "the example book has a critical runbook");
    await keeps(page, ["/runbooks", "/kept/unreachable", ...critical]);
    return page;
  }

  it("a runbook that was visited is read as it was kept, and nothing on it looks like the present", async () => {
    const page = await phone();
    await page.goto(`/runbooks/${slug}`);
    await keeps(page, [`/runbooks/${slug}`]);
    await page.context().setOffline(true);
    await page.goto(`/runbooks/${slug}`);
    const words = await page.locator("body").innerText();
    assert.match(words, /You are offline, or Watchbook cannot be reached\. This is version 1 as kept at \d\d:\d\d:\d\d/);
    assert.match(words, /It may have changed since/);
    assert.match(words, /Not linked/);
    assert.equal(await page.locator(".chip .icon").count(), 0, "no state of a part is shown");
    for (const colour of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: colour });
      await axe(page, `kept runbook, ${colour}`);
      await fits(page);
      await shot(page, `kept-runbook-phone-${colour}`);
    }
    await page.context().setOffline(false);
    await page.goto(`/runbooks/${slug}`);
    assert.equal(await page.locator(".kept-strip").count(), 0, "the network comes first again");
    await page.context().close();
  });

  it("a page that is not kept says that the portal cannot be reached, and what can be read", async () => {
    const page = await phone();
    // Stopped, and not only offline: what a browser fetches ahead would go past that.
    await server.halt();
    try {
      const answer = await page.goto("/workflows/order-to-erp");
      assert.equal(answer.status(), 503);
      assert.match(await page.locator("main").innerText(), /Cannot reach Watchbook/);
      await axe(page, "unreachable");
      await fits(page);
      await shot(page, "unreachable-phone");
      await page.locator(".kept-list").getByRole("link", { name: "ERP refuses orders" }).click();
      await page.waitForURL(/erp-refuses-orders/);
      assert.match(await page.locator(".kept-strip").innerText(), /This is version 1 as kept at/);
    } finally {
      await server.again();
    }
    await page.context().close();
  });

  it("a tick waits, is said to wait, and is sent later with its time", async () => {
    const page = await phone();
    await page.goto(`/runbooks/${guide}`);
    await page.getByRole("button", { name: "Start a drill" }).click();
    await page.waitForURL(/\/drills\/\d+$/);
    const drill = new URL(page.url()).pathname;
    await page.context().setOffline(true);
    const before = Date.now();
    await page.locator("form.tick button").first().click();
    await page.getByText(/waiting to be sent/).first().waitFor();
    assert.match(await page.locator("#ticks-told").innerText(), /1 tick is waiting to be sent/);
    await fits(page);
    await axe(page, "a tick that waits");
    await shot(page, "tick-waits-phone");
    assert.equal((await server.api(drill.slice(1))).log.length, 0);
    await page.context().setOffline(false);
    const log = await eventually(async () => {
      const { log } = await server.api(drill.slice(1));
      assert.equal(log.length, 1);
      return log;
    }, { within: 20_000 });
    assert.equal(log[0].by, "olga");
    assert.ok(Math.abs(Date.parse(log[0].at) - before) < 5_000, "the time is that of the tick");
    await page.getByText(/Done .* by olga/).waitFor();
    assert.equal(await page.locator("#ticks-told").count(), 0);
    await page.context().close();
  });

  it("a tick that cannot be taken any more is shown with why, until somebody has seen it", async () => {
    const page = await phone();
    await page.goto(`/runbooks/${guide}`);
    await page.getByRole("button", { name: "Start a drill" }).click();
    await page.waitForURL(/\/drills\/\d+$/);
    const other = await page.context().newPage();
    await page.context().setOffline(true);
    await page.locator("form.tick button").first().click();
    await page.getByText(/waiting to be sent/).first().waitFor();
    // The drill ends meanwhile, at another desk.
    const desk = await open(browser, `${server.url}/sign-in`);
    await signIn(desk, "olga", password);
    await desk.goto(new URL(page.url()).pathname);
    await desk.getByText("Stop without an answer").click();
    await desk.getByLabel("Why it stops here").fill("Lunch");
    await desk.getByRole("button", { name: "Stop the drill" }).click();
    await desk.getByText("Stopped before its end.").waitFor();
    await page.context().setOffline(false);
    await page.locator("#ticks-told").getByText(/Not taken: .*This drill has ended/).waitFor({ timeout: 20_000 });
    await shot(page, "tick-refused-phone");
    await page.getByRole("button", { name: "I have seen it" }).click();
    await eventually(async () => assert.equal(await page.locator("#ticks-told").count(), 0));
    await other.close();
    await desk.context().close();
    await page.context().close();
  });

  it("signing out removes everything that was kept", async () => {
    const page = await phone();
    await page.locator("details.who summary").click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(/sign-in/);
    await eventually(async () => assert.deepEqual(await kept(page), []));
    await page.context().close();
  });

  it("a session that is over removes what was kept when that is noticed", async () => {
    const page = await phone();
    await page.context().clearCookies();
    await page.goto(`/runbooks/${slug}`);
    await page.waitForURL(/sign-in/);
    await eventually(async () => assert.deepEqual(await kept(page), []));
    await page.context().close();
  });

  it("on paper a runbook has its address, its version and boxes to tick, and nothing to press", async () => {
    const page = await phone();
    await page.goto(`/runbooks/${guide}`);
    await page.emulateMedia({ media: "print" });
    assert.match(await page.locator(".printed").first().innerText(), new RegExp(`/runbooks/${guide}, as of \\d{4}-`));
    assert.match(await page.locator("main").innerText(), /Version 1, saved/);
    for (const hidden of [".top", ".crumbs", ".doc-head .actions", ".practice form", ".foot"]) {
      assert.equal(await page.locator(hidden).first().isVisible(), false, hidden);
    }
    assert.equal(await page.locator(".prose .step input").first().isVisible(), true);
    await page.goto("/workflows/order-to-erp");
    await page.emulateMedia({ media: "print" });
    for (const folded of await page.locator("main details:not(.act, .leave-out)").all()) {
      const inside = await folded.evaluate((details) => details.lastElementChild.getBoundingClientRect().height);
      assert.ok(inside > 0, `what is folded is open on paper: ${await folded.locator("summary").first().innerText()}`);
    }
    await page.context().close();
  });

  it("a portal that has stopped is read as one that cannot be reached", async () => {
    const page = await phone();
    await server.halt();
    try {
      await page.goto("/runbooks");
      assert.match(await page.locator(".kept-strip").innerText(), /This is the list as kept at/);
    } finally {
      await server.again();
    }
    await page.context().close();
  });
});
