// That the judges of the other specs see what they are there to see.
import { brightness, overflow, serious } from "../lib/judge.ts";
import { settings } from "../lib/settings.ts";
import { expect, test } from "../lib/watched.ts";

test("the watch sees a script that the policy stops, a broken request and an exception", async ({ page, watch }) => {
  watch.allow(/policy: script-src|Content Security Policy|\/no-such-picture|uncaught: on purpose/);
  await page.goto("/signin");
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.stranger = true";
    document.body.append(script);
    const picture = document.createElement("img");
    picture.src = "/no-such-picture.png";
    document.body.append(picture);
    setTimeout(() => {
      throw new Error("on purpose");
    });
  });
  await expect.poll(() => watch.seen.filter((line) => line.includes("policy: script-src")).length).toBeGreaterThan(0);
  await expect.poll(() => watch.seen.filter((line) => line.includes("/no-such-picture")).length).toBeGreaterThan(0);
  await expect.poll(() => watch.seen.filter((line) => line.includes("uncaught: on purpose")).length).toBeGreaterThan(0);
  expect(await page.evaluate(() => "stranger" in window), "the script did not run").toBe(false);
});

test("the judges see a picture without a text, a page that is too wide, and a theme", async ({ page }) => {
  await page.goto("/signin");
  expect(await serious(page)).toEqual([]);
  expect(await overflow(page)).toEqual([]);
  await page.evaluate(() => {
    document.body.append(document.createElement("img"));
    const wide = document.createElement("div");
    wide.style.width = "9000px";
    wide.style.height = "1px";
    document.body.append(wide);
  });
  expect((await serious(page)).join()).toContain("image-alt");
  expect((await overflow(page)).join()).toContain("too wide");
  await page.emulateMedia({ colorScheme: "light" });
  await expect.poll(() => brightness(page)).toBeGreaterThan(0.8);
  await page.emulateMedia({ colorScheme: "dark" });
  await expect.poll(() => brightness(page)).toBeLessThan(0.3);
});

test("a browser that was not told the authority refuses the registry", async ({ playwright }, testInfo) => {
  const launch = testInfo.project.use.launchOptions ?? {};
  const browser = await playwright.chromium.launch({ ...launch, env: { ...launch.env, HOME: testInfo.outputPath("home") } });
  try {
    const page = await (await browser.newContext({ baseURL: settings.url })).newPage();
    await expect(page.goto("/signin")).rejects.toThrow("ERR_CERT_AUTHORITY_INVALID");
  } finally {
    await browser.close();
  }
});
