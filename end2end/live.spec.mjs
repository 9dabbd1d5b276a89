// Live: a page follows what happens without being loaded again, and says when it cannot.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Server, axe, calm, eventually, fits, launch, looks, open, shot, step } from "./support.mjs";

const workflow = "order-to-erp";
const live = (page) => page.textContent(".live-state");

describe("a live page", () => {
  let server, browser;
  before(async () => {
    server = await Server.start({ args: ["--public-read"] });
    browser = await launch();
    await server.events([step(workflow, "1001", "receive-order", "succeeded")]);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  it("shows an event within the second that the stream gathers, and 300 ms", async () => {
    const page = await open(browser, `${server.url}/workflows/${workflow}`);
    await eventually(async () => assert.match(await live(page), /^Live, picture of \d\d:\d\d:\d\d/));
    await page.evaluate(() => (window.loadedOnce = true));
    await server.events([step(workflow, "1002", "push-to-erp", "failed", { attempt: 6, error: { code: "503", message: "refused" } })]);
    const answered = Date.now();
    await eventually(async () => assert.match(await page.title(), /^Broken: /));
    assert.ok(Date.now() - answered < 1_300 + 50, `it took ${Date.now() - answered} ms`);
    assert.match(await page.textContent("#announce"), /^Broken: /);
    assert.match(await page.getAttribute("link[rel=icon]", "href"), /broken/);
    assert.ok(await page.evaluate(() => window.loadedOnce), "without being loaded again");
    calm(page);
    await page.context().close();
  });

  it("says that the connection is lost when the server is gone, and follows again when it is back", async () => {
    const page = await open(browser, server.url);
    await eventually(async () => assert.match(await live(page), /^Live/));
    await server.halt();
    await eventually(async () => assert.match(await live(page), /^Connection lost, showing \d\d:\d\d:\d\d/));
    await server.again();
    await eventually(async () => assert.match(await live(page), /^Live/), { within: 15_000 });
    await page.context().close();
  });

  it("is complete without JavaScript, and says when its picture was made", async () => {
    const page = await open(browser, `${server.url}/workflows/${workflow}`, { javaScript: false });
    assert.match(await live(page), /^Picture of \d\d:\d\d:\d\d/);
    assert.equal(await page.isVisible(".copy"), false);
    await page.context().close();
  });

  for (const { size, colour } of looks) {
    it(`is good to read: ${size}, ${colour}`, async () => {
      const page = await open(browser, `${server.url}/workflows/${workflow}`, { size, colour });
      await eventually(async () => assert.match(await live(page), /^Live/));
      await axe(page);
      await fits(page);
      await shot(page, `live-${size}-${colour}`);
      calm(page);
      await page.context().close();
    });
  }
});
